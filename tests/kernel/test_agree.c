/* SPDX-License-Identifier: MIT */
/*
 * Sources agree: the same seeded program of writes runs under each pair of
 * sources at once, and under each of the two alone, and all report the same
 * pages: those that were written, and no others, unless the table of sources
 * says so. Sources that cannot be at once are compared in turn: a VM logs in
 * one way, a page has one protection.
 *
 * SMUDGE_TEST_ROUNDS is the number of rounds of each pair; a round is up to 24
 * events and a harvest. A failure names the page, the source and the event.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agree.h"

#define NROUNDS	    100
#define MAX_SOURCES 16
#define NRUNS	    4 /* two at once, two alone */

/* What the program did to the pages of one round. */
struct effect {
	uint8_t last[AGREE_PAGES]; /* the event that wrote it, from 1; or 0 */
	unsigned int kinds;	   /* of its events */
};

struct run {
	const char *how;
	const struct agree_source *row;
	uint8_t (*pages)[AGREE_PAGES]; /* [nrounds] */
};

struct pair {
	const struct agree_source *rows[2];
	unsigned int kinds; /* that both see */
	struct test_rng rng;
	unsigned long nrounds;
	struct effect *effects; /* [nrounds] */
	struct run runs[NRUNS];
	unsigned int nruns;
};

struct difference {
	unsigned long round;
	unsigned int page;
	const struct run *run; /* NULL: there is none */
	bool is_lost;
};

static unsigned long count_rounds(void)
{
	const char *given = getenv("SMUDGE_TEST_ROUNDS");
	unsigned long n = given ? strtoul(given, NULL, 0) : NROUNDS;

	return n ? n : 1;
}

/* ---- what the pages must be -------------------------------------------- */

static void note_effects(struct pair *pair)
{
	struct test_rng rng = pair->rng;
	struct agree_program program;

	for (unsigned long i = 0; i < pair->nrounds; i++) {
		agree_draw(&rng, pair->kinds, &program);
		for (size_t k = 0; k < program.nevents; k++) {
			const struct agree_event *e = &program.events[k];

			pair->effects[i].kinds |= AGREE_BIT(e->kind);
			memset(pair->effects[i].last + e->first, (int)k + 1,
			       e->npages);
		}
	}
}

/* Over-reports are of a kind: the round has such an event. */
static bool is_wrong(const struct effect *effect, const struct run *run,
		     unsigned int page, bool is_reported)
{
	bool is_written = effect->last[page] != 0;

	if (run->row->over_reports & effect->kinds)
		return is_written && !is_reported;
	return is_written != is_reported;
}

static struct difference find_difference(const struct pair *pair)
{
	struct difference d = {0};

	for (; d.round < pair->nrounds; d.round++) {
		const struct effect *effect = &pair->effects[d.round];

		for (unsigned int i = 0; i < pair->nruns * AGREE_PAGES; i++) {
			const struct run *run = &pair->runs[i % pair->nruns];
			bool is_reported;

			d.page = i / pair->nruns;
			is_reported = run->pages[d.round][d.page];
			if (!is_wrong(effect, run, d.page, is_reported))
				continue;
			d.run = run;
			d.is_lost = !is_reported;
			return d;
		}
	}
	return d;
}

/* The event that wrote the page last, in words. */
static void describe_event(const struct pair *pair, const struct difference *d,
			   char *text, size_t size)
{
	unsigned int last = pair->effects[d->round].last[d->page];
	struct test_rng rng = pair->rng;
	struct agree_program program;

	for (unsigned long i = 0; i <= d->round; i++)
		agree_draw(&rng, pair->kinds, &program);
	if (!last) {
		snprintf(text, size, "none of %zu events", program.nevents);
		return;
	}
	snprintf(text, size, "%s of %zu bytes at 0x%zx, event %u of %zu",
		 agree_names[program.events[last - 1].kind],
		 program.events[last - 1].length,
		 program.events[last - 1].offset, last, program.nevents);
}

static void expect_no_difference(const struct pair *pair)
{
	struct difference d = find_difference(pair);
	char event[100], reports[200] = "";

	if (!d.run)
		return;
	describe_event(pair, &d, event, sizeof(event));
	for (unsigned int i = 0; i < pair->nruns; i++) {
		size_t n = strlen(reports);
		const struct run *run = &pair->runs[i];

		snprintf(reports + n, sizeof(reports) - n, "; %s %s: %s",
			 run->row->name, run->how,
			 run->pages[d.round][d.page] ? "dirty" : "clean");
	}
	fail_msg("round %lu, page %u, %s: %s by %s %s%s", d.round, d.page,
		 event, d.is_lost ? "lost" : "reported for nothing",
		 d.run->row->name, d.run->how, reports);
}

/* ---- runs --------------------------------------------------------------- */

static void run_round(struct agree_world *world, struct agree_watcher *watchers,
		      size_t n, const struct agree_program *program)
{
	for (size_t k = 0; k < program->nevents; k++) {
		agree_play(world, &program->events[k]);
		for (size_t i = 0; i < n; i++) {
			if (watchers[i].row->after)
				watchers[i].row->after(&watchers[i],
						       &program->events[k]);
		}
	}
}

