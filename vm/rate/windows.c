/* SPDX-License-Identifier: MIT */
/*
 * Opening, counting, and beginning again.
 *
 * The length of a window is measured, since its thread may get its processor
 * late. A page that is written between the harvest that ends a window and the
 * skip that begins the next one may be missing there if it was written before,
 * too.
 */
#include "rate/windows.h"

#include <string.h>

#include <smudge/client.h>
#include <smudge/memory.h>

#include "base/host.h"
#include "machine/machine.h"

#define NS_PER_MS INT64_C(1000000)
/* How many pages are looked at for content, of all. */
#define SAMPLES	   UINT64_C(4096)
#define PAGE_BYTES (1u << RAM_PAGE_SHIFT)

static struct smudge_memory *memory_of(const struct windows *windows)
{
	return machine_memory(windows->machine);
}

/* From now on the client has only pages that are written. */
static int begin(const struct windows *windows, struct window *window,
		 struct smudge_error *err)
{
	const struct ram *ram = machine_ram(windows->machine);
	int ret = 0;

	window->began_ns = host_now_ns();
	for (size_t i = 0; ret == 0 && i < ram->npieces; i++)
		ret = smudge_client_skip(
			window->client, ram->pieces[i].region, 0,
			ram->pieces[i].size_bytes >> RAM_PAGE_SHIFT, err);
	return ret;
}

static int64_t length_ns(const struct window *window)
{
	return (int64_t)window->so_far.asked_ms * NS_PER_MS;
}

int windows_open(struct windows *windows, struct smudge_error *err)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "rate"};
	struct window *all = windows->all;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < windows->n; i++)
		ret = smudge_client_open(memory_of(windows), &options,
					 &all[i].client, err);
	/* What was detected for others before is not of these windows. */
	if (ret == 0)
		ret = smudge_memory_harvest(memory_of(windows), err);
	for (size_t i = 0; ret == 0 && i < windows->n; i++)
		ret = begin(windows, &all[i], err);
	if (ret < 0) {
		windows_close(windows);
		return ret;
	}
	/* those of the same length end together */
	for (size_t i = 0; i < windows->n; i++)
		all[i].due_ns = all[0].began_ns + length_ns(&all[i]);
	return 0;
}

void windows_close(struct windows *windows)
{
	for (size_t i = 0; i < windows->n; i++) {
		/* no batch is taken from it: it cannot refuse */
		(void)smudge_client_close(windows->all[i].client);
		windows->all[i].client = NULL;
	}
}

int64_t windows_next_ns(const struct windows *windows)
{
	int64_t next_ns = INT64_MAX;

	for (size_t i = 0; i < windows->n; i++)
		if (windows->all[i].due_ns < next_ns)
			next_ns = windows->all[i].due_ns;
	return next_ns;
}

/* The next one ends when it would have, unless this one was too late. */
static void set_due(struct window *window, int64_t now_ns)
{
	window->due_ns += length_ns(window);
	if (window->due_ns < now_ns + length_ns(window) / 2)
		window->due_ns = now_ns + length_ns(window);
}

static int turn_one(struct windows *windows, struct window *window,
		    int64_t now_ns, struct smudge_error *err)
{
	struct rate_window *so_far = &window->so_far;

	if (now_ns < window->due_ns)
		return 0;
	so_far->nmeasured++;
	so_far->ns += (uint64_t)(now_ns - window->began_ns);
	so_far->pages += smudge_client_dirty_pages(window->client);
	set_due(window, now_ns);
	return begin(windows, window, err);
}

int windows_turn(struct windows *windows, struct smudge_error *err)
{
	int64_t began_ns = host_now_ns();
	int64_t now_ns;
	int ret;

	if (began_ns < windows_next_ns(windows))
		return 0;
	ret = smudge_memory_harvest(memory_of(windows), err);
	now_ns = host_now_ns();
	for (size_t i = 0; ret == 0 && i < windows->n; i++)
		ret = turn_one(windows, &windows->all[i], now_ns, err);
	windows->cost_ns += (uint64_t)(host_now_ns() - began_ns);
	return ret;
}

static bool has_content(const struct ram_piece *piece, uint64_t page)
{
	uint8_t bytes[PAGE_BYTES];

	/* what cannot be read would have to be sent, too */
	if (smudge_region_read(piece->region, page, 1, bytes, NULL) < 0)
		return true;
	return bytes[0] || memcmp(bytes, bytes + 1, sizeof(bytes) - 1) != 0;
}

/* One page of each @every, not the first of them: begins may be special. */
static uint64_t content_of(const struct ram_piece *piece, uint64_t every)
{
	uint64_t npages = piece->size_bytes >> RAM_PAGE_SHIFT;
	uint64_t nsampled = 0;
	uint64_t ncontent = 0;

	for (uint64_t page = every / 2; page < npages; page += every) {
		nsampled++;
		ncontent += has_content(piece, page);
	}
	return nsampled ? npages * ncontent / nsampled : 0;
}

void windows_content(const struct windows *windows, uint64_t *ret_total_pages,
		     uint64_t *ret_content_pages)
{
	const struct ram *ram = machine_ram(windows->machine);
	uint64_t total = 0;
	uint64_t content = 0;

	for (size_t i = 0; i < ram->npieces; i++)
		total += ram->pieces[i].size_bytes >> RAM_PAGE_SHIFT;
	for (size_t i = 0; i < ram->npieces; i++)
		content += content_of(&ram->pieces[i], total / SAMPLES + 1);
	*ret_total_pages = total;
	*ret_content_pages = content;
}
