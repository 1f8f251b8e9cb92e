/* SPDX-License-Identifier: MIT */
/*
 * Every interleaving of stores, I/O into pinned pages, takes and returns with
 * looks, harvests, quiesced harvests and clients that come and go: whatever
 * differs from what a quiesced client copied is dirty after each of them.
 *
 * Each page has a program of its own: digit k of its number, in base NOPS, is
 * what happens to it in slot k, so that the region has all programs at once.
 * After each slot comes a step, which is for all pages; every sequence of
 * steps is run. I/O that is in flight lands before a quiesced harvest, as its
 * caller vouches. I/O that ends by a mark must not be lost whatever happens.
 */
#include "support.h"

#include <string.h>

#include "armed_source.h"
#include "fake_source.h"

/* NPAGES is NOPS to the power of NSLOTS. An emulated processor is slow. */
#ifdef TEST_EMULATED
#define NSLOTS 3
#define NPAGES 512
#else
#define NSLOTS 4
#define NPAGES 4096
#endif

enum op {
	NOTHING,
	STORE,
	PIN,	     /* I/O into the page begins */
	LAND,	     /* and ends, if it had begun */
	LAND_MARKED, /* and its completion is marked */
	TAKE_FIRST,
	TAKE_PLAIN,
	RETURN_FIRST, /* taken, stored to, returned */
	NOPS,
};

enum step {
	LOOK,
	HARVEST,
	QUIESCED,
	TOGGLE_FIRST,  /* close the first quiesced client, or open it */
	TOGGLE_SECOND, /* the same for another one */
	NSTEPS,
};

enum {
	FIRST,
	PLAIN,
	SECOND,
	NCLIENTS
};

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct armed_source armed;
	struct smudge_batch *batch;
	struct smudge_client *client[NCLIENTS]; /* NULL: closed */
	enum smudge_rearm_policy policy;	/* of FIRST and SECOND */
	uint32_t content[NPAGES];
	uint32_t copy[NCLIENTS][NPAGES];
	bool is_pinned[NPAGES];
	bool was_unmarked[NPAGES]; /* some I/O ended without a mark */
	uint64_t nlost;
};

static void open_client(struct rig *rig, int which)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = "client",
		.rearm_policy =
			which == PLAIN ? SMUDGE_REARM_ALWAYS : rig->policy,
	};

	assert_int_equal(smudge_client_open(rig->memory, &options,
					    &rig->client[which], NULL),
			 0);
}

static void close_client(struct rig *rig, int which)
{
	assert_int_equal(smudge_client_close(rig->client[which]), 0);
	rig->client[which] = NULL;
}

static void rig_start(struct rig *rig, bool rearms_at_take,
		      enum smudge_rearm_policy policy)
{
	memset(rig, 0, sizeof(*rig));
	rig->policy = policy;
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	rig->region = fake_region(rig->memory, 0, NPAGES);
	armed_create(&rig->armed, NPAGES, rearms_at_take, true);
	assert_int_equal(smudge_region_attach(rig->region, rig->armed.source, 0,
					      0, NULL),
			 0);
	assert_int_equal(smudge_batch_create(0, &rig->batch, NULL), 0);
	open_client(rig, PLAIN);
	open_client(rig, FIRST);
}

static void rig_end(struct rig *rig)
{
	for (int i = 0; i < NCLIENTS; i++)
		close_client(rig, i);
	assert_int_equal(smudge_batch_destroy(rig->batch), 0);
	armed_destroy(&rig->armed);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
}

static void store(struct rig *rig, uint64_t page)
{
	rig->content[page]++;
	armed_touch(&rig->armed, page);
}

static void land(struct rig *rig, uint64_t page, bool is_marked)
{
	if (!rig->is_pinned[page])
		return;
	rig->is_pinned[page] = false;
	rig->content[page]++;
	if (is_marked)
		smudge_region_mark(rig->region, page, 1);
	else
		rig->was_unmarked[page] = true;
}

static void take(struct rig *rig, int which, uint64_t page, bool is_returned)
{
	struct smudge_client *client = rig->client[which];

	if (!client)
		return;
	assert_int_equal(smudge_client_take(client, rig->region, page, 1,
					    rig->batch, NULL),
			 0);
	if (is_returned)
		store(rig, page);
	else if (smudge_batch_nruns(rig->batch))
		rig->copy[which][page] = rig->content[page];
	if (is_returned)
		assert_int_equal(smudge_client_return(client, rig->batch), 0);
	else
		assert_int_equal(smudge_client_commit(client, rig->batch), 0);
}

