/* SPDX-License-Identifier: MIT */
/*
 * A display beside a quiesced client. Its refreshes are looks: a page that was
 * drawn on is compared at each of them, and yields a rectangle only where it
 * has changed. A store that no source reports again, because the page is not
 * armed, is found all the same.
 */
#include "support.h"

#include <smudge/client.h>

#include "armed_source.h"
#include "display_rig.h"

static void draw(struct display_rig *rig, struct armed_source *armed,
		 uint32_t x, uint32_t pixel)
{
	uint64_t at = rig_at(rig, x, 5);

	rig_store(rig, at, pixel);
	armed_touch(armed, at >> rig->page_shift);
}

static void refresh(bool rearms_at_take)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = "quiesced",
		.rearm_policy = SMUDGE_REARM_QUIESCED,
	};
	struct smudge_client *client = NULL;
	struct armed_source armed;
	struct smudge_rect rects[16];
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	armed_create(&armed, 64, rearms_at_take, true);
	assert_int_equal(
		smudge_region_attach(rig.region, armed.source, 0, 0, NULL), 0);
	rig_open(&rig, rig_mode(0, 1024, 256, 64));
	assert_int_equal(
		smudge_client_open(rig.memory, &options, &client, NULL), 0);
	assert_int_equal(smudge_memory_harvest_quiesced(rig.memory, NULL), 0);
	assert_true(rig_refresh(&rig, rects, 16) > 0);
	for (uint32_t i = 0; i < 4; i++) {
		draw(&rig, &armed, 10 + i, 0xff00ff);
		assert_int_equal(rig_refresh(&rig, rects, 16), 1);
		assert_int_equal(rig_refresh(&rig, rects, 16), 0);
	}
	assert_int_equal(smudge_memory_harvest_quiesced(rig.memory, NULL), 0);
	draw(&rig, &armed, 10, 0);
	assert_int_equal(rig_refresh(&rig, rects, 16), 1);
	assert_int_equal(smudge_client_close(client), 0);
	armed_destroy(&armed);
	rig_stop(&rig);
}

static void test_refreshes(void **state)
{
	refresh(false);
	refresh(true);
}

TEST_MAIN(test_refreshes)
