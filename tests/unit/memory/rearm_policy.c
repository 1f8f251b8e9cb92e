/* SPDX-License-Identifier: MIT */
/*
 * The re-arm policy of a region: the strictest client's, while it is open. The
 * quiesced client receives everything until sources were armed in a quiesced
 * harvest, and exactly what was written from then on.
 */
#include "support.h"

#include <errno.h>

#include "armed_source.h"
#include "fake_source.h"
#include "fixture.h"

#define NPAGES 200

struct rig {
	struct fixture f; /* its client re-arms always */
	struct smudge_client *quiesced;
	struct armed_source armed;
};

static void rig_start(struct rig *rig, bool rearms_at_take)
{
	fixture_open(&rig->f, NPAGES);
	armed_create(&rig->armed, NPAGES, rearms_at_take, true);
	fixture_attach(&rig->f, rig->armed.source);
	fixture_watch(&rig->f, true);
	fixture_harvest(&rig->f);
	assert_int_equal(smudge_client_dirty_pages(rig->f.client), 0);
	rig->quiesced = fixture_open_quiesced(&rig->f);
}

static void rig_end(struct rig *rig)
{
	assert_int_equal(smudge_client_close(rig->quiesced), 0);
	armed_destroy(&rig->armed);
	fixture_close(&rig->f);
}

static void strictest_wins(bool rearms_at_take)
{
	struct smudge_client *second;
	unsigned int harvests;
	struct rig rig;

	rig_start(&rig, rearms_at_take);
	assert_int_equal(smudge_region_rearm_policy(rig.f.region),
			 SMUDGE_REARM_QUIESCED);
	fixture_harvest_quiesced(&rig.f);
	fake_take(rig.quiesced, rig.f.region);
	armed_touch(&rig.armed, 20);
	harvests = rig.armed.harvests;
	for (int i = 0; i < 3; i++) {
		fixture_harvest(&rig.f); /* a look */
		assert_int_equal(fake_take(rig.f.client, rig.f.region), 1);
		assert_int_equal(fake_take(rig.quiesced, rig.f.region), 1);
	}
	assert_int_equal(rig.armed.harvests, harvests);
	second = fixture_open_quiesced(&rig.f);
	assert_int_equal(smudge_client_close(rig.quiesced), 0);
	fixture_harvest(&rig.f);
	assert_int_equal(rig.armed.harvests, harvests);
	assert_int_equal(smudge_client_close(second), 0);
	assert_int_equal(smudge_region_rearm_policy(rig.f.region),
			 SMUDGE_REARM_ALWAYS);
	fixture_harvest(&rig.f);
	assert_int_equal(rig.armed.harvests, harvests + 1);
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 1);
	fixture_harvest(&rig.f);
	assert_int_equal(smudge_client_dirty_pages(rig.f.client), 0);
	rig.quiesced = fixture_open_quiesced(&rig.f);
	rig_end(&rig);
}

static void test_strictest_wins(void **state)
{
	strictest_wins(false);
	strictest_wins(true);
}

/* A quiesced harvest re-arms all at once; takes have nothing left to do. */
static void rearms_at_once(bool rearms_at_take)
{
	unsigned int rearms;
	struct rig rig;

	rig_start(&rig, rearms_at_take);
	fixture_harvest_quiesced(&rig.f);
	fake_take(rig.quiesced, rig.f.region);
	fake_take(rig.f.client, rig.f.region);
	armed_touch(&rig.armed, 20);
	armed_touch(&rig.armed, NPAGES - 1);
	fixture_harvest_quiesced(&rig.f);
	assert_false(rig.armed.written[20]);
	assert_false(rig.armed.written[NPAGES - 1]);
	rearms = rig.armed.rearms;
	armed_touch(&rig.armed, 20);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 2);
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 2);
	assert_int_equal(rig.armed.rearms, rearms);
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 1);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 1);
	rig_end(&rig);
}

static void test_rearms_at_once(void **state)
{
	rearms_at_once(false);
	rearms_at_once(true);
}

