/* SPDX-License-Identifier: MIT */
/*
 * Pages are read word by word with atomic loads, since writers store to
 * them meanwhile. Only the thread that owns the track harvests, so what is
 * clean for a client stays clean between two calls here.
 */
#include "track.h"

#include <stdlib.h>
#include <string.h>

#include "racing.h"

static void expect_ok(int ret, const struct smudge_error *err)
{
	if (ret < 0)
		fail_msg("error %d: %s", ret, err->message);
}

void track_open(struct track *t, void *hva, uint64_t gpa, uint64_t npages,
		unsigned int page_shift)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = hva,
		.gpa = gpa,
		.page_shift = page_shift ? page_shift : 12,
	};

	options.size_bytes = npages << options.page_shift;
	t->npages = npages;
	t->page_bytes = (size_t)1 << options.page_shift;
	t->hva = hva;
	assert_return_code(smudge_memory_create(&t->memory), 0);
	assert_return_code(
		smudge_region_add(t->memory, &options, &t->region, NULL), 0);
	assert_return_code(smudge_batch_create(0, &t->batch, NULL), 0);
}

void track_close(struct track *t)
{
	assert_int_equal(smudge_batch_destroy(t->batch), 0);
	assert_int_equal(smudge_memory_destroy(t->memory, NULL), 0);
}

void track_attach(struct track *t, struct smudge_source *source,
		  uint64_t first_page, uint64_t npages)
{
	struct smudge_error err = {0};

	expect_ok(smudge_region_attach(t->region, source, first_page, npages,
				       &err),
		  &err);
}

struct smudge_client *track_client(struct track *t, const char *name)
{
	return track_client_with(t, name, SMUDGE_REARM_ALWAYS);
}

struct smudge_client *track_client_with(struct track *t, const char *name,
					enum smudge_rearm_policy policy)
{
	struct smudge_client_options options = {
		.size = sizeof(options), .name = name, .rearm_policy = policy};
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};

	expect_ok(smudge_client_open(t->memory, &options, &client, &err), &err);
	return client;
}

void track_harvest(struct track *t)
{
	struct smudge_error err = {0};

	expect_ok(smudge_region_harvest(t->region, &err), &err);
}

void track_look(struct track *t)
{
	struct smudge_error err = {0};

	expect_ok(smudge_region_look(t->region, &err), &err);
}

void track_harvest_quiesced(struct track *t)
{
	struct smudge_error err = {0};

	expect_ok(smudge_region_harvest_quiesced(t->region, &err), &err);
}

void track_clean(struct track *t, struct smudge_client *client)
{
	struct smudge_error err = {0};

	expect_ok(smudge_client_skip(client, t->region, 0, t->npages, &err),
		  &err);
}

typedef void (*page_fn)(void *opaque, uint64_t page);

static uint64_t take(struct track *t, struct smudge_client *client,
		     uint64_t first_page, uint64_t npages, page_fn each,
		     void *opaque)
{
	uint64_t end = first_page + npages;
	uint64_t taken = 0;
	struct smudge_error err = {0};

	while (first_page < end) {
		expect_ok(smudge_client_take(client, t->region, first_page,
					     end - first_page, t->batch, &err),
			  &err);
		for (size_t i = 0; i < smudge_batch_nruns(t->batch); i++) {
			struct smudge_run run = smudge_batch_run(t->batch, i);

			for (uint64_t p = 0; each && p < run.npages; p++)
				each(opaque, run.first_page + p);
		}
		taken += smudge_batch_npages(t->batch);
		assert_true(smudge_batch_end_page(t->batch) > first_page);
		first_page = smudge_batch_end_page(t->batch);
		expect_ok(smudge_client_commit(client, t->batch), &err);
	}
	return taken;
}

uint64_t track_take(struct track *t, struct smudge_client *client,
		    uint64_t first_page, uint64_t npages)
{
	return take(t, client, first_page, npages, NULL, NULL);
}

void track_expect_pages(struct track *t, struct smudge_client *client,
			const uint64_t *pages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!smudge_client_test(client, t->region, pages[i]))
			fail_msg("page %llu is clean",
				 (unsigned long long)pages[i]);
	}
	assert_int_equal(smudge_client_count(client, t->region, 0, t->npages),
			 n);
}

void track_expect_none(struct track *t, struct smudge_client *client)
{
	track_expect_pages(t, client, NULL, 0);
}

static uint32_t peek(const struct track *t, uint64_t page)
{
	const uint8_t *at = t->hva + page * t->page_bytes;

	/* Relaxed: the value is compared later, it orders nothing. */
	return racing_load(at);
}

void watch_open(struct watch *w, struct track *t, const char *name)
{
	watch_open_with(w, t, name, SMUDGE_REARM_ALWAYS);
}

void watch_open_with(struct watch *w, struct track *t, const char *name,
		     enum smudge_rearm_policy policy)
{
	w->track = t;
	w->client = track_client_with(t, name, policy);
	w->copy = calloc(t->npages, sizeof(*w->copy));
	w->suspect = calloc(t->npages, 1);
	w->nsuspects = 0;
	w->guest_npages = 0;
	assert_non_null(w->copy);
	assert_non_null(w->suspect);
}

void watch_guest(struct watch *w, uint64_t first_page, uint64_t npages)
{
	w->guest_first_page = first_page;
	w->guest_npages = npages;
}

void watch_close(struct watch *w)
{
	assert_int_equal(smudge_client_close(w->client), 0);
	free(w->copy);
	free(w->suspect);
}

static void copy_page(void *opaque, uint64_t page)
{
	struct watch *w = opaque;

	w->copy[page] = peek(w->track, page);
}

void watch_take(struct watch *w, uint64_t first_page, uint64_t npages)
{
	take(w->track, w->client, first_page, npages, copy_page, w);
}

void watch_check(struct watch *w)
{
	const struct track *t = w->track;

	for (uint64_t p = 0; p < t->npages; p++) {
		if (w->suspect[p] &&
		    !smudge_client_test(w->client, t->region, p))
			fail_msg("a write to page %llu is lost",
				 (unsigned long long)p);
		w->suspect[p] = 0;
	}
}

/* Is it a number that the guest stores to this page? */
static bool is_whole(const struct watch *w, uint64_t page, uint32_t number)
{
	uint64_t guest_page = page - w->guest_first_page;

	if (!w->guest_npages)
		return true;
	return number > 0 && (number - 1) % w->guest_npages == guest_page;
}

static uint32_t newest_number(const struct watch *w)
{
	const struct track *t = w->track;
	uint32_t newest = 0;

	for (uint64_t p = 0; p < t->npages; p++) {
		uint32_t number = peek(t, p);

		if (number > newest && is_whole(w, p, number))
			newest = number;
	}
	return newest;
}

void watch_suspect(struct watch *w)
{
	const struct track *t = w->track;
	uint32_t newest = newest_number(w);

	for (uint64_t p = 0; p < t->npages; p++) {
		uint32_t number = peek(t, p);

		if (number == w->copy[p] || number >= newest ||
		    !is_whole(w, p, number) ||
		    smudge_client_test(w->client, t->region, p))
			continue;
		w->suspect[p] = 1;
		w->nsuspects++;
	}
}

void watch_finish(struct watch *w)
{
	const struct track *t = w->track;

	watch_check(w);
	watch_take(w, 0, t->npages);
	for (uint64_t p = 0; p < t->npages; p++) {
		if (peek(t, p) != w->copy[p])
			fail_msg("page %llu ends as %u, known as %u",
				 (unsigned long long)p, peek(t, p), w->copy[p]);
	}
}
