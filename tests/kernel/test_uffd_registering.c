/* SPDX-License-Identifier: MIT */
/*
 * A pager of the same memory comes and goes while a client opens, harvests and
 * looks, and while the region's end moves. When it goes, the memory is not
 * registered for a moment, which is made a long one here. A scan that meets it
 * is tried again so late that the next pager may be going. All succeed.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/userfaultfd.h>

#include <smudge/resize.h>

#include "pager.h"
#include "track.h"

#define NPAGES	512
#define NROUNDS 100

static _Thread_local bool registers_slowly; /* the pager's thread */
static _Thread_local bool is_tried_again;   /* the tracker's: EPERM before */

int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct timespec span = {.tv_nsec = 1000000};
	void *argument;
	va_list list;
	int ret;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (registers_slowly ? request == UFFDIO_REGISTER : is_tried_again)
		nanosleep(&span, NULL);
	ret = __real_ioctl(fd, request, argument);
	is_tried_again = ret < 0 && errno == EPERM;
	return ret;
}

struct fixture {
	struct track track;
	struct smudge_source *source;
	uint8_t *ram;
	struct pager pager;
	pthread_t thread;
	atomic_bool stop;
	atomic_uint npagers;
};

static void *reopen_pager(void *opaque)
{
	struct fixture *f = opaque;

	registers_slowly = true;
	/* Acquire: pairs with the release in close_fixture. */
	while (!atomic_load_explicit(&f->stop, memory_order_acquire)) {
		pager_open(&f->pager, f->ram, NPAGES);
		pager_close(&f->pager);
		/* Relaxed: a number to wait for, it orders nothing. */
		atomic_fetch_add_explicit(&f->npagers, 1, memory_order_relaxed);
	}
	return NULL;
}

static void open_fixture(struct fixture *f)
{
	test_need_uffd();
	memset(f, 0, sizeof(*f));
	f->ram = mmap(NULL, NPAGES * PAGER_PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
	track_open(&f->track, f->ram, 0, NPAGES, 12);
	assert_int_equal(smudge_uffd_create(&f->source, NULL), 0);
	track_attach(&f->track, f->source, 0, 0);
	assert_int_equal(pthread_create(&f->thread, NULL, reopen_pager, f), 0);
}

static void close_fixture(struct fixture *f)
{
	atomic_store_explicit(&f->stop, true, memory_order_release);
	pthread_join(f->thread, NULL);
	smudge_source_destroy(f->source);
	track_close(&f->track);
	munmap(f->ram, NPAGES * PAGER_PAGE);
}

/* Until a pager has often gone meanwhile. */
static bool is_needed(struct fixture *f, int round)
{
	return round < NROUNDS ||
	       atomic_load_explicit(&f->npagers, memory_order_relaxed) <
		       NROUNDS;
}

static void test_scans(void **state)
{
	struct smudge_client *client;
	struct fixture f;

	open_fixture(&f);
	client = track_client(&f.track, "test");
	for (int round = 0; is_needed(&f, round); round++) {
		uint64_t page = (uint64_t)round % NPAGES;

		*(volatile uint8_t *)(f.ram + page * PAGER_PAGE) = 1;
		if (round % 2)
			track_look(&f.track);
		track_harvest(&f.track);
		assert_true(smudge_client_test(client, f.track.region, page));
		track_clean(&f.track, client);
	}
	assert_int_equal(smudge_client_close(client), 0);
	close_fixture(&f);
}

static void test_starts(void **state)
{
	struct fixture f;

	open_fixture(&f);
	for (int round = 0; is_needed(&f, round); round++) {
		struct smudge_client *client = track_client(&f.track, "test");

		assert_int_equal(smudge_client_close(client), 0);
	}
	close_fixture(&f);
}

/* The end of the region moves. */
static void test_moves(void **state)
{
	struct smudge_client *client;
	struct smudge_error err = {0};
	struct fixture f;

	open_fixture(&f);
	client = track_client(&f.track, "test");
	for (int round = 0; is_needed(&f, round); round++) {
		uint64_t npages = 1 + (uint64_t)(round * 37) % NPAGES;
		uint64_t page = npages - 1;

		if (smudge_region_resize(f.track.region, npages, &err) < 0)
			fail_msg("%s", err.message);
		f.track.npages = npages;
		track_harvest(&f.track);
		track_clean(&f.track, client);
		*(volatile uint8_t *)(f.ram + page * PAGER_PAGE) = 1;
		track_harvest(&f.track);
		assert_true(smudge_client_test(client, f.track.region, page));
		track_clean(&f.track, client);
	}
	assert_int_equal(smudge_client_close(client), 0);
	close_fixture(&f);
}

TEST_MAIN(test_scans, test_starts, test_moves)
