/* SPDX-License-Identifier: MIT */
/*
 * The first mark of a thread, in a process that gets no more memory: it
 * succeeds, and the process continues. Through the shared library: linked, or,
 * with BY_DLOPEN, loaded when the threads are there already, so that their
 * thread-local storage is not the linker's to allocate any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/client.h>
#include <smudge/memory.h>

#define NPAGES 16

struct library {
	__typeof__(smudge_memory_create) *memory_create;
	__typeof__(smudge_memory_mark_gpa) *memory_mark_gpa;
	__typeof__(smudge_region_add) *region_add;
	__typeof__(smudge_client_open) *client_open;
	__typeof__(smudge_client_take) *client_take;
	__typeof__(smudge_client_dirty_pages) *client_dirty_pages;
	__typeof__(smudge_client_commit) *client_commit;
	__typeof__(smudge_batch_create) *batch_create;
};

#ifdef BY_DLOPEN
static bool load(struct library *lib)
{
	void *handle = dlopen(SMUDGE_LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return false;
#define LOAD(name) lib->name = dlsym(handle, "smudge_" #name)
	LOAD(memory_create);
	LOAD(memory_mark_gpa);
	LOAD(region_add);
	LOAD(client_open);
	LOAD(client_take);
	LOAD(client_dirty_pages);
	LOAD(client_commit);
	LOAD(batch_create);
	return lib->memory_create && lib->memory_mark_gpa && lib->region_add &&
	       lib->client_open && lib->client_take &&
	       lib->client_dirty_pages && lib->client_commit &&
	       lib->batch_create;
}
#else
static bool load(struct library *lib)
{
	*lib = (struct library){
		smudge_memory_create, smudge_memory_mark_gpa,
		smudge_region_add,    smudge_client_open,
		smudge_client_take,   smudge_client_dirty_pages,
		smudge_client_commit, smudge_batch_create,
	};
	return true;
}
#endif

static struct library lib;
static struct smudge_memory *memory;
static struct smudge_region *region;
static struct smudge_client *client;
static sem_t begin, end;

static void *mark_page_3(void *opaque)
{
	sem_wait(&begin);
	lib.memory_mark_gpa(memory, 3 << 12, 1);
	sem_post(&end);
	return NULL;
}

/* A memory whose client has taken everything. */
static bool open_client(void)
{
	void *ram = mmap(NULL, NPAGES << 12, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct smudge_region_options region_options = {
		.size = sizeof(region_options),
		.name = "ram",
		.hva = ram,
		.size_bytes = NPAGES << 12,
	};
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "client"};
	struct smudge_batch *batch;

	return lib.memory_create(&memory) == 0 &&
	       lib.region_add(memory, &region_options, &region, NULL) == 0 &&
	       lib.client_open(memory, &options, &client, NULL) == 0 &&
	       lib.batch_create(0, &batch, NULL) == 0 &&
	       lib.client_take(client, region, 0, NPAGES, batch, NULL) == 0 &&
	       lib.client_commit(client, batch) == 0 &&
	       lib.client_dirty_pages(client) == 0;
}

/* In a child: its limits, and its end if it ends. Return: exit status. */
static int mark_without_memory(bool by_thread)
{
	struct rlimit none = {4096, RLIM_INFINITY};
	pthread_t thread;

	sem_init(&begin, 0, 0);
	sem_init(&end, 0, 0);
	if (pthread_create(&thread, NULL, mark_page_3, NULL) || !load(&lib) ||
	    !open_client())
		return 2;
	if (setrlimit(RLIMIT_AS, &none))
		return 3;
	if (by_thread) {
		sem_post(&begin);
		sem_wait(&end);
	} else {
		lib.memory_mark_gpa(memory, 3 << 12, 1);
	}
	none.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_AS, &none))
		return 4;
	return lib.client_dirty_pages(client) == 1 ? 0 : 5;
}

static void run(bool by_thread)
{
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(mark_without_memory(by_thread));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void test_first_thread(void **state)
{
	run(false);
}

static void test_other_thread(void **state)
{
	run(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_thread),
		cmocka_unit_test(test_other_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
