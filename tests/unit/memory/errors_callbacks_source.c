/* SPDX-License-Identifier: MIT */
/*
 * A source's callbacks return undocumented values: positive numbers, as pthread
 * calls do, or numbers that are no errno. Each is a failure whose sentence has
 * the number, and the pages concerned are dirty. Callbacks always get an error
 * to write into, also when the caller passes NULL.
 */
#include "support.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <smudge/code.h>

#include "fake_source.h"

#define NPAGES 100
#define FIRST  10 /* of the source, which goes to the end */

static const int odd_values[] = {
	1, 5, INT_MAX, INT_MIN, -4096, -EOWNERDEAD,
};

struct odd {
	int start, harvest, rearm, look;
	bool speaks, notes_without_failing;
	unsigned int starts, stops;
};

static int answer(const struct odd *odd, int value, struct smudge_error *err)
{
	assert_non_null(err);
	assert_int_equal(err->code, 0);
	if (odd->notes_without_failing)
		smudge_error_set(err, -ENXIO, "odd", "not a failure");
	if (value && odd->speaks)
		smudge_error_set(err, value, "odd", "words of its own");
	return value;
}

static int odd_start(void *opaque, const struct smudge_source_range *range,
		     struct smudge_error *err)
{
	struct odd *odd = opaque;

	odd->starts++;
	return answer(odd, odd->start, err);
}

static void odd_stop(void *opaque)
{
	((struct odd *)opaque)->stops++;
}

static int odd_harvest(void *opaque, struct smudge_sink *sink,
		       struct smudge_error *err)
{
	return answer(opaque, ((struct odd *)opaque)->harvest, err);
}

static int odd_look(void *opaque, struct smudge_sink *sink,
		    struct smudge_error *err)
{
	return answer(opaque, ((struct odd *)opaque)->look, err);
}

static int odd_rearm(void *opaque, const struct smudge_batch *batch,
		     struct smudge_error *err)
{
	return answer(opaque, ((struct odd *)opaque)->rearm, err);
}

struct world {
	struct odd odd;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_batch *batch;
};

static void open_world(struct world *w)
{
	static const struct smudge_source_ops ops = {.size = sizeof(ops),
						     .name = "odd",
						     .start = odd_start,
						     .stop = odd_stop,
						     .harvest = odd_harvest,
						     .rearm = odd_rearm,
						     .look = odd_look};

	*w = (struct world){0};
	assert_int_equal(smudge_memory_create(&w->memory), 0);
	w->region = fake_region(w->memory, 0, NPAGES);
	assert_int_equal(smudge_source_create(&ops, &w->odd, &w->source, NULL),
			 0);
	assert_int_equal(
		smudge_region_attach(w->region, w->source, FIRST, 0, NULL), 0);
	assert_int_equal(smudge_batch_create(1, &w->batch, NULL), 0);
}

static void close_world(struct world *w)
{
	smudge_source_destroy(w->source);
	assert_int_equal(w->odd.starts, w->odd.stops);
	assert_int_equal(smudge_batch_destroy(w->batch), 0);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
}

static void expect(const struct smudge_error *err, const char *callback,
		   int value)
{
	char words[64];

	snprintf(words, sizeof(words), "%s returned %d,", callback, value);
	assert_int_equal(err->code, -EIO);
	assert_string_equal(err->where, "odd");
	if (!strstr(err->message, words))
		fail_msg("\"%s\" has no \"%s\"", err->message, words);
}

static void start_returns(int value)
{
	const struct smudge_client_options me = {.size = sizeof(me),
						 .name = "me"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client = NULL;
	struct world w;

	open_world(&w);
	w.odd.start = value;
	assert_int_equal(smudge_client_open(w.memory, &me, &client, NULL),
			 -EIO);
	assert_int_equal(smudge_client_open(w.memory, &me, &client, &err),
			 -EIO);
	expect(&err, "start", value);
	assert_int_equal(err.page, FIRST);
	assert_null(client);
	assert_int_equal(fake_stats(w.memory).nsources_running, 0);
	w.odd.starts = 0;
	close_world(&w);
}

static void harvest_returns(int value)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client;
	struct world w;

	open_world(&w);
	client = fake_client(w.memory, "me", true);
	w.odd.harvest = value;
	assert_int_equal(smudge_memory_harvest(w.memory, NULL), -EIO);
	assert_int_equal(smudge_client_dirty_pages(client), NPAGES - FIRST);
	assert_int_equal(smudge_client_skip(client, w.region, 0, NPAGES, NULL),
			 0);
	assert_int_equal(smudge_region_harvest(w.region, &err), -EIO);
	expect(&err, "harvest", value);
	assert_int_equal(smudge_client_dirty_pages(client), NPAGES - FIRST);
	assert_int_equal(fake_stats(w.memory).harvest_errors, 2);
	assert_int_equal(smudge_client_skip(client, w.region, 0, NPAGES, NULL),
			 0);
	/* the last harvest of one that leaves */
	assert_int_equal(smudge_source_detach(w.source, &err), -EIO);
	expect(&err, "harvest", value);
	assert_int_equal(smudge_client_dirty_pages(client), NPAGES - FIRST);
	assert_int_equal(smudge_client_close(client), 0);
	close_world(&w);
}

