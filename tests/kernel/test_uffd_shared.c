/* SPDX-License-Identifier: MIT */
/*
 * One userfaultfd for all uses in an address space: who may have which range,
 * what is left as a use closes, when the descriptor is opened and closed, and
 * what a child of fork(2) gets.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "sys/uffd.h"
#include "sys/uffd_use.h"
#include "track.h"

#define NPAGES 64
#define BYTES  (NPAGES * 4096)

static uint8_t *map_anonymous(void)
{
	uint8_t *ram = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(ram, MAP_FAILED);
	return ram;
}

static void touch(uint8_t *ram, uint64_t page)
{
	*(volatile uint8_t *)(ram + page * 4096) += 1;
}

/* Descriptors of this process that are userfaultfds. */
static int count_uffds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	int n = 0;

	while (folder && (entry = readdir(folder))) {
		char target[64] = "";

		if (readlinkat(dirfd(folder), entry->d_name, target,
			       sizeof(target) - 1) > 0)
			n += strcmp(target, "anon_inode:[userfaultfd]") == 0;
	}
	closedir(folder);
	return n;
}

static struct smudge_source *attach_uffd(struct track *t, uint8_t *ram,
					 uint64_t npages)
{
	struct smudge_source *source;

	track_open(t, ram, 0, npages, 12);
	assert_int_equal(smudge_uffd_create(&source, NULL), 0);
	track_attach(t, source, 0, 0);
	return source;
}

static void detach(struct track *t, struct smudge_source *source,
		   struct smudge_client *client)
{
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	track_close(t);
}

static void test_opened_once(void **state)
{
	struct smudge_client *clients[2];
	struct smudge_source *sources[2];
	struct track tracks[2];
	uint8_t *ram;

	test_need_uffd();
	ram = map_anonymous();
	for (int i = 0; i < 2; i++) {
		sources[i] = attach_uffd(&tracks[i], ram + i * BYTES / 2,
					 NPAGES / 2);
		assert_int_equal(count_uffds(), i);
		clients[i] = track_client(&tracks[i], "test");
		assert_int_equal(count_uffds(), 1);
		track_clean(&tracks[i], clients[i]);
	}
	/* Neighbours in one mapping: the end of one leaves the other. */
	touch(ram, NPAGES / 2 - 1);
	touch(ram, NPAGES / 2);
	detach(&tracks[0], sources[0], clients[0]);
	assert_int_equal(count_uffds(), 1);
	track_harvest(&tracks[1]);
	track_expect(&tracks[1], clients[1], 0);
	detach(&tracks[1], sources[1], clients[1]);
	assert_int_equal(count_uffds(), 0);
	munmap(ram, BYTES);
}

/* A tracker would miss what another one fetches. */
static void test_second_tracker_is_refused(void **state)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "second"};
	struct smudge_client *client, *second = NULL;
	struct smudge_source *sources[2];
	struct smudge_error err = {0};
	struct track tracks[2];
	uint8_t *ram;

	test_need_uffd();
	ram = map_anonymous();
	sources[0] = attach_uffd(&tracks[0], ram, NPAGES);
	sources[1] = attach_uffd(&tracks[1], ram + 4096, NPAGES - 1);
	client = track_client(&tracks[0], "first");
	track_clean(&tracks[0], client);
	touch(ram, 5);
	assert_int_equal(
		smudge_client_open(tracks[1].memory, &options, &second, &err),
		-EBUSY);
	assert_non_null(strstr(err.message, "another source"));
	touch(ram, 6);
	track_harvest(&tracks[0]);
	track_expect(&tracks[0], client, 5, 6);
	assert_int_equal(smudge_client_close(client), 0);
	client = track_client(&tracks[1], "second");
	assert_int_equal(smudge_client_close(client), 0);
	for (int i = 0; i < 2; i++) {
		smudge_source_destroy(sources[i]);
		track_close(&tracks[i]);
	}
	munmap(ram, BYTES);
}

static void open_missing(struct smi_sys_uffd_use *use, uint8_t *ram,
			 uint64_t first, uint64_t end)
{
	uint64_t at = (uintptr_t)ram;

	assert_int_equal(smi_sys_uffd_use_open(use, SMI_SYS_UFFD_MISSING, NULL),
			 0);
	assert_int_equal(smi_sys_uffd_use_register(use, at + first * 4096,
						   at + end * 4096, NULL),
			 0);
}

static void test_one_reader(void **state)
{
	struct smi_sys_uffd_use one, two;
	uint8_t *ram;

	test_need_uffd();
	ram = map_anonymous();
	open_missing(&one, ram, 0, 4);
	open_missing(&two, ram, 4, 8);
	assert_int_equal(one.fd, two.fd);
	assert_int_equal(smi_sys_uffd_use_claim(&one), 0);
	assert_int_equal(smi_sys_uffd_use_claim(&one), 0);
	assert_int_equal(smi_sys_uffd_use_claim(&two), -EBUSY);
	smi_sys_uffd_use_close(&one);
	assert_int_equal(smi_sys_uffd_use_claim(&two), 0);
	smi_sys_uffd_use_close(&two);
	smi_sys_uffd_use_close(&two);
	munmap(ram, BYTES);
}

