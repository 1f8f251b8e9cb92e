/* SPDX-License-Identifier: MIT */
/*
 * The passes of scribble; scribble.h says what they do and report.
 *
 * visit() is the whole cost of a page, about thirty plain integer
 * instructions, because some hosts emulate guest code one by one. It is
 * inlined into the loops. Pacing reads the timer once for many pages.
 *
 * Invariant: the expected generation of a page follows from the pass (and
 * sub-pass) alone, so nothing outside the pages has to be remembered.
 */
#include "scribble.h"

#define WORDS_PER_PAGE	 (GUEST_PAGE_BYTES / sizeof(uint64_t))
#define MIDDLE_WORD	 (WORDS_PER_PAGE / 2)
#define CHECK_WORD	 (WORDS_PER_PAGE - 1)
#define GENERATION_SHIFT 32
#define CHECK_MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)
#define SUB_PASSES	 8
#define ERRORS_SHOWN	 8
#define PACE_MAX_PAGES	 64

struct scribble {
	struct scribble_config config;
	uint64_t errors;
	uint64_t visited; /* in this pass */
	/* pacing: when `left` visits are done, wait until `due` */
	uint64_t pace_pages;
	uint64_t left;
	uint64_t ticks;	    /* for pace_pages visits */
	uint64_t remainder; /* of the division by the rate, carried over */
	uint32_t due;
};

static uint64_t check_of(uint64_t start)
{
	return (start ^ (start >> 29)) * CHECK_MULTIPLIER;
}

