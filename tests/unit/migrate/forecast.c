/* SPDX-License-Identifier: MIT */
/*
 * The downtime that is expected when the machine is stopped is near the one
 * that comes, whatever limit paces the rounds: within a factor of FACTOR, for
 * the median of several migrations. Other work on the machine delays one or the
 * other: only a set of migrations after the other that is far off is a failure.
 */
#include "migrate_rig.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NRUNS  7
#define NSETS  5
#define FACTOR 8.0
#define MIB    (UINT64_C(1) << 20)

/* A machine that writes the same pages again and again until it is stopped. */
struct machine {
	struct rig *rig;
	uint64_t npages; /* of the first region */
	pthread_t thread;
	pthread_mutex_t lock;
	bool is_stopped; /* under lock */
	bool ends;	 /* under lock */
};

static void *write_on(void *opaque)
{
	const struct timespec nap = {.tv_nsec = 500000};
	struct machine *machine = opaque;
	bool ends = false;

	while (!ends) {
		pthread_mutex_lock(&machine->lock);
		if (!machine->is_stopped)
			smudge_region_mark(machine->rig->source.regions[0], 0,
					   machine->npages);
		ends = machine->ends;
		pthread_mutex_unlock(&machine->lock);
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static void set_flag(struct machine *machine, bool *flag, bool value)
{
	pthread_mutex_lock(&machine->lock);
	*flag = value;
	pthread_mutex_unlock(&machine->lock);
}

static int machine_stop(void *opaque)
{
	struct machine *machine = opaque;

	set_flag(machine, &machine->is_stopped, true);
	return 0;
}

static void machine_resume(void *opaque)
{
	struct machine *machine = opaque;

	set_flag(machine, &machine->is_stopped, false);
}

static int state_save(void *opaque, void **ret_bytes, size_t *ret_length)
{
	*ret_bytes = NULL;
	*ret_length = 0;
	return 0;
}

static enum smudge_migrate_decision
one_round(const struct smudge_migrate_stats *stats,
	  const struct smudge_migrate_limits *lim, void *opaque)
{
	struct machine *machine = opaque;

	machine->rig->at_policy = *stats;
	return SMUDGE_MIGRATE_SWITCH;
}

static void move(struct machine *machine)
{
	const struct smudge_migrate_send_options options = {
		.size = sizeof(options),
		.opaque = machine,
		.machine_stop = machine_stop,
		.machine_resume = machine_resume,
		.state_save = state_save,
		.policy = one_round,
	};
	struct rig *rig = machine->rig;

	pthread_mutex_init(&machine->lock, NULL);
	pthread_create(&machine->thread, NULL, write_on, machine);
	rig_start_receiver(rig);
	assert_int_equal(rig_send(rig, &options), 0);
	rig_join_receiver(rig);
	set_flag(machine, &machine->ends, true);
	pthread_join(machine->thread, NULL);
	pthread_mutex_destroy(&machine->lock);
}

/* Expected over real downtime of one migration. */
static double ratio_of_one(const char *name, uint64_t limit_bytes_ps,
			   uint64_t content_bytes)
{
	struct smudge_migrate_limits limits = {.size = sizeof(limits),
					       .max_bandwidth_bytes_ps =
						       limit_bytes_ps};
	struct rig rig = {0};
	struct machine machine = {.rig = &rig, .npages = content_bytes >> 12};
	double expected_ns, real_ns;

	rig_open(&rig, name);
	assert_int_equal(
		smudge_migration_set_limits(rig.sending, &limits, NULL), 0);
	memset(rig.source.hva[0], 0x5c, content_bytes);
	move(&machine);
	expected_ns = (double)rig.at_policy.expected_downtime_ns;
	real_ns = (double)rig_stats(rig.sending).downtime_ns;
	print_message("# expected %.2f ms, came %.2f ms; line %.0f MB/s, "
		      "rounds %.0f MB/s\n",
		      expected_ns / 1e6, real_ns / 1e6,
		      (double)rig.at_policy.line_bandwidth_bytes_ps / 1e6,
		      (double)rig.at_policy.bandwidth_bytes_ps / 1e6);
	rig_assert_equal(&rig);
	rig_close(&rig);
	return expected_ns / real_ns;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of one set of migrations. */
static double ratio_of_set(const char *name, uint64_t limit_bytes_ps,
			   uint64_t content_bytes)
{
	double ratios[NRUNS];

	for (int i = 0; i < NRUNS; i++)
		ratios[i] = ratio_of_one(name, limit_bytes_ps, content_bytes);
	qsort(ratios, NRUNS, sizeof(ratios[0]), compare);
	return ratios[NRUNS / 2];
}

static void assert_near(const char *name, uint64_t limit_bytes_ps,
			uint64_t content_bytes)
{
	double ratio = 0;

	for (int i = 0; i < NSETS; i++) {
		ratio = ratio_of_set(name, limit_bytes_ps, content_bytes);
		if (ratio <= FACTOR && ratio >= 1 / FACTOR)
			return;
	}
	fail_msg("%.2f times what came", ratio);
}

static void without_a_limit(void **state)
{
	assert_near("without_a_limit", 0, 8 * MIB);
}

static void at_a_limit(void **state)
{
	assert_near("at_a_limit", 32 * MIB, 8 * MIB);
}

static void at_a_low_limit(void **state)
{
	assert_near("at_a_low_limit", 8 * MIB, 2 * MIB);
}

/* The pages that end the round are zero ones, which cost nothing. */
static void at_a_limit_with_content_in_front_only(void **state)
{
	assert_near("at_a_limit_with_content_in_front_only", 32 * MIB, 4 * MIB);
}

TEST_MAIN(without_a_limit, at_a_limit, at_a_low_limit,
	  at_a_limit_with_content_in_front_only)
