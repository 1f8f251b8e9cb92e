/* SPDX-License-Identifier: MIT */
/*
 * All pairs of sources, each as one case.
 */
#include "agree_pair.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SOURCES 10
#define MAX_PAIRS   (AGREE_NMEMORIES * MAX_SOURCES * (MAX_SOURCES - 1) / 2)

struct list {
	struct agree_pair pairs[MAX_PAIRS];
	char names[MAX_PAIRS][100];
	struct CMUnitTest tests[MAX_PAIRS + 1];
	size_t npairs;
};

/* Without a wish at least two: each half of the rounds has one. */
static unsigned long count_rounds(unsigned long usual)
{
	const char *given = getenv("SMUDGE_TEST_ROUNDS");
	unsigned long n = given ? strtoul(given, NULL, 0)
				: test_rounds((unsigned int)usual);
	unsigned long least = given ? 1 : 2;

	return n > least ? n : least;
}

/* A pair that needs no KVM runs without one, and without the guest's stores. */
static void leave_out_guest(struct agree_pair *pair)
{
	if (pair->rows[0]->vm == AGREE_VM_ANY &&
	    pair->rows[1]->vm == AGREE_VM_ANY && !test_has_kvm())
		pair->kinds &= ~AGREE_BIT(AGREE_GUEST);
}

static void test_pair(void **state)
{
	struct agree_pair *pair = *state;
	char name[100];

	for (unsigned int i = 0; i < 2; i++)
		if (pair->rows[i]->need)
			pair->rows[i]->need();
	leave_out_guest(pair);
	snprintf(name, sizeof(name), "agree: %s, %s, %s", pair->memory->name,
		 pair->rows[0]->name, pair->rows[1]->name);
	agree_pair_open(pair, name);
	if (agree_pair_can_be_at_once(pair))
		agree_pair_run(pair, pair->rows, 2, "at once");
	agree_pair_run(pair, &pair->rows[0], 1, "alone");
	agree_pair_run(pair, &pair->rows[1], 1, "alone");
	agree_pair_expect_no_difference(pair);
	agree_pair_close(pair);
}

/* Nothing is added when there is nothing that both see. */
static void add_pair(struct list *list, const struct agree_pair *pair)
{
	char *name = list->names[list->npairs];

	if (!pair->kinds || ((pair->rows[0]->refuses | pair->rows[1]->refuses) &
			     AGREE_BIT(pair->memory - agree_memories)))
		return;
	list->pairs[list->npairs] = *pair;
	snprintf(name, sizeof(list->names[0]), "%s, %s%s in %s",
		 pair->rows[0]->name, pair->rows[1]->name,
		 agree_pair_can_be_at_once(pair) ? "" : " (in turn)",
		 pair->memory->name);
	list->tests[list->npairs] = (struct CMUnitTest){
		.name = name,
		.test_func = test_pair,
		.initial_state = &list->pairs[list->npairs]};
	list->npairs++;
}

static void add_pairs(struct list *list, const struct agree_memory *memory,
		      unsigned long nrounds)
{
	for (size_t a = 0; a < agree_nsources; a++) {
		for (size_t b = a + 1; b < agree_nsources; b++) {
			struct agree_pair pair = {
				.rows = {&agree_sources[a], &agree_sources[b]},
				.memory = memory,
				.nrounds = nrounds,
			};

			pair.kinds = pair.rows[0]->sees & pair.rows[1]->sees;
			if (!memory->is_discarded)
				pair.kinds &= ~AGREE_BIT(AGREE_DISCARD);
			add_pair(list, &pair);
		}
	}
}

int agree_main(const char *group, const struct agree_memory *memories,
	       size_t nmemories, unsigned long nrounds,
	       const struct CMUnitTest *more)
{
	static struct list list;
	size_t ntests;

	assert(agree_nsources <= MAX_SOURCES);
	for (size_t i = 0; i < nmemories; i++)
		add_pairs(&list, &memories[i], count_rounds(nrounds));
	ntests = list.npairs;
	if (more)
		list.tests[ntests++] = *more;
	return _cmocka_run_group_tests(group, list.tests, ntests, NULL, NULL);
}