static volatile uint64_t *page_at(uint64_t page)
{
	uint64_t gpa = (uint64_t)guest_end + page * GUEST_PAGE_BYTES;

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
report_error(struct scribble *scribble, uint64_t page, uint64_t expected,
	     uint64_t found, uint64_t found_middle)
{
	if (scribble->errors++ >= ERRORS_SHOWN)
		return;
	guest_put_text("scribble: error page ");
	guest_put_number(page);
	if (found == expected)
		found = found_middle;
	if (found == expected) {
		guest_put_text(" generation ");
		guest_put_number(expected);
		guest_put_text(" has a wrong number or check word\n");
		return;
	}
	guest_put_text(" expected generation ");
	guest_put_number(expected);
	guest_put_text(" found ");
	guest_put_number(found);
	guest_put_text("\n");
}

static __attribute__((noinline)) void pace(struct scribble *scribble)
{
	uint64_t total =
		scribble->pace_pages * GUEST_TIMER_HZ + scribble->remainder;

	if (!scribble->config.rate_pps) {
		scribble->left = UINT64_MAX;
		return;
	}
	scribble->due += (uint32_t)(total / scribble->config.rate_pps);
	scribble->remainder = total % scribble->config.rate_pps;
	/* more than a second late: the host is too slow, do not catch up */
	if ((int32_t)(guest_timer() - scribble->due) > (int32_t)GUEST_TIMER_HZ)
		scribble->due = guest_timer();
	while ((int32_t)(guest_timer() - scribble->due) < 0)
		__asm__ volatile("pause");
	scribble->left = scribble->pace_pages;
}

static inline void visit(struct scribble *scribble, uint64_t page,
			 uint64_t expected, uint64_t next)
{
	volatile uint64_t *word = page_at(page);
	uint64_t start = page | expected << GENERATION_SHIFT;
	uint64_t found = word[0];
	uint64_t middle = word[MIDDLE_WORD];

	if (found != start || middle != expected ||
	    word[CHECK_WORD] != check_of(start))
		report_error(scribble, page, expected,
			     found >> GENERATION_SHIFT, middle);
	write_page(word, page, next);
	scribble->visited++;
	if (--scribble->left == 0)
		pace(scribble);
}

static void pass_sequential(struct scribble *scribble, uint64_t pass)
{
	uint64_t page;

	for (page = 0; page < scribble->config.npages; page++)
		visit(scribble, page, pass - 1, pass);
}

/*
 * A linear congruential generator modulo the power of two at or above npages
 * has the full period (odd increment, multiplier 1 modulo 4): every page
 * comes exactly once. The values beyond npages are skipped.
 */
static void pass_random(struct scribble *scribble, uint64_t pass)
{
	uint64_t npages = scribble->config.npages;
	uint64_t mask = 1;
	uint64_t x = check_of(pass);
	uint64_t increment = (x >> 20) | 1;
	uint64_t left;

	while (mask < npages)
		mask <<= 1;
	mask--;
	for (left = npages; left;) {
		uint64_t page = x & mask;

		x = x * UINT64_C(0x5851f42d4c957f2d) + increment;
		if (page >= npages)
			continue;
		visit(scribble, page, pass - 1, pass);
		left--;
	}
}

static void pass_alternating(struct scribble *scribble, uint64_t pass)
{
	uint64_t expected = pass > 2 ? pass - 2 : 0;
	uint64_t page;

	for (page = pass & 1; page < scribble->config.npages; page += 2)
		visit(scribble, page, expected, pass);
}

static void pass_hotset(struct scribble *scribble, uint64_t pass)
{
	uint64_t npages = scribble->config.npages;
	uint64_t hot = npages / SUB_PASSES;
	uint64_t chunk = (npages - hot + SUB_PASSES - 1) / SUB_PASSES;
	uint64_t cold = hot;
	uint64_t sub;
	uint64_t page;
	uint64_t end;

	for (sub = 0; sub < SUB_PASSES; sub++) {
		uint64_t generation = (pass - 1) * SUB_PASSES + sub;

		for (page = 0; page < hot; page++)
			visit(scribble, page, generation, generation + 1);
		end = cold + chunk < npages ? cold + chunk : npages;
		for (; cold < end; cold++)
			visit(scribble, cold, pass - 1, pass);
	}
}

static void run_pass(struct scribble *scribble, uint64_t pass)
{
	scribble->visited = 0;
	switch (scribble->config.pattern) {
	case SCRIBBLE_SEQUENTIAL:
		pass_sequential(scribble, pass);
		break;
	case SCRIBBLE_RANDOM:
		pass_random(scribble, pass);
		break;
	case SCRIBBLE_ALTERNATING:
		pass_alternating(scribble, pass);
		break;
	case SCRIBBLE_HOTSET:
		pass_hotset(scribble, pass);
		break;
	}
	guest_put_text("scribble: pass ");
	guest_put_number(pass);
	guest_put_text(" pages ");
	guest_put_number(scribble->visited);
	guest_put_text(" errors ");
	guest_put_number(scribble->errors);
	guest_put_text("\n");
}

static void prepare(struct scribble *scribble)
{
	uint64_t page;

	for (page = 0; page < scribble->config.npages; page++)
		write_page(page_at(page), page, 0);
	scribble->pace_pages = scribble->config.rate_pps / 100;
	if (scribble->pace_pages < 1)
		scribble->pace_pages = 1;
	if (scribble->pace_pages > PACE_MAX_PAGES)
		scribble->pace_pages = PACE_MAX_PAGES;
	scribble->left = scribble->pace_pages;
	scribble->due = guest_timer();
	guest_put_text("scribble: ready pages ");
	guest_put_number(scribble->config.npages);
	guest_put_text("\n");
}

void guest_main(const char *cmdline, uint64_t ram_bytes)
{
	struct scribble scribble = {0};
	uint64_t pass;

	scribble_configure(cmdline, ram_bytes, &scribble.config);
	prepare(&scribble);
	for (pass = 1;; pass++) {
		run_pass(&scribble, pass);
		if (pass == scribble.config.passes)
			break;
	}
	guest_put_text("scribble: done passes ");
	guest_put_number(pass);
	guest_put_text(" errors ");
	guest_put_number(scribble.errors);
	guest_put_text("\n");
	guest_exit(scribble.errors ? SCRIBBLE_EXIT_ERRORS : SCRIBBLE_EXIT_OK);
}