/* A range of missing pages across the edge of a tracked one. */
static void test_missing_pages_leave(void **state)
{
	struct smi_sys_uffd_use missing;
	struct smudge_source *source;
	struct smudge_client *client;
	struct track track;
	uint8_t *ram;

	test_need_uffd();
	ram = map_anonymous();
	source = attach_uffd(&track, ram, NPAGES / 2);
	client = track_client(&track, "test");
	open_missing(&missing, ram, NPAGES / 4, NPAGES);
	track_clean(&track, client);
	track_harvest(&track);
	track_expect_none(&track, client);
	smi_sys_uffd_use_close(&missing);
	/* Unprotected for a moment, so all of it may have been written. */
	track_harvest(&track);
	assert_true(smudge_client_all(client, track.region, NPAGES / 4,
				      NPAGES / 4));
	assert_int_equal(smudge_client_dirty_pages(client), NPAGES / 4);
	track_clean(&track, client);
	/* No page is missing any more, and tracking continues. */
	touch(ram, NPAGES / 4);
	touch(ram, NPAGES - 1);
	track_harvest(&track);
	track_expect(&track, client, NPAGES / 4);
	detach(&track, source, client);
	munmap(ram, BYTES);
}

/* A file that cannot be registered lies in the range as the source stops. */
static void test_replaced_by_file(void **state)
{
	struct smi_sys_uffd_use other;
	struct smudge_source *source;
	struct smudge_client *client;
	struct track track;
	uint64_t has;
	uint8_t *ram;
	int fd, uffd;

	test_need_uffd();
	ram = map_anonymous();
	/* Keeps the descriptor open, for closing it would end all. */
	assert_int_equal(
		smi_sys_uffd_use_open(&other, SMI_SYS_UFFD_WRITES, NULL), 0);
	source = attach_uffd(&track, ram, NPAGES);
	client = track_client(&track, "test");
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_ptr_equal(mmap(ram + 8 * 4096, 4096, PROT_READ,
			      MAP_SHARED | MAP_FIXED, fd, 0),
			 ram + 8 * 4096);
	close(fd);
	detach(&track, source, client);
	uffd = smi_sys_uffd_open(true);
	assert_int_equal(smi_sys_uffd_api(uffd, SMI_SYS_UFFD_FLAG_WP, &has), 0);
	assert_int_equal(smi_sys_uffd_register(uffd, (uintptr_t)ram, 8 * 4096,
					       SMI_SYS_UFFD_MODE_WP),
			 0);
	assert_int_equal(smi_sys_uffd_register(uffd, (uintptr_t)ram + 9 * 4096,
					       (NPAGES - 9) * 4096,
					       SMI_SYS_UFFD_MODE_WP),
			 0);
	close(uffd);
	smi_sys_uffd_use_close(&other);
	munmap(ram, BYTES);
}

/* Return what _exit gets: 0, or the number of the step that went wrong. */
static int in_child(struct track *inherited, struct smudge_source *source)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "child"};
	struct smudge_error err = {0};
	struct smudge_source *own;
	struct smudge_client *client;
	struct track track;
	uint8_t *ram;

	if (smudge_region_harvest(inherited->region, &err) != -EPERM ||
	    !strstr(err.message, "fork") ||
	    smudge_region_look(inherited->region, NULL) != -EPERM)
		return 1;
	smudge_source_destroy(source);
	ram = map_anonymous();
	own = attach_uffd(&track, ram, NPAGES);
	if (smudge_client_open(track.memory, &options, &client, NULL) < 0)
		return 2;
	track_clean(&track, client);
	touch(ram, 3);
	track_harvest(&track);
	if (smudge_client_dirty_pages(client) != 1 ||
	    !smudge_client_test(client, track.region, 3))
		return 3;
	detach(&track, own, client);
	return 0;
}

static void test_fork(void **state)
{
	struct smudge_source *source;
	struct smudge_client *client;
	struct track track;
	uint8_t *ram;
	pid_t child;
	int status;

	test_need_uffd();
	ram = map_anonymous();
	source = attach_uffd(&track, ram, NPAGES);
	client = track_client(&track, "parent");
	track_clean(&track, client);
	touch(ram, 9);
	child = fork();
	if (!child)
		_exit(in_child(&track, source));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	touch(ram, 10);
	track_harvest(&track);
	track_expect(&track, client, 9, 10);
	detach(&track, source, client);
	munmap(ram, BYTES);
}

static atomic_bool stop;

static void *open_and_close(void *ram)
{
	uint64_t at = (uintptr_t)ram;

	/* Relaxed: it only ends the loop. */
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		struct smi_sys_uffd_use use;

		if (smi_sys_uffd_use_open(&use, SMI_SYS_UFFD_WRITES, NULL))
			abort();
		if (smi_sys_uffd_use_register(&use, at, at + 4096, NULL))
			abort();
		smi_sys_uffd_use_close(&use);
	}
	return NULL;
}

/* A thread that has the lock does not exist in the child; the child has it. */
static void test_fork_while_locked(void **state)
{
	struct smi_sys_uffd_use use;
	pthread_t threads[2];
	uint8_t *ram;

	test_need_uffd();
	ram = map_anonymous();
	atomic_init(&stop, false);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						open_and_close, ram + i * 4096),
				 0);
	for (int i = 0; i < 200; i++) {
		pid_t child = fork();
		int status;

		if (!child) {
			alarm(120); /* a lock that is never released */
			_exit(smi_sys_uffd_use_open(&use, SMI_SYS_UFFD_WRITES,
						    NULL) != 0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(count_uffds(), 0);
	munmap(ram, BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opened_once),
		cmocka_unit_test(test_second_tracker_is_refused),
		cmocka_unit_test(test_one_reader),
		cmocka_unit_test(test_missing_pages_leave),
		cmocka_unit_test(test_replaced_by_file),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_fork_while_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
