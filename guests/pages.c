/* SPDX-License-Identifier: MIT */
/*
 * The passes over the pages.
 *
 * visit() is the whole cost of a page: about thirty plain integer instructions,
 * since some hosts emulate guest code one instruction at a time. It is inlined
 * into the loops. Pacing reads the timer once for many pages.
 *
 * Invariant: the expected generation of a page follows from the pass (and
 * sub-pass) alone, so nothing outside the pages must be remembered.
 */
#include "pages.h"

#define WORDS_PER_PAGE	 (GUEST_PAGE_BYTES / sizeof(uint64_t))
#define MIDDLE_WORD	 (WORDS_PER_PAGE / 2)
#define CHECK_WORD	 (WORDS_PER_PAGE - 1)
#define GENERATION_SHIFT 32
#define CHECK_MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)
#define SUB_PASSES	 8
#define PACE_MAX_PAGES	 64

static uint64_t check_of(uint64_t start)
{
	return (start ^ (start >> 29)) * CHECK_MULTIPLIER;
}

static volatile uint64_t *page_at(const struct pages *pages, uint64_t page)
{
	uint64_t gpa = (uint64_t)guest_end +
		       (pages->first_page + page) * GUEST_PAGE_BYTES;

	if (gpa >= GUEST_HOLE_START)
		gpa += GUEST_HOLE_BYTES;
	return (volatile uint64_t *)gpa;
}

static void write_page(volatile uint64_t *word, uint64_t page,
		       uint64_t generation)
{
	uint64_t start = page | generation << GENERATION_SHIFT;

	word[0] = start;
	word[MIDDLE_WORD] = generation;
	word[CHECK_WORD] = check_of(start);
}

static __attribute__((noinline)) void
report_error(struct pages *pages, uint64_t page, uint64_t expected,
	     uint64_t found, uint64_t found_middle)
{
	if (pages->errors++ >= GUEST_ERRORS_SHOWN)
		return;
	guest_begin_error("page ");
	guest_put_number(page);
	if (found == expected)
		found = found_middle;
	if (found == expected) {
		guest_put_text(" generation ");
		guest_put_number(expected);
		guest_put_text(" has a wrong number or check word\n");
		return;
	}
	guest_end_error(" expected generation ", expected, found);
}

static inline void visit(struct pages *pages, uint64_t page, uint64_t expected,
			 uint64_t next)
{
	volatile uint64_t *word = page_at(pages, page);
	uint64_t start = page | expected << GENERATION_SHIFT;
	uint64_t found = word[0];
	uint64_t middle = word[MIDDLE_WORD];

	if (found != start || middle != expected ||
	    word[CHECK_WORD] != check_of(start))
		report_error(pages, page, expected, found >> GENERATION_SHIFT,
			     middle);
	write_page(word, page, next);
	pages->visited++;
	guest_pace_step(&pages->pace);
}

static void pass_sequential(struct pages *pages, uint64_t pass)
{
	for (uint64_t page = 0; page < pages->npages; page++)
		visit(pages, page, pass - 1, pass);
}

/*
 * A linear congruential generator modulo the power of two at or above npages
 * has the full period (odd increment, multiplier 1 modulo 4), so it yields
 * every page exactly once. Values beyond npages are skipped.
 */
static void pass_random(struct pages *pages, uint64_t pass)
{
	uint64_t npages = pages->npages;
	uint64_t mask = 1;
	uint64_t x = check_of(pass);
	uint64_t increment = (x >> 20) | 1;

	while (mask < npages)
		mask <<= 1;
	mask--;
	for (uint64_t left = npages; left;) {
		uint64_t page = x & mask;

		x = x * UINT64_C(0x5851f42d4c957f2d) + increment;
		if (page >= npages)
			continue;
		visit(pages, page, pass - 1, pass);
		left--;
	}
}

static void pass_alternating(struct pages *pages, uint64_t pass)
{
	uint64_t expected = pass > 2 ? pass - 2 : 0;

	for (uint64_t page = pass & 1; page < pages->npages; page += 2)
		visit(pages, page, expected, pass);
}

static void pass_hotset(struct pages *pages, uint64_t pass)
{
	uint64_t npages = pages->npages;
	uint64_t hot = npages / SUB_PASSES;
	uint64_t chunk = (npages - hot + SUB_PASSES - 1) / SUB_PASSES;
	uint64_t cold = hot;
	uint64_t end;

	for (uint64_t sub = 0; sub < SUB_PASSES; sub++) {
		uint64_t generation = (pass - 1) * SUB_PASSES + sub;

		for (uint64_t page = 0; page < hot; page++)
			visit(pages, page, generation, generation + 1);
		end = cold + chunk < npages ? cold + chunk : npages;
		for (; cold < end; cold++)
			visit(pages, cold, pass - 1, pass);
	}
}

void pages_pass(struct pages *pages, uint64_t pass)
{
	pages->visited = 0;
	switch (pages->pattern) {
	case PAGES_SEQUENTIAL:
		pass_sequential(pages, pass);
		break;
	case PAGES_RANDOM:
		pass_random(pages, pass);
		break;
	case PAGES_ALTERNATING:
		pass_alternating(pages, pass);
		break;
	case PAGES_HOTSET:
		pass_hotset(pages, pass);
		break;
	}
}

void pages_start(struct pages *pages)
{
	for (uint64_t page = 0; page < pages->npages; page++)
		write_page(page_at(pages, page), page, 0);
	guest_pace_start(&pages->pace, pages->rate_pps, PACE_MAX_PAGES);
}
