/* SPDX-License-Identifier: MIT */
/*
 * Who comes to a lost page leaves its work, or waits until it may read zeros;
 * other faults end the process as ever.
 */
#include "base/lost_memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "base/ram.h"
#include "slow.h"
#include "support.h"

#define NPAGES 4
#define BYTES  (NPAGES * 4096)

struct world {
	struct ram ram;
	uint8_t *bytes;
	atomic_bool is_through; /* the thread has read the page */
	uint8_t found;
};

/* The page @lost cannot be reached. */
static void need_jumps(void)
{
	if (TEST_HAS_TSAN)
		test_skip_without("signals", "ThreadSanitizer follows no jump");
}

static void open_world(struct world *world, size_t lost)
{
	memset(world, 0, sizeof(*world));
	world->bytes = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(world->bytes, MAP_FAILED);
	memset(world->bytes, 7, BYTES);
	assert_int_equal(mprotect(world->bytes + lost * 4096, 4096, PROT_NONE),
			 0);
	world->ram.pieces[0] = (struct ram_piece){
		.name = "ram-low", .hva = world->bytes, .size_bytes = BYTES};
	world->ram.npieces = 1;
	assert_int_equal(lost_memory_watch(&world->ram, NULL), 0);
}

static void close_world(struct world *world)
{
	lost_memory_forget();
	munmap(world->bytes, BYTES);
}

struct work {
	volatile uint8_t *at;
	unsigned int nbegun, ndone;
};

static void touch(void *opaque)
{
	struct work *work = opaque;

	work->nbegun++;
	*work->at = 1;
	work->ndone++;
}

static void test_work_is_left(void **state)
{
	struct world world;
	struct work work = {0};

	need_jumps();
	open_world(&world, 2);
	for (unsigned int i = 0; i < 3; i++) {
		work.at = world.bytes + 4096;
		assert_true(lost_memory_try(touch, &work));
		work.at = world.bytes + 2 * 4096;
		assert_false(lost_memory_try(touch, &work));
		assert_int_equal(work.nbegun, 2 * i + 2);
		assert_int_equal(work.ndone, i + 1);
	}
	close_world(&world);
}

static void *read_page(void *opaque)
{
	struct world *world = opaque;

	world->found = *(volatile uint8_t *)(world->bytes + 4096);
	atomic_store(&world->is_through, true);
	return NULL;
}

/* Also in a thread whose signals are blocked. */
static void test_others_wait(void **state)
{
	const struct timespec span = {.tv_nsec = 20000000};
	struct world world;
	pthread_t thread;

	need_jumps();
	open_world(&world, 1);
	world.found = 9;
	assert_int_equal(host_thread_start(&thread, read_page, &world, 0), 0);
	nanosleep(&span, NULL);
	assert_false(atomic_load(&world.is_through));
	lost_memory_release();
	lost_memory_release();
	pthread_join(thread, NULL);
	assert_int_equal(world.found, 0);
	/* what was there is gone too: nothing of it is used any more */
	assert_int_equal(world.bytes[0], 0);
	close_world(&world);
}

static void fault_elsewhere(struct world *world)
{
	struct work work = {0};

	work.at =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	lost_memory_release();
	(void)lost_memory_try(touch, &work);
}

static void fault_when_all_is_here(struct world *world)
{
	struct work work = {.at = world->bytes};

	lost_memory_forget();
	(void)lost_memory_try(touch, &work);
}

static void ends_by_a_fault(void (*fault)(struct world *world))
{
	struct world world;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		open_world(&world, 0);
		fault(&world);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* a sanitizer has a handler of its own */
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status));
}

static void test_other_faults(void **state)
{
	need_jumps();
	ends_by_a_fault(fault_elsewhere);
	ends_by_a_fault(fault_when_all_is_here);
}

TEST_MAIN(test_work_is_left, test_others_wait, test_other_faults)