static void rearm_returns(int value)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client;
	struct world w;

	open_world(&w);
	client = fake_client(w.memory, "me", false);
	w.odd.rearm = value;
	assert_int_equal(
		smudge_client_take(client, w.region, 0, NPAGES, w.batch, NULL),
		-EIO);
	assert_int_equal(
		smudge_client_take(client, w.region, 0, NPAGES, w.batch, &err),
		-EIO);
	expect(&err, "rearm", value);
	assert_true(smudge_batch_is_empty(w.batch));
	assert_int_equal(smudge_client_dirty_pages(client), NPAGES);
	assert_int_equal(smudge_client_close(client), 0);
	close_world(&w);
}

static void look_returns(int value)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client;
	struct world w;

	open_world(&w);
	client = fake_client(w.memory, "me", true);
	w.odd.look = value;
	assert_int_equal(smudge_memory_look(w.memory, NULL), -EIO);
	assert_int_equal(smudge_region_look(w.region, &err), -EIO);
	expect(&err, "look", value);
	assert_int_equal(smudge_client_dirty_pages(client), NPAGES - FIRST);
	assert_int_equal(fake_stats(w.memory).harvest_errors, 2);
	assert_int_equal(smudge_client_close(client), 0);
	close_world(&w);
}

/* A quiesced harvest re-arms by itself. */
static void quiesced_rearm_returns(int value)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client;
	struct world w;

	open_world(&w);
	client = fake_client(w.memory, "me", true);
	w.odd.rearm = value;
	assert_int_equal(smudge_memory_harvest_quiesced(w.memory, NULL), -EIO);
	assert_int_equal(smudge_region_harvest_quiesced(w.region, &err), -EIO);
	assert_int_equal(err.region, smudge_region_id(w.region));
	expect(&err, "rearm", value);
	assert_int_equal(smudge_client_close(client), 0);
	close_world(&w);
}

static void odd_values_are_failures(void **state)
{
	for (size_t i = 0; i < sizeof(odd_values) / sizeof(int); i++) {
		start_returns(odd_values[i]);
		harvest_returns(odd_values[i]);
		rearm_returns(odd_values[i]);
		look_returns(odd_values[i]);
		quiesced_rearm_returns(odd_values[i]);
	}
}

/*
 * The sentence of the callback itself is kept, after the one about the number.
 */
static void its_own_words_are_kept(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client;
	struct world w;

	open_world(&w);
	client = fake_client(w.memory, "me", true);
	w.odd.speaks = true;
	w.odd.harvest = 5;
	assert_int_equal(smudge_memory_harvest(w.memory, &err), -EIO);
	expect(&err, "harvest", 5);
	assert_non_null(strstr(err.message, "words of its own"));
	w.odd.harvest = -ENXIO;
	assert_int_equal(smudge_memory_harvest(w.memory, &err), -ENXIO);
	assert_int_equal(err.code, -ENXIO);
	assert_string_equal(err.message, "words of its own");
	assert_int_equal(smudge_client_close(client), 0);
	close_world(&w);
}

/* What was returned counts, not what was noted. */
static void notes_without_a_failure(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client;
	struct world w;

	open_world(&w);
	client = fake_client(w.memory, "me", true);
	w.odd.notes_without_failing = true;
	assert_int_equal(smudge_memory_harvest(w.memory, &err), 0);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.message, "");
	assert_int_equal(smudge_client_dirty_pages(client), 0);
	assert_int_equal(smudge_client_close(client), 0);
	close_world(&w);
}

/*
 * -EAGAIN makes a translator add the block again, so no source may return it.
 */
static void no_source_says_add_again(void **state)
{
	const struct smudge_code_options how = {.size = sizeof(how)};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_code *code;
	struct world w;

	open_world(&w);
	assert_int_equal(smudge_code_open(w.memory, &how, &code, NULL), 0);
	w.odd.start = -EAGAIN;
	assert_int_equal(smudge_code_add(code, 0, 8, UINT64_MAX, &err), -EIO);
	assert_int_equal(err.code, -EIO);
	w.odd.starts = 0;
	w.odd.start = 0;
	assert_int_equal(smudge_code_add(code, 0, 8, UINT64_MAX, &err), 0);
	smudge_code_close(code);
	close_world(&w);
}

TEST_MAIN(odd_values_are_failures, its_own_words_are_kept,
	  notes_without_a_failure, no_source_says_add_again)