static void run_op(struct rig *rig, enum op op, uint64_t page)
{
	switch (op) {
	case STORE:
		store(rig, page);
		break;
	case PIN:
		rig->is_pinned[page] = true;
		armed_touch(&rig->armed, page);
		break;
	case LAND:
	case LAND_MARKED:
		land(rig, page, op == LAND_MARKED);
		break;
	case TAKE_FIRST:
	case RETURN_FIRST:
		take(rig, FIRST, page, op == RETURN_FIRST);
		break;
	case TAKE_PLAIN:
		take(rig, PLAIN, page, false);
		break;
	case NOTHING:
	case NOPS:
		break;
	}
}

/* Op by op: marks that lie between takes cost each take a barrier. */
static void run_slot(struct rig *rig, unsigned int slot)
{
	for (unsigned int op = 0; op < NOPS; op++) {
		for (uint64_t page = 0; page < NPAGES; page++) {
			if ((page >> 3 * slot) % NOPS == op)
				run_op(rig, (enum op)op, page);
		}
	}
}

/*
 * A harvest or look is done. A plain client is not promised what landed
 * without a mark. A client of rig->policy SMUDGE_REARM_ALWAYS is treated as a
 * quiesced one, and so loses.
 */
static void check(struct rig *rig)
{
	for (int i = 0; i < NCLIENTS; i++) {
		struct smudge_client *client = rig->client[i];

		for (uint64_t p = 0; client && p < NPAGES; p++) {
			if (rig->copy[i][p] == rig->content[p] ||
			    (i == PLAIN && rig->was_unmarked[p]) ||
			    smudge_client_test(client, rig->region, p))
				continue;
			/* Where I/O is marked nothing may be lost, ever. */
			assert_true(rig->was_unmarked[p]);
			rig->nlost++;
		}
	}
}

static void toggle(struct rig *rig, int which)
{
	if (rig->client[which])
		close_client(rig, which);
	else
		open_client(rig, which);
}

static void harvest_quiesced(struct rig *rig)
{
	for (uint64_t page = 0; page < NPAGES; page++)
		land(rig, page, false);
	assert_int_equal(smudge_memory_harvest_quiesced(rig->memory, NULL), 0);
}

static void run_step(struct rig *rig, enum step step)
{
	switch (step) {
	case LOOK:
		assert_int_equal(smudge_memory_look(rig->memory, NULL), 0);
		break;
	case HARVEST:
		assert_int_equal(smudge_memory_harvest(rig->memory, NULL), 0);
		break;
	case QUIESCED:
		harvest_quiesced(rig);
		break;
	case TOGGLE_FIRST:
		toggle(rig, FIRST);
		return;
	case TOGGLE_SECOND:
		toggle(rig, SECOND);
		return;
	case NSTEPS:
		return;
	}
	check(rig);
}

/* All that is dirty is read; then nothing is left, for any client. */
static void finish(struct rig *rig)
{
	for (int i = 0; i < NCLIENTS; i++) {
		if (!rig->client[i])
			open_client(rig, i);
	}
	harvest_quiesced(rig);
	check(rig);
	for (int i = 0; i < NCLIENTS; i++)
		fake_take(rig->client[i], rig->region);
	assert_int_equal(smudge_memory_look(rig->memory, NULL), 0);
	for (int i = 0; i < NCLIENTS; i++)
		assert_int_equal(smudge_client_dirty_pages(rig->client[i]), 0);
}

/* Return: pages lost, over all sequences of steps up to the first that loses.
 */
static uint64_t run_all(bool rearms_at_take, enum smudge_rearm_policy policy)
{
	static struct rig rig;
	unsigned int nsequences = 1;
	uint64_t nlost = 0;

	for (int slot = 0; slot < NSLOTS; slot++)
		nsequences *= NSTEPS;
	for (unsigned int sequence = 0; sequence < nsequences && !nlost;
	     sequence++) {
		unsigned int rest = sequence;

		rig_start(&rig, rearms_at_take, policy);
		for (unsigned int slot = 0; slot < NSLOTS; slot++) {
			run_slot(&rig, slot);
			run_step(&rig, (enum step)(rest % NSTEPS));
			rest /= NSTEPS;
		}
		finish(&rig);
		nlost += rig.nlost;
		rig_end(&rig);
	}
	return nlost;
}

static void test_quiesced(void **state)
{
	assert_int_equal(run_all(false, SMUDGE_REARM_QUIESCED), 0);
	assert_int_equal(run_all(true, SMUDGE_REARM_QUIESCED), 0);
}

/* Without the policy the same programs lose pages, so the check can fail. */
static void test_it_can_fail(void **state)
{
	uint64_t as_reported = run_all(false, SMUDGE_REARM_ALWAYS);
	uint64_t as_taken = run_all(true, SMUDGE_REARM_ALWAYS);

	print_message("# without the policy %llu and %llu pages are lost\n",
		      (unsigned long long)as_reported,
		      (unsigned long long)as_taken);
	assert_true(as_reported > 0);
	assert_true(as_taken > 0);
}

TEST_MAIN(test_quiesced, test_it_can_fail)
