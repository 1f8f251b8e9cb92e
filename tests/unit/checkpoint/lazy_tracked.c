/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints of memory whose pages still come in: deltas have what was
 * written, whole layers everything, and what was only read is clean; also after
 * the restore has ended, while the memory is tracked on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/process_stat.h"
#include "folder.h"
#include "lazy_rig.h"

static struct test_rng rng;

static int set_up(void **state)
{
	rng = test_rng_start("lazy_tracked");
	if (folder_enter(state) < 0)
		return -1;
	lazy_save(&rng, false);
	return 0;
}

/* Who waits for a thread's end may continue while it is listed still. */
static bool is_ending(int folder_fd, const char *thread)
{
	char path[300], text[PROCESS_STAT_TEXT_BYTES];
	struct process_stat stat;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/stat", thread);
	fd = openat(folder_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n < 0)
		return true;
	text[n] = '\0';
	assert_int_equal(process_stat_parse(text, &stat), 0);
	return stat.flags & PROCESS_IS_ENDING;
}

static unsigned int count_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned int n = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)))
		n += entry->d_name[0] != '.' &&
		     !is_ending(dirfd(folder), entry->d_name);
	closedir(folder);
	return n;
}

static struct smudge_checkpointer *continue_chain(struct lazy_rig *rig)
{
	const struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = "chain",
		.clean_as_of = rig->chain,
		.full_every = 1000,
	};
	struct smudge_checkpointer *cp;
	struct smudge_error err;

	if (smudge_checkpointer_create(rig->memory, &options, &cp, &err) < 0)
		fail_msg("kind %d: %s", rig->kind, err.message);
	return cp;
}

/* The newest layer is what the memory holds, which nothing writes now. */
static void check_layer(struct lazy_rig *rig)
{
	const struct smudge_chain_options options = {.size = sizeof(options),
						     .folder = "chain"};
	uint8_t *bytes = malloc(LAZY_NPAGES * LAZY_PAGE);
	struct smudge_chain *chain;
	struct smudge_error err;

	assert_non_null(bytes);
	assert_int_equal(smudge_chain_open(&options, &chain, &err), 0);
	for (size_t i = 0; i < 2; i++) {
		if (smudge_chain_read(chain, i, 0, rig->npages[i], bytes,
				      &err) < 0)
			fail_msg("%s", err.message);
		for (uint64_t page = 0; page < rig->npages[i]; page++) {
			if (memcmp(bytes + page * LAZY_PAGE,
				   rig->ram[i] + page * LAZY_PAGE, LAZY_PAGE))
				fail_msg("kind %d: page %ju of %zu", rig->kind,
					 (uintmax_t)page, i);
		}
	}
	smudge_chain_close(chain);
	free(bytes);
}

static struct smudge_layer_info save(struct smudge_checkpointer *cp,
				     bool is_full)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	const struct smudge_save_options options = {.size = sizeof(options),
						    .is_full = is_full};
	struct smudge_error err;
	uint64_t ticket;

	if (smudge_checkpointer_save(cp, &options, &ticket, &err) < 0 ||
	    smudge_checkpointer_wait(cp, ticket, &info, &err) < 0)
		fail_msg("%s", err.message);
	return info;
}

static void read_some(struct lazy_rig *rig, int n)
{
	for (int i = 0; i < n; i++) {
		size_t region = test_rng_below(&rng, 2);
		uint64_t page = test_rng_below(&rng, rig->npages[region]);

		(void)*(volatile uint8_t *)(rig->ram[region] +
					    page * LAZY_PAGE + 9);
	}
}

/* Return: how many different pages. None is as before, whatever is drawn. */
static uint64_t write_some(struct lazy_rig *rig, int n)
{
	static bool is_written[2][LAZY_NPAGES];
	uint64_t npages = 0;

	memset(is_written, 0, sizeof(is_written));
	for (int i = 0; i < n; i++) {
		size_t region = test_rng_below(&rng, 2);
		uint64_t page = test_rng_below(&rng, rig->npages[region]);

		rig->ram[region][page * LAZY_PAGE +
				 test_rng_below(&rng, LAZY_PAGE)] += 0x5a;
		npages += !is_written[region][page];
		is_written[region][page] = true;
	}
	return npages;
}

/* A delta has what was written, and what cannot be distinguished from it. */
static void check_delta(const struct lazy_rig *rig,
			const struct smudge_layer_info *info, uint64_t npages)
{
	assert_false(info->is_full);
	assert_true(info->pages >= npages);
	if (rig->kind != LAZY_MEMFD_PRIVATE && !rig->is_huge)
		assert_int_equal(info->pages, npages);
}

static void keep_model(struct lazy_rig *rig)
{
	for (size_t i = 0; i < 2; i++)
		memcpy(rig->model[i], rig->ram[i], rig->npages[i] * LAZY_PAGE);
}

static void deltas_and_whole_layers(enum lazy_kind kind)
{
	struct smudge_checkpointer *cp;
	struct smudge_layer_info info;
	struct lazy_rig rig;
	uint64_t n;

	lazy_open(&rig, kind);
	lazy_track(&rig);
	rig.options.stream_bytes_per_second = 30 << 20;
	lazy_begin(&rig);
	cp = continue_chain(&rig);
	for (int i = 0; i < 3; i++) {
		read_some(&rig, 50);
		n = write_some(&rig, 30);
		info = save(cp, false);
		check_delta(&rig, &info, n);
	}
	info = save(cp, true);
	assert_true(info.is_full);
	check_layer(&rig);
	lazy_end(&rig);
	/* And on: the memory is tracked as before. */
	for (int i = 0; i < 2; i++) {
		read_some(&rig, 50);
		n = write_some(&rig, 30);
		info = save(cp, false);
		check_delta(&rig, &info, n);
		check_layer(&rig);
	}
	keep_model(&rig);
	assert_int_equal(smudge_checkpointer_destroy(cp), 0);
	lazy_close(&rig);
}

