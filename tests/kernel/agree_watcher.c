/* SPDX-License-Identifier: MIT */
/*
 * A watcher: a source with a memory, a region and two clients of its own.
 */
#include "agree.h"

#include <errno.h>
#include <string.h>

static bool is_quiesced(const struct agree_watcher *w)
{
	return w->policy == SMUDGE_REARM_QUIESCED;
}

static void take(struct agree_watcher *w)
{
	track_take(&w->track, w->clients[0], 0, w->track.npages);
	track_clean(&w->track, w->clients[1]);
}

static int ask(struct agree_watcher *w, enum agree_end end,
	       struct smudge_error *err)
{
	if (end == AGREE_LOOK)
		return smudge_region_look(w->track.region, err);
	if (end == AGREE_QUIESCED_HARVEST)
		return smudge_region_harvest_quiesced(w->track.region, err);
	return smudge_region_harvest(w->track.region, err);
}

/* Twice: the first harvest may report everything again, as set initially. */
static void arm(struct agree_watcher *w)
{
	for (int i = 0; i < 2; i++) {
		take(w);
		if (is_quiesced(w))
			track_harvest_quiesced(&w->track);
		else
			track_harvest(&w->track);
	}
	track_expect_none(&w->track, w->clients[0]);
	track_expect_none(&w->track, w->clients[1]);
}

void agree_watcher_open(struct agree_watcher *w, const struct agree_source *row,
			const struct agree_world *world,
			enum smudge_rearm_policy policy)
{
	memset(w, 0, sizeof(*w));
	w->row = row;
	w->policy = policy;
	track_open(&w->track, world->ram.bytes, TINY_RAM_GPA,
		   world->memory->npages, world->memory->page_shift);
	if (row->create) {
		row->create(w, world);
		track_attach(&w->track, w->source, 0, 0);
	}
	w->clients[0] = track_client_with(&w->track, "takes", policy);
	w->clients[1] = track_client(&w->track, "skips");
	arm(w);
}

void agree_watcher_close(struct agree_watcher *w)
{
	assert_int_equal(smudge_client_close(w->clients[0]), 0);
	assert_int_equal(smudge_client_close(w->clients[1]), 0);
	smudge_source_destroy(w->source);
	track_close(&w->track);
	if (w->row->destroy)
		w->row->destroy(w);
}

/* Return: false when it is refused. */
static bool ask_and_take(struct agree_watcher *w, enum agree_end end,
			 uint8_t ret_pages[AGREE_MAX_PAGES])
{
	struct smudge_region *region = w->track.region;
	struct smudge_error err = {0};
	int ret = ask(w, end, &err);

	if (ret == -EOPNOTSUPP && end == AGREE_LOOK &&
	    w->row->looks == AGREE_NO_LOOKS)
		return false;
	if (ret < 0)
		fail_msg("%s: %s", w->row->name, err.message);
	for (uint64_t page = 0; page < w->track.npages; page++) {
		ret_pages[page] =
			smudge_client_test(w->clients[0], region, page);
		if (smudge_client_test(w->clients[1], region, page) !=
		    ret_pages[page])
			fail_msg("%s: clients differ in page %llu",
				 w->row->name, (unsigned long long)page);
	}
	take(w);
	return true;
}

/* What was reported and taken is reported again; a mark is not. */
static void check_second_look(struct agree_watcher *w, enum agree_end end,
			      const uint8_t pages[AGREE_MAX_PAGES])
{
	bool is_repeated = w->row->looks == AGREE_LOOKS;
	uint8_t again[AGREE_MAX_PAGES];

	ask_and_take(w, end, again);
	for (uint64_t page = 0; page < w->track.npages; page++) {
		if (again[page] != (is_repeated && pages[page]))
			fail_msg("%s: a second look at page %llu: %s",
				 w->row->name, (unsigned long long)page,
				 again[page] ? "dirty" : "clean");
	}
}

void agree_watcher_end(struct agree_watcher *w, enum agree_end end,
		       uint8_t ret_pages[AGREE_MAX_PAGES])
{
	bool is_look =
		end == AGREE_LOOK || (end == AGREE_HARVEST && is_quiesced(w));

	if (ask_and_take(w, end, ret_pages) && is_look)
		check_second_look(w, end, ret_pages);
}
