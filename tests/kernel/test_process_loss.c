/* SPDX-License-Identifier: MIT */
/*
 * Nothing is lost: a process whose threads never stop writing, and whose
 * mappings come, go, grow and are replaced at random, is copied page by page
 * from outside. Then it stands, and every page of every mapping is compared
 * with the copy. A naive oracle: the child says itself what its memory is.
 *
 * The child draws everything from one seed, which is printed.
 * SMUDGE_TEST_ROUNDS: comparisons, 40.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/smudge.h>

#include "crash.h"
#include "process_busy.h"
#include "source/soft_dirty_bits.h"
#include "support.h"

#define ROUNDS 40
/* Busy threads on one slow processor: no test judges by time. */
#define STOP_TIMEOUT_MS 60000

static struct shared *shared;
static uint64_t seed;

static struct smudge_memory *memory;
static struct smudge_process *process;
static struct smudge_client *client;
static uint8_t (*copies)[NPAGES][PAGE]; /* of the places */

/* The copy of an address, or NULL. */
static uint8_t *copy_of(uint64_t at)
{
	for (uint64_t i = 0; i < NPLACES; i++) {
		if (at >= shared->start[i] &&
		    at < shared->start[i] + NPAGES * PAGE)
			return copies[i][(at - shared->start[i]) / PAGE];
	}
	return NULL;
}

static void read_run(struct smudge_region *region, struct smudge_run run)
{
	uint64_t gpa = smudge_region_gpa(region);

	for (uint64_t p = run.first_page; p < run.first_page + run.npages;
	     p++) {
		uint8_t *copy = copy_of(gpa + p * PAGE);

		int ret =
			copy ? smudge_region_read(region, p, 1, copy, NULL) : 0;

		/* Where no memory is there are zeros, until it is dirty. */
		if (ret < 0) {
			assert_int_equal(ret, -EFAULT);
			memset(copy, 0, PAGE);
		}
	}
}

static void take_all(void)
{
	static struct smudge_region *regions[SMUDGE_MAX_REGIONS];
	size_t n = smudge_memory_regions(memory, regions, SMUDGE_MAX_REGIONS);
	struct smudge_batch *batch;

	assert_int_equal(smudge_batch_create(0, &batch, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct smudge_run rest = {0, smudge_region_npages(regions[i])};

		while (smudge_client_take_next(client, regions[i], &rest,
					       UINT64_MAX, batch, NULL) > 0) {
			for (size_t k = 0; k < smudge_batch_nruns(batch); k++)
				read_run(regions[i],
					 smudge_batch_run(batch, k));
			smudge_client_commit(client, batch);
		}
	}
	assert_int_equal(smudge_batch_destroy(batch), 0);
}

static void harvest(bool is_look)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret = is_look ? smudge_process_look(process, &err)
			  : smudge_process_harvest(process, &err);

	if (ret < 0)
		fail_msg("%s", err.message);
}

static void let_rest(bool is_to_rest)
{
	atomic_store(&shared->is_to_rest, is_to_rest);
	while (atomic_load(&shared->nresting) !=
	       (is_to_rest ? NTHREADS + 1 : 0))
		usleep(50);
}

static const char *describe(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0 ? "zeros"
								     : "data";
}

static void compare(pid_t pid, int round)
{
	static uint8_t now[PAGE];

	for (uint64_t i = 0; i < NPLACES; i++) {
		uint64_t n = atomic_load(&shared->npages[i]);

		for (uint64_t p = 0; p < n; p++) {
			uint64_t at = shared->start[i] + p * PAGE;
			struct iovec to = {now, PAGE};
			struct iovec from = {(void *)(uintptr_t)at, PAGE};

			assert_int_equal(
				process_vm_readv(pid, &to, 1, &from, 1, 0),
				PAGE);
			if (memcmp(now, copies[i][p], PAGE) != 0)
				fail_msg(
					"round %d: page %d of place %d was "
					"changed, from %s to %s, and is not in "
					"the copy",
					round, (int)p, (int)i,
					describe(copies[i][p]), describe(now));
		}
	}
}

static pid_t start(void)
{
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	copies = calloc(NPLACES, sizeof(*copies));
	assert_true(shared != MAP_FAILED && copies);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		busy_run(shared, seed);
	while (atomic_load(&shared->nchanges) < 10)
		usleep(100);
	return pid;
}

static void attach(pid_t pid, enum smudge_process_method method)
{
	const struct smudge_process_options how = {.size = sizeof(how),
						   .method = method,
						   .stop_timeout_ms =
							   STOP_TIMEOUT_MS};
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "copy"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret;

	assert_int_equal(smudge_memory_create(&memory), 0);
	ret = smudge_process_open(memory, pid, &how, &process, &err);
	if (ret < 0)
		fail_msg("%s", err.message);
	assert_int_equal(smudge_client_open(memory, &options, &client, NULL),
			 0);
}

static int nrounds(void)
{
	const char *text = getenv("SMUDGE_TEST_ROUNDS");

	return text ? (int)strtoul(text, NULL, 10) : (int)test_rounds(ROUNDS);
}

static void run(enum smudge_process_method method)
{
	struct test_rng rng;
	struct smudge_process_stats stats = {.size = sizeof(stats)};
	int rounds = nrounds();
	pid_t pid;

	crash_explain();
	rng = test_rng_start("process_loss");
	seed = test_rng_next(&rng);
	pid = start();
	attach(pid, method);
	for (int round = 0; round < rounds; round++) {
		for (uint64_t i = test_rng_below(&rng, 4); i; i--) {
			harvest(test_rng_below(&rng, 3) == 0);
			if (test_rng_below(&rng, 3))
				take_all();
		}
		let_rest(true);
		harvest(false);
		take_all();
		compare(pid, round);
		let_rest(false);
	}
	assert_int_equal(smudge_process_stats(process, &stats), 0);
	printf("# %d writes, %d changes; %d regions appeared, %d gone, %d "
	       "resized, %d mappings replaced\n",
	       (int)atomic_load(&shared->nwrites),
	       (int)atomic_load(&shared->nchanges), (int)stats.regions_appeared,
	       (int)stats.regions_gone, (int)stats.regions_resized,
	       (int)stats.mappings_replaced);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_process_close(process, NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	atomic_store(&shared->is_over, true);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	free(copies);
	munmap(shared, sizeof(*shared));
}

static void by_uffd(void **state)
{
	test_need_uffd();
	run(SMUDGE_PROCESS_UFFD);
}

static void by_soft_dirty(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	if (smi_soft_dirty_probe(&err) < 0)
		test_skip_without("soft-dirty", err.message);
	run(SMUDGE_PROCESS_SOFT_DIRTY);
}

TEST_MAIN(by_uffd, by_soft_dirty)
