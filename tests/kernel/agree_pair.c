/* SPDX-License-Identifier: MIT */
/*
 * Runs of a pair, and the comparison with what the program wrote.
 */
#include "agree_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From this round on only quiesced harvests re-arm; all is clean before it. */
static unsigned long second_half(const struct agree_pair *pair)
{
	return pair->nrounds / 2;
}

static enum smudge_rearm_policy policy_of(const struct agree_pair *pair,
					  unsigned long round,
					  const struct agree_source *row)
{
	return round >= second_half(pair) && row->looks != AGREE_NO_LOOKS
		       ? SMUDGE_REARM_QUIESCED
		       : SMUDGE_REARM_ALWAYS;
}

/* ---- what the pages must be -------------------------------------------- */

static bool begins_anew(enum agree_since since, enum agree_end end)
{
	if (since == AGREE_SINCE_TAKE)
		return true;
	if (since == AGREE_SINCE_HARVEST)
		return end != AGREE_LOOK;
	return end == AGREE_QUIESCED_HARVEST;
}

/* What the round before left, for each that did not begin anew. */
static void carry_over(struct agree_pair *pair, unsigned long round)
{
	if (!round || round == second_half(pair))
		return;
	for (unsigned int i = 0; i < AGREE_NSINCE; i++) {
		const struct agree_effect *before = &pair->effects[round - 1];

		if (!begins_anew((enum agree_since)i, before->end))
			memcpy(pair->effects[round].last[i], before->last[i],
			       sizeof(before->last[i]));
	}
}

static void note_event(struct agree_effect *effect, const struct agree_event *e,
		       uint32_t number)
{
	for (unsigned int i = 0; i < AGREE_NSINCE; i++) {
		for (uint64_t page = e->first; page < e->first + e->npages;
		     page++)
			effect->last[i][page] = number;
	}
}

static void note_effects(struct agree_pair *pair)
{
	struct test_rng rng = pair->rng;
	struct agree_program program;
	uint32_t number = 0;

	for (unsigned long i = 0; i < pair->nrounds; i++) {
		agree_draw(&rng, pair->memory, pair->kinds, &program);
		carry_over(pair, i);
		for (size_t k = 0; k < program.nevents; k++)
			note_event(&pair->effects[i], &program.events[k],
				   ++number);
		pair->effects[i].end = program.end;
	}
}

static enum agree_since since_of(const struct agree_pair *pair,
				 unsigned long round,
				 const struct agree_source *row)
{
	if (row->looks == AGREE_MARKS)
		return AGREE_SINCE_TAKE;
	return policy_of(pair, round, row) == SMUDGE_REARM_QUIESCED
		       ? AGREE_SINCE_QUIESCED_HARVEST
		       : AGREE_SINCE_HARVEST;
}

static uint32_t last_event(const struct agree_pair *pair, unsigned long round,
			   const struct agree_source *row, unsigned int page)
{
	return pair->effects[round].last[since_of(pair, round, row)][page];
}

bool agree_pair_expects(const struct agree_pair *pair, unsigned long round,
			const struct agree_source *row, unsigned int page)
{
	if (row->looks == AGREE_NO_LOOKS &&
	    pair->effects[round].end == AGREE_LOOK)
		return false; /* it is refused */
	return last_event(pair, round, row, page) != 0;
}

static bool may_over_report(const struct agree_pair *pair,
			    const struct agree_source *row)
{
	return row->over_reports & AGREE_BIT(pair->memory - agree_memories);
}

struct agree_difference agree_pair_find(const struct agree_pair *pair)
{
	unsigned int n = pair->nruns * (unsigned int)pair->memory->npages;
	struct agree_difference d = {0};

	for (; d.round < pair->nrounds; d.round++) {
		for (unsigned int i = 0; i < n; i++) {
			const struct agree_run *run =
				&pair->runs[i % pair->nruns];
			bool expected;

			d.page = i / pair->nruns;
			expected = agree_pair_expects(pair, d.round, run->row,
						      d.page);
			if (run->pages[d.round][d.page] == expected ||
			    (!expected && may_over_report(pair, run->row)))
				continue;
			d.run = run;
			d.is_lost = expected;
			return d;
		}
	}
	return d;
}

/* ---- a difference in words --------------------------------------------- */

static void describe_event(const struct agree_pair *pair,
			   const struct agree_difference *d, char *text,
			   size_t size)
{
	uint32_t last = last_event(pair, d->round, d->run->row, d->page);
	struct test_rng rng = pair->rng;
	struct agree_program program;
	const struct agree_event *e;
	uint32_t before = 0;

	snprintf(text, size, "no event");
	for (unsigned long round = 0; last && round <= d->round; round++) {
		agree_draw(&rng, pair->memory, pair->kinds, &program);
		if (last - before > program.nevents) {
			before += (uint32_t)program.nevents;
			continue;
		}
		e = &program.events[last - before - 1];
		snprintf(text, size,
			 "%s of %zu bytes at 0x%zx, event %u of round %lu",
			 e->kind == AGREE_PINNED ? pinned_calls[e->call].name
						 : agree_names[e->kind],
			 e->length, e->offset, last - before, round);
		return;
	}
}

