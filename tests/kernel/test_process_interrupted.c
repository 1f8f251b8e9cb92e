/* SPDX-License-Identifier: MIT */
/*
 * Another process, tracked by a thread that signals of its own program come to:
 * attached to, asked with writes between, stopped and let go, left. Nothing
 * fails, and each page that was written is reported. So is no other, but for
 * soft-dirty bits, which the kernel also sets for a mapping that changes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "process_rig.h"
#include "storm.h"
#include "support.h"

#define NPAGES	  64
#define BYTES	  ((uint64_t)NPAGES * RIG_PAGE)
#define NROUNDS	  20
#define PERIOD_US 50

static struct process_rig rig;
static uint64_t at;
static unsigned long nsignals;
static bool may_exceed;

static void expect_ok(int ret, const struct smudge_error *err)
{
	if (ret < 0)
		fail_msg("after %lu signals: %s", nsignals + storm_count(),
			 err->message);
}

/* Return: 0 or -errno: it cannot be tracked so here. */
static int track(enum smudge_process_method method, struct smudge_error *err)
{
	const struct smudge_process_options options = {.size = sizeof(options),
						       .method = method};
	const struct smudge_client_options client = {.size = sizeof(client),
						     .name = "test"};
	struct storm storm;
	int ret;

	storm_begin(&storm, PERIOD_US, NULL);
	ret = smudge_process_open(rig.memory, rig.pid, &options, &rig.process,
				  err);
	if (!ret)
		expect_ok(smudge_client_open(rig.memory, &client, &rig.client,
					     err),
			  err);
	if (!ret)
		rig_harvest(&rig);
	storm_end(&storm);
	nsignals += storm_count();
	return ret;
}

static void ask(void)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct storm storm;

	storm_begin(&storm, PERIOD_US, NULL);
	expect_ok(smudge_memory_harvest(rig.memory, &err), &err);
	expect_ok(smudge_process_stop(rig.process, &err), &err);
	expect_ok(smudge_process_continue(rig.process, &err), &err);
	storm_end(&storm);
	nsignals += storm_count();
}

static void run_round(struct test_rng *rng)
{
	bool is_written[NPAGES] = {false};

	for (int i = 0; i < 5; i++) {
		uint64_t page = test_rng_below(rng, NPAGES);

		rig_store(&rig, at + page * RIG_PAGE, (uint8_t)i);
		is_written[page] = true;
	}
	ask();
	for (uint64_t page = 0; page < NPAGES; page++) {
		bool is_dirty = rig_is_dirty(&rig, at + page * RIG_PAGE);

		if (is_dirty == is_written[page] || (is_dirty && may_exceed))
			continue;
		fail_msg("after %lu signals: page %llu is %s", nsignals,
			 (unsigned long long)page,
			 is_dirty ? "reported for nothing" : "lost");
	}
	rig_clean(&rig);
}

static void leave(void)
{
	struct storm storm;

	storm_begin(&storm, PERIOD_US, NULL);
	if (rig.client)
		assert_int_equal(smudge_client_close(rig.client), 0);
	assert_int_equal(smudge_process_close(rig.process, NULL), 0);
	storm_end(&storm);
	nsignals += storm_count();
	rig.client = NULL;
	rig.process = NULL;
	process_rig_stop(&rig);
}

static void run(enum smudge_process_method method, const char *ability)
{
	struct test_rng rng = test_rng_start("process_interrupted");
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret;

	nsignals = 0;
	may_exceed = method == SMUDGE_PROCESS_SOFT_DIRTY;
	memset(&rig, 0, sizeof(rig));
	process_rig_start(&rig);
	at = rig_mmap(&rig, 0, BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (uint64_t i = 0; i < NPAGES; i++)
		rig_store(&rig, at + i * RIG_PAGE, 1);
	ret = track(method, &err);
	if (ret == -EOPNOTSUPP || ret == -ENOSYS) {
		leave();
		test_skip_without(ability, err.message);
	}
	expect_ok(ret, &err);
	rig_clean(&rig);
	for (unsigned int i = 0; i < test_rounds(NROUNDS); i++)
		run_round(&rng);
	leave();
	printf("# %lu signals came in\n", nsignals);
	assert_true(nsignals > 0);
}

static void by_userfaultfd(void **state)
{
	test_need_uffd();
	run(SMUDGE_PROCESS_UFFD, "uffd");
}

static void by_soft_dirty_bits(void **state)
{
	run(SMUDGE_PROCESS_SOFT_DIRTY, "soft-dirty");
}

RIG_MAIN(by_userfaultfd, by_soft_dirty_bits)