/* All rounds under one or two sources, noted in as many runs. */
static void run_all(struct pair *pair, const struct agree_source *const *rows,
		    size_t n, const char *how)
{
	struct run *runs = &pair->runs[pair->nruns];
	struct agree_watcher watchers[2];
	struct test_rng rng = pair->rng;
	enum agree_vm vm = AGREE_VM_ANY;
	struct agree_program program;
	struct agree_world world;

	for (size_t i = 0; i < n; i++)
		if (rows[i]->vm != AGREE_VM_ANY)
			vm = rows[i]->vm;
	agree_world_open(&world, vm, pair->kinds & AGREE_BIT(AGREE_GUEST));
	for (size_t i = 0; i < n; i++) {
		agree_watcher_open(&watchers[i], rows[i], &world);
		runs[i].how = how;
		runs[i].row = rows[i];
	}
	for (unsigned long round = 0; round < pair->nrounds; round++) {
		agree_draw(&rng, pair->kinds, &program);
		run_round(&world, watchers, n, &program);
		for (size_t i = 0; i < n; i++)
			agree_watcher_take(&watchers[i], runs[i].pages[round]);
	}
	for (size_t i = 0; i < n; i++)
		agree_watcher_close(&watchers[i]);
	agree_world_close(&world);
	pair->nruns += (unsigned int)n;
}

static bool can_be_at_once(const struct pair *pair)
{
	const struct agree_source *a = pair->rows[0], *b = pair->rows[1];

	return (a->vm == AGREE_VM_ANY || b->vm == AGREE_VM_ANY) &&
	       !(a->protects && b->protects);
}

static void open_pair(struct pair *pair, const char *name)
{
	pair->nrounds = count_rounds();
	pair->rng = test_rng_start(name);
	pair->nruns = 0;
	pair->effects = calloc(pair->nrounds, sizeof(*pair->effects));
	assert_non_null(pair->effects);
	for (unsigned int i = 0; i < NRUNS; i++) {
		pair->runs[i].pages = calloc(pair->nrounds, AGREE_PAGES);
		assert_non_null(pair->runs[i].pages);
	}
	note_effects(pair);
}

static void close_pair(struct pair *pair)
{
	for (unsigned int i = 0; i < NRUNS; i++)
		free(pair->runs[i].pages);
	free(pair->effects);
}

static void test_pair(void **state)
{
	struct pair *pair = *state;
	char name[100];

	for (unsigned int i = 0; i < 2; i++)
		if (pair->rows[i]->need)
			pair->rows[i]->need();
	snprintf(name, sizeof(name), "agree: %s, %s", pair->rows[0]->name,
		 pair->rows[1]->name);
	open_pair(pair, name);
	if (can_be_at_once(pair))
		run_all(pair, pair->rows, 2, "at once");
	run_all(pair, &pair->rows[0], 1, "alone");
	run_all(pair, &pair->rows[1], 1, "alone");
	expect_no_difference(pair);
	close_pair(pair);
}

/* A page too few or too many, in any run and round, is found. */
static void test_differences_are_found(void **state)
{
	struct pair pair = {
		.rows = {&agree_sources[0], &agree_sources[0]},
		.kinds = AGREE_BIT(AGREE_STORE) | AGREE_BIT(AGREE_COPY),
	};

	open_pair(&pair, "agree: differences");
	for (; pair.nruns < NRUNS; pair.nruns++) {
		struct run *run = &pair.runs[pair.nruns];

		run->row = pair.rows[0];
		for (unsigned long i = 0; i < pair.nrounds; i++)
			for (unsigned int page = 0; page < AGREE_PAGES; page++)
				run->pages[i][page] =
					pair.effects[i].last[page] != 0;
	}
	assert_null(find_difference(&pair).run);
	for (unsigned int n = 0; n < 1000; n++) {
		struct run *run = &pair.runs[n % NRUNS];
		unsigned long round = test_rng_below(&pair.rng, pair.nrounds);
		unsigned long page = test_rng_below(&pair.rng, AGREE_PAGES);
		uint8_t *reported = &run->pages[round][page];
		struct difference d;

		*reported ^= 1;
		d = find_difference(&pair);
		assert_ptr_equal(d.run, run);
		assert_int_equal(d.round, round);
		assert_int_equal(d.page, page);
		assert_int_equal(d.is_lost, !*reported);
		*reported ^= 1;
	}
	close_pair(&pair);
}

/* ---- the pairs ---------------------------------------------------------- */

#define MAX_PAIRS (MAX_SOURCES * MAX_SOURCES / 2)

struct list {
	struct pair pairs[MAX_PAIRS];
	char names[MAX_PAIRS][64];
	struct CMUnitTest tests[MAX_PAIRS + 1];
	size_t npairs;
};

static void add_pair(struct list *list, const struct agree_source *a,
		     const struct agree_source *b)
{
	struct pair *pair = &list->pairs[list->npairs];
	char *name = list->names[list->npairs];

	pair->rows[0] = a;
	pair->rows[1] = b;
	pair->kinds = a->sees & b->sees;
	if (!pair->kinds) /* nothing that both see */
		return;
	snprintf(name, sizeof(list->names[0]), "%s, %s%s", a->name, b->name,
		 can_be_at_once(pair) ? "" : " (in turn)");
	list->tests[list->npairs++] = (struct CMUnitTest){
		.name = name, .test_func = test_pair, .initial_state = pair};
}

int main(void)
{
	static struct list list;

	assert(agree_nsources <= MAX_SOURCES);
	for (size_t a = 0; a < agree_nsources; a++)
		for (size_t b = a + 1; b < agree_nsources; b++)
			add_pair(&list, &agree_sources[a], &agree_sources[b]);
	list.tests[list.npairs] =
		(struct CMUnitTest){.name = "differences are found",
				    .test_func = test_differences_are_found};
	return _cmocka_run_group_tests("agree", list.tests, list.npairs + 1,
				       NULL, NULL);
}
