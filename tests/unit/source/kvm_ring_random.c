/* SPDX-License-Identifier: MIT */
/*
 * Random stores, harvests, looks, takes, stops and failures, with rings so
 * small that the simulated kernel overwrites entries. After each harvest or
 * look that succeeded, every page that was stored to and not taken since is
 * dirty; and no other is, in episodes in which nothing was overwritten and
 * nothing failed. A ring that is full is never full for good.
 */
#include <errno.h>
#include <string.h>

#include "kvm_rig.h"

#define NEPISODES 400
#define NSTEPS	  300

struct episode {
	struct kvm_rig rig;
	struct test_rng rng;
	bool is_stored[FAKE_NSLOTS][FAKE_PAGES]; /* and not taken since */
	bool obeys;   /* the kernel stops full vCPUs */
	bool may_say; /* no more than was stored */
};

static unsigned int below(struct episode *e, unsigned int n)
{
	return (unsigned int)test_rng_below(&e->rng, n);
}

static void leave_full(struct episode *e, unsigned int vcpu)
{
	for (int i = 0; i < 40 && fake_kvm_is_full(vcpu); i++)
		assert_int_equal(smudge_kvm_ring_full(e->rig.vcpus[vcpu], NULL),
				 0);
	if (fake_kvm_is_full(vcpu))
		fail_msg("the ring of vCPU %u is full for good", vcpu);
}

static void store(struct episode *e)
{
	unsigned int vcpu = below(e, FAKE_NVCPUS);
	unsigned int slot = below(e, FAKE_NSLOTS);
	unsigned int page = below(e, FAKE_PAGES);
	unsigned int n = e->obeys ? 1 : 1 + below(e, 40);

	leave_full(e, vcpu);
	for (unsigned int i = 0; i < n; i++, page = (page + 1) % FAKE_PAGES) {
		fake_kvm_store(vcpu, slot, page);
		e->is_stored[slot][page] = true;
	}
}

static void check(struct episode *e)
{
	for (unsigned int s = 0; s < FAKE_NSLOTS; s++)
		for (unsigned int p = 0; p < FAKE_PAGES; p++) {
			bool is_dirty = kvm_rig_is_dirty(&e->rig, s, p);

			if (e->is_stored[s][p] && !is_dirty)
				fail_msg("a store to page %u of slot %u is "
					 "lost",
					 p, s);
			if (e->may_say && is_dirty && !e->is_stored[s][p])
				fail_msg("page %u of slot %u is reported for "
					 "nothing",
					 p, s);
		}
}

static void report(struct episode *e)
{
	bool fails = !e->obeys && below(e, 20) == 0;
	int ret;

	fake_kvm.resets_per_call = below(e, 4) ? 0 : 1 + below(e, 3);
	/* Interrupted by something else, it reports all pages. */
	fake_kvm.by_signals = e->obeys || below(e, 2);
	fake_kvm.nidle = below(e, 4) ? 0 : below(e, 3);
	fake_kvm.reset_error = fails ? EIO : 0;
	fake_kvm.log_error = !e->obeys && below(e, 10) == 0 ? ENOMEM : 0;
	if (below(e, 4))
		ret = kvm_rig_harvest(&e->rig, NULL);
	else
		ret = smudge_memory_look(e->rig.memory, NULL);
	fake_kvm.reset_error = fake_kvm.log_error = 0;
	if (ret < 0)
		e->may_say = false;
	check(e);
}

static void forget(struct episode *e)
{
	kvm_rig_clean(&e->rig);
	memset(e->is_stored, 0, sizeof(e->is_stored));
}

/* Only after a harvest: what a look reported is reported again. */
static void take(struct episode *e)
{
	assert_int_equal(kvm_rig_harvest(&e->rig, NULL), 0);
	check(e);
	forget(e);
}

static void restart(struct episode *e)
{
	kvm_rig_unwatch(&e->rig);
	for (int i = below(e, 5); i; i--)
		fake_kvm_push(0, fake_kvm.ids[0], below(e, FAKE_PAGES));
	kvm_rig_watch(&e->rig);
	/* with what earlier runs left in the rings */
	assert_int_equal(kvm_rig_harvest(&e->rig, NULL), 0);
	forget(e);
}

static void run(struct episode *e)
{
	e->may_say = e->obeys = below(e, 2);
	memset(e->is_stored, 0, sizeof(e->is_stored));
	fake_kvm_open();
	kvm_rig_open(&e->rig, 16u << below(e, 3));
	kvm_rig_watch(&e->rig);
	for (int i = 0; i < NSTEPS; i++) {
		unsigned int what = below(e, 40);

		if (what < 30)
			store(e);
		else if (what < 36)
			report(e);
		else if (what < 39)
			take(e);
		else
			restart(e);
	}
	take(e);
	kvm_rig_close(&e->rig);
}

static void test_random(void **state)
{
	struct episode e = {.rng = test_rng_start("kvm ring")};
	unsigned int noverflows = 0;

	for (unsigned int i = test_rounds(NEPISODES); i; i--) {
		run(&e);
		assert_true(!e.obeys || !fake_kvm.noverflows);
		noverflows += fake_kvm.noverflows;
	}
	assert_true(noverflows > 0);
}

TEST_MAIN(test_random)
