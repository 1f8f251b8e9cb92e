/* SPDX-License-Identifier: MIT */
/*
 * Lazy restores that fail: no access sees wrong bytes, and none waits for ever.
 * What had not come in is inaccessible, and the program is told why, once.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lazy_rig.h"

static int set_up(void **state)
{
	return lazy_enter(state, "errors_lazy", true);
}

/* ---- accesses that may fail ------------------------------------------- */

static _Thread_local sigjmp_buf back;

static void jump_back(int signal)
{
	siglongjmp(back, 1);
}

static void catch_faults(void)
{
	const struct sigaction action = {.sa_handler = jump_back,
					 .sa_flags = SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void leave_faults(void)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
}

/* Return: 1: as in the layer; 0: not accessible; -1: wrong bytes. */
static int look(const struct lazy_rig *rig, size_t region, uint64_t page)
{
	if (sigsetjmp(back, 0))
		return 0;
	return lazy_is_right(rig, region, page) ? 1 : -1;
}

struct told {
	atomic_int ncalls;
	struct smudge_error why;
	struct lazy_rig *rig;
	int waited; /* what smudge_lazy_wait returns then */
};

static void be_told(void *opaque, const struct smudge_error *why)
{
	struct told *told = opaque;

	told->why = *why;
	if (told->rig->lazy)
		told->waited = smudge_lazy_wait(told->rig->lazy, 0, NULL);
	atomic_fetch_add(&told->ncalls, 1);
}

struct watcher {
	struct lazy_rig *rig;
	struct test_rng rng;
	uint64_t nright, nwrong, nnone;
	atomic_bool *is_ending;
};

static void *watch(void *opaque)
{
	struct watcher *w = opaque;

	while (!atomic_load(w->is_ending)) {
		size_t region = test_rng_below(&w->rng, 2);
		int ret = look(w->rig, region,
			       test_rng_below(&w->rng, w->rig->npages[region]));

		w->nright += ret > 0;
		w->nwrong += ret < 0;
		w->nnone += ret == 0;
	}
	return NULL;
}

/* It did not begin. */
#define REFUSED (-1000)

/*
 * Restore while two threads look, until all is in or it has failed. Return:
 * what smudge_lazy_end says.
 */
static int restore_watched(struct lazy_rig *rig, struct told *told,
			   struct test_rng *rng)
{
	struct watcher watchers[2];
	atomic_bool is_ending;
	pthread_t threads[2];
	struct smudge_error err;
	int ret;

	atomic_init(&is_ending, false);
	*told = (struct told){.rig = rig};
	rig->options.failed = be_told;
	rig->options.opaque = told;
	ret = smudge_restore_lazily(rig->memory, rig->chain, &rig->options,
				    &rig->lazy, &err);
	if (ret < 0)
		return REFUSED;
	for (int i = 0; i < 2; i++) {
		watchers[i] = (struct watcher){.rig = rig,
					       .rng = {test_rng_next(rng)},
					       .is_ending = &is_ending};
		assert_int_equal(
			pthread_create(&threads[i], NULL, watch, &watchers[i]),
			0);
	}
	ret = smudge_lazy_wait(rig->lazy, UINT64_MAX, NULL);
	atomic_store(&is_ending, true);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(watchers[i].nwrong, 0);
		assert_true(ret < 0 || !watchers[i].nnone);
	}
	assert_int_equal(smudge_lazy_end(rig->lazy, &err), ret);
	assert_int_equal(err.code, ret);
	rig->lazy = NULL;
	assert_int_equal(atomic_load(&told->ncalls), ret < 0);
	if (ret < 0) {
		assert_int_equal(told->why.code, ret);
		assert_string_equal(told->why.message, err.message);
	}
	return ret;
}

/* Every page is right or inaccessible. Return: how many are not there. */
static uint64_t count_none(const struct lazy_rig *rig)
{
	uint64_t n = 0;

	for (size_t i = 0; i < 2; i++) {
		for (uint64_t page = 0; page < rig->npages[i]; page++) {
			int ret = look(rig, i, page);

			if (ret < 0)
				fail_msg("kind %d: page %ju of %zu is wrong",
					 rig->kind, (uintmax_t)page, i);
			n += ret == 0;
		}
	}
	return n;
}

/* ---- files that lie --------------------------------------------------- */

static const char *const files[LAZY_NLAYERS] = {
	"chain/layer-00000001.qcow2", "chain/layer-00000002.qcow2",
	"chain/layer-00000003.qcow2", "chain/layer-00000004.qcow2"};

static off_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

/* Change bytes of a file; again: change them back. */
static void spoil(const char *name, off_t at, size_t length)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);
	uint8_t bytes[4096];

	assert_true(fd >= 0 && length <= sizeof(bytes));
	assert_int_equal(pread(fd, bytes, length, at), length);
	for (size_t i = 0; i < length; i++)
		bytes[i] ^= 0x55;
	assert_int_equal(pwrite(fd, bytes, length, at), length);
	close(fd);
}

/*
 * Bytes that were changed anywhere, after the chain was opened: the restore
 * fails, or they do not matter.
 */
