/* SPDX-License-Identifier: MIT */
/*
 * qemu-img and qemu-io handle layers, in any order, at any place of a chain:
 * each layer is afterwards exactly the moment that QEMU's own reader finds in
 * it, or it is refused with a sentence.
 */
#include <stdio.h>
#include <string.h>

#include <smudge/layers.h>

#include "../qcow2/qemu_img.h"
#include "operations.h"

#define NLAYERS 6
#define NBEHIND 3 /* operations behind the first one, at most */

/* 1 has the child 2, 2 has 3 and 5, 3 has 4, 5 has 6. */
static void begin(struct history *h, uint64_t seed)
{
	static const uint64_t parents[NLAYERS] = {0, 1, 2, 3, 2, 5};

	history_begin(h, seed);
	for (size_t i = 0; i < NLAYERS; i++)
		history_save(h, parents[i],
			     parents[i] ? (size_t)parents[i] - 1 : 0, i > 0);
}

static int count(void *opaque, const struct smudge_layer_info *info,
		 const struct smudge_error *why)
{
	size_t *n = opaque;

	assert_true(!why || why->message[0]);
	++*n;
	return 0;
}

/* All files, and the list of them. */
static void check_all(struct history *h, const char *what)
{
	size_t nlisted = 0, n = 0;

	for (uint64_t i = 1; i <= h->nfiles; i++) {
		if (!history_has(i))
			continue;
		history_check(h, i, what);
		n++;
	}
	assert_int_equal(smudge_layers_each(".", count, &nlisted, NULL), 0);
	assert_int_equal(nlisted, n);
}

static void apply(struct history *h, const struct operation *operation,
		  uint64_t file)
{
	size_t before[HISTORY_FILES + 1];
	uint64_t nfiles = h->nfiles, must_show;
	char what[80];

	snprintf(what, sizeof(what), "%s %d", operation->name, (int)file);
	memcpy(before, h->shown, sizeof(before));
	must_show = operation->run(h, file);
	check_all(h, what);
	if (must_show && before[file] != HISTORY_NONE &&
	    h->shown[must_show] != before[file])
		fail_msg("%s: layer %d has moment %d, not %d", what,
			 (int)must_show, (int)h->shown[must_show],
			 (int)before[file]);
	for (uint64_t i = 1; operation->keeps_all && i <= nfiles; i++)
		if (history_has(i) && before[i] != HISTORY_NONE &&
		    h->shown[i] != before[i])
			fail_msg("%s: layer %d had moment %d", what, (int)i,
				 (int)before[i]);
}

static void apply_any(struct history *h)
{
	uint64_t file = 1 + test_rng_below(&h->rng, h->nfiles);

	if (history_has(file))
		apply(h, &operations[test_rng_below(&h->rng, noperations)],
		      file);
}

/* Each operation on each layer comes first in some round. */
static void layers_are_right_or_refused(void **state)
{
	struct test_rng rng = test_rng_start("interop");
	size_t npairs = noperations * NLAYERS, n = test_rounds(4);
	size_t first;

	qemu_img_need();
	first = test_rng_below(&rng, npairs);
	for (size_t i = 0; i < n; i++) {
		size_t pair = (first + i) % npairs;
		struct history h;

		begin(&h, test_rng_next(&rng));
		apply(&h, &operations[pair % noperations],
		      1 + pair / noperations);
		for (uint64_t j = test_rng_below(&rng, NBEHIND + 1); j; j--)
			apply_any(&h);
		history_end(&h);
	}
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, layers_are_right_or_refused)