void agree_pair_expect_no_difference(const struct agree_pair *pair)
{
	static const char *const ends[] = {"harvest", "quiesced harvest",
					   "look"};
	struct agree_difference d = agree_pair_find(pair);
	char event[150], reports[200] = "";

	if (!d.run)
		return;
	describe_event(pair, &d, event, sizeof(event));
	for (unsigned int i = 0; i < pair->nruns; i++) {
		size_t n = strlen(reports);
		const struct agree_run *run = &pair->runs[i];

		snprintf(reports + n, sizeof(reports) - n, "; %s %s: %s",
			 run->row->name, run->how,
			 run->pages[d.round][d.page] ? "dirty" : "clean");
	}
	fail_msg("round %lu (%s), page %u, %s: %s by %s %s%s", d.round,
		 ends[pair->effects[d.round].end], d.page, event,
		 d.is_lost ? "lost" : "reported for nothing", d.run->row->name,
		 d.run->how, reports);
}

/* ---- runs --------------------------------------------------------------- */

struct session {
	struct agree_pair *pair;
	struct agree_world world;
	struct agree_watcher watchers[2];
	size_t nwatchers;
	struct test_rng rng;
};

static void play_round(struct session *s, const struct agree_program *program)
{
	for (size_t k = 0; k < program->nevents; k++) {
		agree_play(&s->world, &program->events[k]);
		for (size_t i = 0; i < s->nwatchers; i++) {
			struct agree_watcher *w = &s->watchers[i];

			if (w->row->after)
				w->row->after(w, &program->events[k]);
		}
	}
}

/* Rounds [first, end), with watchers of their own. */
static void run_rounds(struct session *s, unsigned long first,
		       unsigned long end)
{
	struct agree_pair *pair = s->pair;
	struct agree_run *runs = &pair->runs[pair->nruns];
	struct agree_program program;

	for (size_t i = 0; i < s->nwatchers; i++)
		agree_watcher_open(&s->watchers[i], runs[i].row, &s->world,
				   policy_of(pair, first, runs[i].row));
	for (unsigned long round = first; round < end; round++) {
		agree_draw(&s->rng, pair->memory, pair->kinds, &program);
		play_round(s, &program);
		for (size_t i = 0; i < s->nwatchers; i++)
			agree_watcher_end(&s->watchers[i], program.end,
					  runs[i].pages[round]);
	}
	for (size_t i = 0; i < s->nwatchers; i++)
		agree_watcher_close(&s->watchers[i]);
}

void agree_pair_run(struct agree_pair *pair,
		    const struct agree_source *const *rows, size_t n,
		    const char *how)
{
	struct session s = {.pair = pair, .nwatchers = n, .rng = pair->rng};
	enum agree_vm vm = AGREE_VM_ANY;

	for (size_t i = 0; i < n; i++) {
		if (rows[i]->vm != AGREE_VM_ANY)
			vm = rows[i]->vm;
		pair->runs[pair->nruns + i].row = rows[i];
		pair->runs[pair->nruns + i].how = how;
	}
	agree_world_open(&s.world, pair->memory, vm, pair->kinds);
	run_rounds(&s, 0, second_half(pair));
	run_rounds(&s, second_half(pair), pair->nrounds);
	agree_world_close(&s.world);
	pair->nruns += (unsigned int)n;
}

bool agree_pair_can_be_at_once(const struct agree_pair *pair)
{
	const struct agree_source *a = pair->rows[0], *b = pair->rows[1];

	return (a->vm == AGREE_VM_ANY || b->vm == AGREE_VM_ANY) &&
	       !(a->protects && b->protects);
}

void agree_pair_open(struct agree_pair *pair, const char *name)
{
	pair->rng = test_rng_start(name);
	pair->nruns = 0;
	pair->effects = calloc(pair->nrounds, sizeof(*pair->effects));
	assert_non_null(pair->effects);
	for (unsigned int i = 0; i < AGREE_NRUNS; i++) {
		pair->runs[i].pages = calloc(pair->nrounds, AGREE_MAX_PAGES);
		assert_non_null(pair->runs[i].pages);
	}
	note_effects(pair);
}

void agree_pair_close(struct agree_pair *pair)
{
	for (unsigned int i = 0; i < AGREE_NRUNS; i++)
		free(pair->runs[i].pages);
	free(pair->effects);
}
