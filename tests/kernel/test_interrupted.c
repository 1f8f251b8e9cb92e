/* SPDX-License-Identifier: MIT */
/*
 * The library among signals: a program's timer interrupts the thread that calls
 * it, again and again, and its handler has no SA_RESTART. Each kind of source
 * is created, started, asked with writes between, taken from and stopped.
 * Nothing fails, all that was written is reported and nothing else is, as far
 * as the table of sources says so (agree_sources.c).
 *
 * SMUDGE_TEST_ROUNDS is the number of rounds of each source and policy.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agree.h"
#include "storm.h"

#define NROUNDS	    20
#define MIN_SIGNALS 20 /* to know that the test tests */
#define MAX_ROUNDS  100000
#define MAX_SOURCES 16
#define PERIOD_US   50

struct rig {
	const struct agree_source *row;
	const struct agree_memory *memory;
	struct agree_world world;
	struct agree_watcher watcher;
	unsigned int kinds;
	bool is_written[AGREE_MAX_PAGES]; /* and not reported and armed since */
	unsigned long nsignals;
};

static void write_events(struct rig *rig, const struct agree_program *program)
{
	for (size_t i = 0; i < program->nevents; i++) {
		const struct agree_event *event = &program->events[i];

		agree_play(&rig->world, event);
		if (rig->row->after)
			rig->row->after(&rig->watcher, event);
		for (uint64_t page = 0; page < event->npages; page++)
			rig->is_written[event->first + page] = true;
	}
}

/* A look arms nothing, and what it reported comes again. */
static bool arms(const struct rig *rig, enum agree_end end)
{
	if (rig->row->looks == AGREE_MARKS)
		return true;
	if (end == AGREE_HARVEST)
		return rig->watcher.policy != SMUDGE_REARM_QUIESCED;
	return end == AGREE_QUIESCED_HARVEST;
}

static void expect_written(struct rig *rig, enum agree_end end,
			   const uint8_t pages[AGREE_MAX_PAGES])
{
	bool may_exceed = rig->row->over_reports &
			  AGREE_BIT(rig->memory - agree_memories);

	for (uint64_t page = 0; page < rig->memory->npages; page++) {
		if (pages[page] == rig->is_written[page] ||
		    (pages[page] && may_exceed))
			continue;
		fail_msg("%s, after %lu signals: page %llu is %s",
			 rig->row->name, rig->nsignals + storm_count(),
			 (unsigned long long)page,
			 pages[page] ? "reported for nothing" : "lost");
	}
	if (arms(rig, end))
		memset(rig->is_written, 0, sizeof(rig->is_written));
}

static void run_round(struct rig *rig, struct test_rng *rng)
{
	uint8_t pages[AGREE_MAX_PAGES];
	struct agree_program program;
	struct storm storm;

	agree_draw(rng, rig->memory, rig->kinds, &program);
	if (program.end == AGREE_LOOK && rig->row->looks == AGREE_NO_LOOKS)
		program.end = AGREE_HARVEST;
	if (rig->kinds & AGREE_BIT(AGREE_GUEST))
		write_events(rig, &program);
	storm_begin(&storm, PERIOD_US, NULL);
	if (!(rig->kinds & AGREE_BIT(AGREE_GUEST)))
		write_events(rig, &program);
	agree_watcher_end(&rig->watcher, program.end, pages);
	storm_end(&storm);
	expect_written(rig, program.end, pages);
	rig->nsignals += storm_count();
}

static void open_and_close(struct rig *rig, enum smudge_rearm_policy policy,
			   bool opens)
{
	struct storm storm;

	storm_begin(&storm, PERIOD_US, NULL);
	if (opens)
		agree_watcher_open(&rig->watcher, rig->row, &rig->world,
				   policy);
	else
		agree_watcher_close(&rig->watcher);
	storm_end(&storm);
	rig->nsignals += storm_count();
}

/* Writes are interrupted too, but for those by calls of the test's own. */
static unsigned int kinds_of(const struct agree_source *row)
{
	unsigned int kinds =
		row->sees & (AGREE_BIT(AGREE_STORE) | AGREE_BIT(AGREE_COPY) |
			     AGREE_BIT(AGREE_DISCARD));

	return kinds ? kinds : row->sees;
}

static void run_rounds(struct rig *rig, enum smudge_rearm_policy policy,
		       struct test_rng *rng)
{
	const char *given = getenv("SMUDGE_TEST_ROUNDS");
	unsigned long wanted =
		given ? strtoul(given, NULL, 0) : test_rounds(NROUNDS);

	memset(rig->is_written, 0, sizeof(rig->is_written));
	open_and_close(rig, policy, true);
	for (unsigned long i = 0;
	     i < wanted || (rig->nsignals < MIN_SIGNALS && i < MAX_ROUNDS); i++)
		run_round(rig, rng);
	open_and_close(rig, policy, false);
}

static void test_source(void **state)
{
	struct rig rig = {.row = *state,
			  .memory = &agree_memories[AGREE_PRIVATE]};
	char name[100];
	struct test_rng rng;

	if (rig.row->need)
		rig.row->need();
	snprintf(name, sizeof(name), "interrupted: %s", rig.row->name);
	rng = test_rng_start(name);
	rig.kinds = kinds_of(rig.row);
	agree_world_open(&rig.world, rig.memory, rig.row->vm, rig.kinds);
	run_rounds(&rig, SMUDGE_REARM_ALWAYS, &rng);
	if (rig.row->looks != AGREE_NO_LOOKS)
		run_rounds(&rig, SMUDGE_REARM_QUIESCED, &rng);
	agree_world_close(&rig.world);
	printf("# %s: %lu signals came in\n", rig.row->name, rig.nsignals);
	assert_true(rig.nsignals >= MIN_SIGNALS);
}

int main(void)
{
	struct CMUnitTest tests[MAX_SOURCES];
	size_t n = 0;

	assert(agree_nsources <= MAX_SOURCES);
	for (; n < agree_nsources; n++)
		tests[n] = (struct CMUnitTest){
			.name = agree_sources[n].name,
			.test_func = test_source,
			.initial_state = (void *)&agree_sources[n]};
	return _cmocka_run_group_tests("interrupted", tests, n, NULL, NULL);
}
