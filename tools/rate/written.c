/* SPDX-License-Identifier: MIT */
/*
 * Looks, compared word by word.
 */
#include "rate/written.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"

#define NMAPS (4 + RATE_NWINDOWS)
#define BITS  64

/* The maps of @bits, which has NMAPS times so many words. */
static void place(struct rate_written *written, uint64_t *bits, uint64_t npages)
{
	uint64_t nwords = (npages + BITS - 1) / BITS;

	written->npages = npages;
	written->nwords = nwords;
	written->bits = bits;
	written->now = bits;
	written->next = bits + nwords;
	written->again = bits + 2 * nwords;
	written->before = bits + 3 * nwords;
	for (unsigned int w = 0; w < RATE_NWINDOWS; w++)
		written->seen[w] = bits + (4 + w) * nwords;
}

/* Of the last word, what is not a page. */
static void trim(struct rate_written *written)
{
	uint64_t rest = written->npages % BITS;

	for (uint64_t map = 0; map < NMAPS && rest; map++)
		written->bits[(map + 1) * written->nwords - 1] &=
			(UINT64_C(1) << rest) - 1;
}

int rate_written_resize(struct rate_written *written, uint64_t npages)
{
	struct rate_written old = *written;
	uint64_t kept;
	uint64_t *bits;

	bits = calloc(NMAPS * (npages / BITS + 1), sizeof(*bits));
	if (!bits)
		return -ENOMEM;
	place(written, bits, npages);
	kept = min_u64(old.nwords, written->nwords);
	for (uint64_t map = 0; map < NMAPS && kept; map++)
		memcpy(bits + map * written->nwords,
		       old.bits + map * old.nwords, kept * sizeof(*bits));
	trim(written);
	written->known_pages = min_u64(old.known_pages, npages);
	free(old.bits);
	return 0;
}

void rate_written_free(struct rate_written *written)
{
	free(written->bits);
	*written = (struct rate_written){0};
}

void rate_written_forget(struct rate_written *written)
{
	size_t size = written->nwords * sizeof(*written->bits);

	written->known_pages = 0;
	if (!size)
		return;
	memset(written->now, 0, size);
	memset(written->next, 0, size);
	memset(written->again, 0, size);
}

/* @n bits of a word from @first on. */
static uint64_t mask_of(uint64_t first, uint64_t n)
{
	uint64_t ones = n < BITS ? (UINT64_C(1) << n) - 1 : UINT64_MAX;

	return ones << first;
}

void rate_written_mark(struct rate_written *written, uint64_t first_page,
		       uint64_t npages)
{
	uint64_t page = first_page;
	uint64_t end = min_u64(range_end(first_page, npages), written->npages);

	while (page < end) {
		uint64_t n = min_u64(BITS - page % BITS, end - page);

		written->next[page / BITS] |= mask_of(page % BITS, n);
		page += n;
	}
}

/* Pages of a word that were written, and are armed now. */
static uint64_t cleared(const struct rate_written *written, uint64_t word)
{
	return written->now[word] & ~written->next[word];
}

bool rate_written_is_rearmed(const struct rate_written *written)
{
	for (uint64_t i = 0; i < written->nwords; i++) {
		if (cleared(written, i))
			return true;
	}
	return false;
}

/* Between the first page and the last one that are armed now. */
static void find_again(struct rate_written *written)
{
	uint64_t first = 0;
	uint64_t last = written->nwords;

	while (first < written->nwords && !cleared(written, first))
		first++;
	while (last > first && !cleared(written, last - 1))
		last--;
	for (uint64_t i = first; i < last; i++) {
		uint64_t both = written->now[i] & written->next[i];

		if (i == first)
			both &= UINT64_MAX
				<< __builtin_ctzll(cleared(written, i));
		if (i == last - 1)
			both &= UINT64_MAX >>
				__builtin_clzll(cleared(written, i));
		written->again[i] |= both;
	}
}

/* Pages of a word of which there was a look before. */
static uint64_t known(const struct rate_written *written, uint64_t word)
{
	uint64_t first = word * BITS;

	if (written->known_pages <= first)
		return 0;
	return mask_of(0, written->known_pages - first);
}

void rate_written_end_look(struct rate_written *written)
{
	find_again(written);
	for (uint64_t i = 0; i < written->nwords; i++) {
		uint64_t news =
			written->next[i] & ~written->now[i] & known(written, i);

		for (int w = 0; w < RATE_NWINDOWS && news; w++)
			written->seen[w][i] |= news;
		written->now[i] = written->next[i];
		written->next[i] = 0;
	}
	written->known_pages = written->npages;
}

void rate_written_settle(struct rate_written *written)
{
	for (uint64_t i = 0; i < written->nwords; i++) {
		uint64_t news = written->again[i] & written->now[i];

		for (int w = 0; w < RATE_NWINDOWS && news; w++)
			written->seen[w][i] |= news;
		written->again[i] = 0;
	}
}

void rate_written_begin(struct rate_written *written, int window)
{
	if (written->nwords)
		memset(written->seen[window], 0,
		       written->nwords * sizeof(*written->bits));
}

void rate_written_begin_interval(struct rate_written *written)
{
	rate_written_begin(written, RATE_INTERVAL);
	if (written->nwords)
		memcpy(written->before, written->now,
		       written->nwords * sizeof(*written->bits));
}

uint64_t rate_written_count(const struct rate_written *written, int window)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < written->nwords; i++)
		n += (uint64_t)__builtin_popcountll(written->seen[window][i]);
	return n;
}

uint64_t rate_written_at_most(const struct rate_written *written)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < written->nwords; i++)
		n += (uint64_t)__builtin_popcountll(
			written->seen[RATE_INTERVAL][i] | written->before[i]);
	return n;
}

void rate_written_each(const struct rate_written *written,
		       void (*each)(void *opaque, uint64_t first_page,
				    uint64_t npages),
		       void *opaque)
{
	for (uint64_t i = 0; i < written->nwords; i++) {
		uint64_t rest = written->seen[RATE_INTERVAL][i];

		while (rest) {
			unsigned int bit = (unsigned int)__builtin_ctzll(rest);
			uint64_t ones = ~(rest >> bit);
			unsigned int n =
				ones ? (unsigned int)__builtin_ctzll(ones)
				     : BITS;

			each(opaque, i * BITS + bit, n);
			rest &= ~mask_of(bit, n);
		}
	}
}