/* What was armed with I/O in flight cannot be relied on. */
static void begins_unknown(bool rearms_at_take)
{
	struct smudge_client *second;
	struct rig rig;

	rig_start(&rig, rearms_at_take);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	fixture_look(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	/* The other client receives what the source has, and no more. */
	assert_int_equal(smudge_client_dirty_pages(rig.f.client), 0);
	fixture_harvest_quiesced(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	fixture_look(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 0);
	/* A second one relies on what the first one's harvest armed. */
	second = fixture_open_quiesced(&rig.f);
	assert_int_equal(fake_take(second, rig.f.region), NPAGES);
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(second, rig.f.region), 0);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 0);
	assert_int_equal(smudge_client_close(second), 0);
	/* A harvest while none was open spoils it for the next. */
	assert_int_equal(smudge_client_close(rig.quiesced), 0);
	fixture_harvest(&rig.f);
	rig.quiesced = fixture_open_quiesced(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	fixture_harvest_quiesced(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	rig_end(&rig);
}

static void test_begins_unknown(void **state)
{
	begins_unknown(false);
	begins_unknown(true);
}

/* A source that is attached meanwhile: its own range, and no other. */
static void test_attached_later(void **state)
{
	struct armed_source later;
	struct rig rig;

	rig_start(&rig, false);
	fixture_harvest_quiesced(&rig.f);
	fake_take(rig.quiesced, rig.f.region);
	armed_create(&later, 50, true, true);
	assert_int_equal(
		smudge_region_attach(rig.f.region, later.source, 100, 50, NULL),
		0);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 50);
	fixture_harvest(&rig.f);
	assert_true(smudge_client_all(rig.quiesced, rig.f.region, 100, 50));
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 50);
	fixture_harvest_quiesced(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 50);
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 0);
	/* The last harvest of one that leaves. */
	armed_touch(&later, 3);
	assert_int_equal(smudge_source_detach(later.source, NULL), 0);
	assert_true(smudge_client_test(rig.quiesced, rig.f.region, 103));
	assert_int_equal(smudge_client_dirty_pages(rig.quiesced), 1);
	armed_destroy(&later);
	rig_end(&rig);
}

/* Nothing is lost: what was not re-armed comes again. */
static void test_rearm_fails(void **state)
{
	struct smudge_error err = {0};
	struct rig rig;

	rig_start(&rig, true);
	fixture_harvest_quiesced(&rig.f);
	fake_take(rig.quiesced, rig.f.region);
	armed_touch(&rig.armed, 8);
	rig.armed.rearm_error = -EREMOTEIO;
	assert_int_equal(smudge_memory_harvest_quiesced(rig.f.memory, &err),
			 -EIO);
	assert_string_equal(err.message, "told not to re-arm");
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 1);
	rig.armed.rearm_error = 0;
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	fixture_harvest_quiesced(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), 0);
	rig_end(&rig);
}

/*
 * A take beside a quiesced client re-arms nothing, so what the harvest before
 * it reported is no longer known to every client when that client has gone: the
 * other client's take must not re-arm it either.
 */
static void test_harvested_before_it_came(void **state)
{
	struct smudge_client *other;
	struct rig rig;

	rig_start(&rig, true);
	assert_int_equal(smudge_client_close(rig.quiesced), 0);
	other = fake_client(rig.f.memory, "other", true);
	armed_touch(&rig.armed, 5);
	fixture_harvest(&rig.f);
	rig.quiesced = fixture_open_quiesced(&rig.f);
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 1);
	armed_touch(&rig.armed, 5); /* no fault: the page is not armed */
	assert_int_equal(smudge_client_close(rig.quiesced), 0);
	assert_int_equal(fake_take(other, rig.f.region), 1);
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 1);
	rig.quiesced = fixture_open_quiesced(&rig.f);
	assert_int_equal(smudge_client_close(other), 0);
	rig_end(&rig);
}

/* From the moment it is open no take re-arms, of whatever source. */
static void test_takes_rearm_nothing(void **state)
{
	struct armed_source later;
	unsigned int rearms;
	struct rig rig;

	rig_start(&rig, true);
	assert_int_equal(smudge_client_close(rig.quiesced), 0);
	armed_touch(&rig.armed, 5);
	fixture_harvest(&rig.f);
	rig.quiesced = fixture_open_quiesced(&rig.f);
	rearms = rig.armed.rearms;
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 1);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	assert_int_equal(rig.armed.rearms, rearms);
	assert_true(rig.armed.written[5]);
	armed_create(&later, 50, true, true);
	assert_int_equal(
		smudge_region_attach(rig.f.region, later.source, 100, 50, NULL),
		0);
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 50);
	assert_int_equal(later.rearms, 0);
	armed_destroy(&later);
	rig_end(&rig);
}

/* A start arms, and no start is quiesced: what was known before is gone. */
static void test_started_again(void **state)
{
	struct rig rig;

	rig_start(&rig, false);
	fixture_harvest_quiesced(&rig.f);
	fake_take(rig.quiesced, rig.f.region);
	fixture_harvest(&rig.f);
	assert_int_equal(smudge_client_dirty_pages(rig.quiesced), 0);
	assert_int_equal(smudge_client_close(rig.f.client), 0);
	assert_int_equal(smudge_client_close(rig.quiesced), 0);
	rig.quiesced = fixture_open_quiesced(&rig.f);
	rig.f.client = fake_client(rig.f.memory, "plain", true);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(rig.quiesced, rig.f.region), NPAGES);
	rig_end(&rig);
}

TEST_MAIN(test_strictest_wins, test_rearms_at_once, test_begins_unknown,
	  test_attached_later, test_rearm_fails, test_harvested_before_it_came,
	  test_takes_rearm_nothing, test_started_again)
