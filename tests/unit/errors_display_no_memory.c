/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation fails, for every n, in open and set_mode: -ENOMEM and
 * all is as it was. The linker puts the functions below before libc's.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "display_rig.h"
#include "fake_source.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_mmap64(void *at, size_t length, int prot, int flags, int fd,
		    off_t offset);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd,
		    off_t offset);

static unsigned int countdown; /* 0: none fails; 1: the next one does */
static bool has_failed;

static bool fails(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd,
		    off_t offset)
{
	if (fails())
		return MAP_FAILED;
	return __real_mmap64(at, length, prot, flags, fd, offset);
}

static const struct smudge_display_mode first = {sizeof(first), 0, 400, 100,
						 100};
static const struct smudge_display_mode second = {sizeof(second), 4, 800, 200,
						  50};

static void test_open(void **state)
{
	struct smudge_rect rects[4];
	struct display_rig rig;
	unsigned int n = 0;
	int r;

	rig_start(&rig, 64, 12);
	do {
		struct smudge_error err = {0};

		has_failed = false;
		countdown = ++n;
		r = smudge_display_open(rig.memory, rig.region, &first,
					&rig.display, &err);
		countdown = 0;
		assert_int_equal(r, has_failed ? -ENOMEM : 0);
		assert_int_equal(err.code, r);
		if (r < 0) {
			assert_null(rig.display);
			assert_int_equal(fake_stats(rig.memory).nclients, 0);
		}
	} while (has_failed && n < 100);
	assert_in_range(n, 4, 99);
	rig_close(&rig);
	rig_open(&rig, first);
	rig_refresh(&rig, rects, 4);
	rig_stop(&rig);
}

static void test_set_mode(void **state)
{
	struct smudge_rect rects[4];
	struct display_rig rig;
	unsigned int n = 0;
	int r;

	rig_start(&rig, 64, 12);
	rig_open(&rig, first);
	rig_refresh(&rig, rects, 4);
	do {
		struct smudge_error err = {0};

		has_failed = false;
		countdown = ++n;
		r = smudge_display_set_mode(rig.display, &second, &err);
		countdown = 0;
		assert_int_equal(r, has_failed ? -ENOMEM : 0);
		assert_int_equal(err.code, r);
		if (r < 0) {
			/* the old mode and its frame */
			rig_write(&rig, rig_at(&rig, 5, 5), n);
			assert_int_equal(rig_refresh(&rig, rects, 4), 1);
		}
	} while (has_failed && n < 100);
	assert_in_range(n, 2, 99);
	rig_set_mode(&rig, second);
	rig_refresh(&rig, rects, 4);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_set_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