static void damaged(void **state)
{
	struct test_rng rng = test_rng_start("errors_lazy damaged");
	unsigned int nfailed = 0;

	test_need_uffd();
	catch_faults();
	for (unsigned int i = 0; i < test_rounds(60); i++) {
		const char *name = files[test_rng_below(&rng, LAZY_NLAYERS)];
		off_t size = size_of(name);
		struct lazy_rig rig;
		struct told told;
		off_t at;
		int ret;

		lazy_open(&rig, (enum lazy_kind)(i % LAZY_NKINDS));
		rig.options.digests_first = i & 8;
		at = (off_t)test_rng_below(&rng, (uint64_t)size - 64);
		spoil(name, at, 64);
		ret = restore_watched(&rig, &told, &rng);
		spoil(name, at, 64);
		nfailed += ret < 0;
		if (ret == 0)
			assert_int_equal(count_none(&rig), 0);
		else if (ret != REFUSED)
			count_none(&rig);
		lazy_close(&rig);
	}
	assert_true(nfailed > 0);
	leave_faults();
}

static void replaced_or_cut(void **state)
{
	struct test_rng rng = test_rng_start("errors_lazy cut");

	test_need_uffd();
	catch_faults();
	for (int how = 0; how < 3; how++) {
		struct lazy_rig rig;
		struct told told;
		int ret;

		lazy_open(&rig, LAZY_PRIVATE);
		assert_int_equal(system("cp -r chain kept"), 0);
		if (how == 0)
			assert_int_equal(unlink(files[0]), 0);
		else if (how == 1)
			assert_int_equal(
				truncate(files[0], size_of(files[0]) / 2), 0);
		else
			assert_int_equal(rename(files[1], files[0]), 0);
		ret = restore_watched(&rig, &told, &rng);
		if (ret >= 0 || !strstr(told.why.message, "layer-0000000"))
			fail_msg("%d: %d %s", how, ret, told.why.message);
		count_none(&rig);
		lazy_close(&rig);
		assert_int_equal(system("rm -r chain && mv kept chain"), 0);
	}
	leave_faults();
}

/* A page that was touched through the file, before it came in. */
static void touched_otherwise(void **state)
{
	struct test_rng rng = test_rng_start("errors_lazy touched");
	struct lazy_rig rig;
	struct told told;
	uint64_t page = 0;

	test_need_uffd();
	catch_faults();
	while (lazy_model_is_zero(1, page))
		page++;
	lazy_open(&rig, LAZY_MEMFD_SHARED);
	rig.options.on_demand = true;
	told = (struct told){.rig = &rig};
	rig.options.failed = be_told;
	rig.options.opaque = &told;
	lazy_begin(&rig);
	assert_int_equal(pwrite(rig.fds[1], "x", 1, (off_t)(page * LAZY_PAGE)),
			 1);
	assert_int_equal(smudge_lazy_wait(rig.lazy, UINT64_MAX, NULL), -EEXIST);
	assert_int_equal(smudge_lazy_end(rig.lazy, NULL), -EEXIST);
	rig.lazy = NULL;
	assert_int_equal(atomic_load(&told.ncalls), 1);
	assert_int_equal(told.waited, -EEXIST);
	assert_non_null(strstr(told.why.message, "another mapping"));
	assert_int_equal(look(&rig, 1, page), 0);
	(void)rng;
	lazy_close(&rig);
	leave_faults();
}

/* ---- cancelled -------------------------------------------------------- */

static void cancelled(void **state)
{
	test_need_uffd();
	catch_faults();
	for (int kind = 0; kind < LAZY_NKINDS; kind++) {
		struct smudge_error err;
		struct lazy_rig rig;
		struct told told;

		lazy_open(&rig, (enum lazy_kind)kind);
		told = (struct told){.rig = &rig};
		rig.options.failed = be_told;
		rig.options.opaque = &told;
		rig.options.on_demand = true;
		lazy_begin(&rig);
		assert_int_equal(look(&rig, 0, 3), 1);
		smudge_lazy_cancel(rig.lazy);
		smudge_lazy_cancel(rig.lazy);
		if (look(&rig, 0, 3) != 1)
			fail_msg("kind %d", kind);
		assert_int_equal(look(&rig, 1, 1), 0);
		assert_int_equal(smudge_lazy_wait(rig.lazy, 0, &err),
				 -ECANCELED);
		assert_int_equal(lazy_stats(&rig).failure, -ECANCELED);
		assert_int_equal(smudge_lazy_end(rig.lazy, &err), -ECANCELED);
		rig.lazy = NULL;
		assert_int_equal(atomic_load(&told.ncalls), 0);
		assert_true(count_none(&rig) > 0);
		lazy_close(&rig);
	}
	leave_faults();
}

/* More runs are missing than may become mappings of their own. */
static void cancelled_with_many_runs(void **state)
{
	struct lazy_rig rig;

	test_need_uffd();
	catch_faults();
	lazy_open(&rig, LAZY_PRIVATE);
	rig.options.on_demand = true;
	rig.options.read_ahead_bytes = 4096;
	lazy_begin(&rig);
	for (uint64_t page = 0; page < LAZY_NPAGES; page += 2)
		(void)*(volatile uint8_t *)(rig.ram[0] + page * LAZY_PAGE);
	smudge_lazy_cancel(rig.lazy);
	assert_int_equal(smudge_lazy_end(rig.lazy, NULL), -ECANCELED);
	rig.lazy = NULL;
	for (uint64_t page = 1; page < LAZY_NPAGES; page += 2)
		assert_int_equal(look(&rig, 0, page), 0);
	assert_int_equal(look(&rig, 0, 2), 1);
	lazy_close(&rig);
	leave_faults();
}

TEST_MAIN_WITH(set_up, lazy_leave, damaged, replaced_or_cut, touched_otherwise,
	       cancelled, cancelled_with_many_runs)