static void checkpoints_while_it_comes(void **state)
{
	test_need_uffd();
	for (int kind = 0; kind < LAZY_NKINDS; kind++)
		deltas_and_whole_layers((enum lazy_kind)kind);
}

/* What is dropped after the end is zeros, and has changed. */
static void dropped_after_the_end(void **state)
{
	unsigned int nthreads = count_threads(), nthreads_more;
	struct smudge_checkpointer *cp;
	struct smudge_layer_info info;
	struct lazy_rig rig;
	uint64_t n = 0;

	test_need_uffd();
	/* Zeros were never there, and are zeros still. */
	for (uint64_t page = 10; page < 15; page++)
		n += !lazy_model_is_zero(0, page);
	lazy_open(&rig, LAZY_PRIVATE);
	lazy_track(&rig);
	rig.options.on_demand = true;
	lazy_begin(&rig);
	nthreads_more = count_threads();
	cp = continue_chain(&rig);
	nthreads_more = count_threads() - nthreads_more;
	lazy_end(&rig);
	assert_int_equal(count_threads(), nthreads + nthreads_more + 1);
	info = save(cp, false);
	assert_int_equal(info.pages, 0);
	assert_int_equal(madvise(rig.ram[0] + 10 * LAZY_PAGE, 5 * LAZY_PAGE,
				 MADV_DONTNEED),
			 0);
	for (uint64_t i = 0; i < 5 * LAZY_PAGE; i++)
		assert_int_equal(rig.ram[0][10 * LAZY_PAGE + i], 0);
	info = save(cp, false);
	assert_int_equal(info.pages, n);
	check_layer(&rig);
	keep_model(&rig);
	assert_int_equal(smudge_checkpointer_destroy(cp), 0);
	/* The source has stopped, and with it the thread. */
	assert_int_equal(count_threads(), nthreads);
	assert_int_equal(madvise(rig.ram[0], LAZY_PAGE, MADV_DONTNEED), 0);
	assert_int_equal(rig.ram[0][9], 0);
	lazy_close(&rig);
}

/* A tracker that begins while pages come in, and ends before they are in. */
static void trackers_come_and_go(void **state)
{
	struct lazy_rig rig;

	test_need_uffd();
	for (int kind = 0; kind < LAZY_HUGETLB; kind++) {
		lazy_open(&rig, (enum lazy_kind)kind);
		lazy_track(&rig);
		rig.options.stream_bytes_per_second = 30 << 20;
		lazy_begin(&rig);
		for (int i = 0; i < 6; i++) {
			struct smudge_checkpointer *cp = NULL;
			struct smudge_chain *chain = rig.chain;
			const struct smudge_chain_options options = {
				.size = sizeof(options), .folder = "chain"};

			/* Of the moment that was saved last. */
			assert_int_equal(
				smudge_chain_open(&options, &rig.chain, NULL),
				0);
			cp = continue_chain(&rig);
			smudge_chain_close(rig.chain);
			rig.chain = chain;
			read_some(&rig, 20);
			write_some(&rig, 20);
			save(cp, false);
			assert_int_equal(smudge_checkpointer_destroy(cp), 0);
		}
		lazy_end(&rig);
		check_layer(&rig);
		keep_model(&rig);
		lazy_close(&rig);
	}
}

struct writer {
	struct lazy_rig *rig;
	atomic_bool *is_ending;
	struct test_rng rng;
};

static void *write_on(void *opaque)
{
	struct writer *w = opaque;

	while (!atomic_load(w->is_ending)) {
		size_t region = test_rng_below(&w->rng, 2);
		uint64_t page = test_rng_below(&w->rng, w->rig->npages[region]);

		w->rig->ram[region][page * LAZY_PAGE] ^= 1;
	}
	return NULL;
}

/*
 * Writers that do not stop while it comes in and is harvested and saved again
 * and again: the last delta, when they stand, completes the memory.
 */
static void no_write_is_lost(void **state)
{
	test_need_uffd();
	for (unsigned int i = 0; i < test_rounds(LAZY_HUGETLB); i++) {
		struct smudge_checkpointer *cp;
		struct lazy_rig rig;
		struct writer w = {.rig = &rig, .rng = {test_rng_next(&rng)}};
		atomic_bool is_ending;
		pthread_t thread;

		atomic_init(&is_ending, false);
		w.is_ending = &is_ending;
		lazy_open(&rig, (enum lazy_kind)(i % LAZY_HUGETLB));
		lazy_track(&rig);
		rig.options.stream_bytes_per_second = 80 << 20;
		lazy_begin(&rig);
		cp = continue_chain(&rig);
		assert_int_equal(pthread_create(&thread, NULL, write_on, &w),
				 0);
		for (int k = 0; k < 5; k++)
			save(cp, false);
		lazy_end(&rig);
		save(cp, false);
		atomic_store(&is_ending, true);
		pthread_join(thread, NULL);
		save(cp, false);
		check_layer(&rig);
		keep_model(&rig);
		assert_int_equal(smudge_checkpointer_destroy(cp), 0);
		lazy_close(&rig);
	}
}

TEST_MAIN_WITH(set_up, lazy_leave, checkpoints_while_it_comes,
	       dropped_after_the_end, trackers_come_and_go, no_write_is_lost)
