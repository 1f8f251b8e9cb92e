/* SPDX-License-Identifier: MIT */
/*
 * A forecast against an oracle that knows no model: a guest that writes page by
 * page, in virtual time, and a sender that takes and sends pages. The working
 * set is measured on another run of the same guest. Rounds are the same but for
 * one, time and downtime within a quarter; within a third for a guest with hot
 * pages, and for one that writes its pages in turn, as the sender sends them:
 * it matters where both are. Of the oracle's runs, each of which begins at
 * another page of the guest's, it is the median.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/forecast.h>

#define MIB	   (UINT64_C(1) << 20)
#define PAGE_BYTES 4096
#define NPAGES	   16384 /* 64 MiB */
#define TAKE_PAGES 1024	 /* 4 MiB, as sender_rounds.h has it */
#define ZERO_NS	   1000
#define MS	   UINT64_C(1000000)
#define NS_PER_S   1e9
#define HOT_PART   8
#define NRUNS	   5
/* Beyond a page's 4096 bytes: its part of a record, in a 256th of a page. */
#define RECORD_BYTES (4096 + 48 / 256.0)

static struct test_rng rng;

enum order {
	IN_TURN,
	SHUFFLED,
	AT_RANDOM,
	HOT
};

struct guest {
	enum order order;
	double page_ns; /* from write to write */
	uint32_t first; /* of the pages it writes */
	uint32_t npages;
	double next_ns;
	uint32_t at;
	uint32_t *shuffled;
	bool is_dirty[NPAGES]; /* as a source detects it */
};

static void shuffle(struct guest *guest)
{
	for (uint32_t i = 0; i < guest->npages; i++)
		guest->shuffled[i] = i;
	for (uint32_t i = guest->npages - 1; i > 0; i--) {
		uint32_t j = (uint32_t)test_rng_below(&rng, i + 1);
		uint32_t page = guest->shuffled[i];

		guest->shuffled[i] = guest->shuffled[j];
		guest->shuffled[j] = page;
	}
}

static uint32_t next_page(struct guest *guest)
{
	uint32_t hot = guest->npages / HOT_PART;

	if (guest->order == AT_RANDOM)
		return (uint32_t)test_rng_below(&rng, guest->npages);
	if (guest->order == HOT) /* half of the writes */
		return (uint32_t)test_rng_below(
			&rng, test_rng_below(&rng, 2) ? hot : guest->npages);
	if (guest->at == guest->npages) {
		guest->at = 0;
		if (guest->order == SHUFFLED)
			shuffle(guest);
	}
	return guest->shuffled[guest->at++];
}

/* Writes up to that moment. */
static void run_until(struct guest *guest, double ns)
{
	while (guest->next_ns < ns) {
		guest->is_dirty[guest->first + next_page(guest)] = true;
		guest->next_ns += guest->page_ns;
	}
}

struct kind {
	const char *name;
	enum order order;
	uint32_t rate_ps;
	uint32_t first;
	uint32_t npages;
	uint32_t content; /* pages */
	uint64_t limit_bytes_ps;
	uint64_t line_bytes_ps;
	uint64_t downtime_ms;
	uint32_t max_rounds;
	double tolerance;
};

static struct guest *start(const struct kind *kind, uint32_t run)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	assert_non_null(guest);
	guest->order = kind->order;
	guest->page_ns = NS_PER_S / kind->rate_ps;
	guest->first = kind->first;
	guest->npages = kind->npages;
	guest->shuffled = calloc(kind->npages, sizeof(*guest->shuffled));
	assert_non_null(guest->shuffled);
	for (uint32_t i = 0; i < guest->npages; i++)
		guest->shuffled[i] = i;
	if (kind->order == SHUFFLED)
		shuffle(guest);
	guest->at = kind->npages / NRUNS * run;
	return guest;
}

static void end(struct guest *guest)
{
	free(guest->shuffled);
	free(guest);
}

static uint32_t count(const bool *pages)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < NPAGES; i++)
		n += pages[i];
	return n;
}

/* What a migration is like. */
struct course {
	uint32_t rounds;
	double total_ns;
	double downtime_ns;
};

struct sender {
	const struct kind *kind;
	struct guest *guest;
	bool is_dirty[NPAGES]; /* harvested, and not sent */
	double now_ns;
	uint32_t round;
};

static uint64_t pace(const struct kind *kind)
{
	return kind->limit_bytes_ps ? kind->limit_bytes_ps
				    : kind->line_bytes_ps;
}

/*
 * Take the next dirty pages from @page on, and send them. Return: the page
 * behind them.
 */
static uint32_t take_and_send(struct sender *sender, uint32_t page,
			      uint32_t max_pages)
{
	double page_ns = RECORD_BYTES * NS_PER_S / (double)pace(sender->kind);

	run_until(sender->guest, sender->now_ns);
	for (; page < NPAGES && max_pages; page++) {
		bool is_zero =
			sender->round == 1 && page >= sender->kind->content;

		if (!sender->is_dirty[page])
			continue;
		sender->is_dirty[page] = false;
		sender->guest->is_dirty[page] = false;
		sender->now_ns += is_zero ? ZERO_NS : page_ns;
		max_pages--;
	}
	return page;
}

/* Send at most @max_pages, and harvest. */
static void make_round(struct sender *sender, uint32_t max_pages)
{
	uint32_t take = max_pages < TAKE_PAGES ? max_pages : TAKE_PAGES;
	uint32_t page = 0;

	sender->round++;
	do {
		page = take_and_send(sender, page, take);
	} while (page < NPAGES && max_pages > TAKE_PAGES);
	run_until(sender->guest, sender->now_ns);
	for (uint32_t i = 0; i < NPAGES; i++)
		sender->is_dirty[i] |= sender->guest->is_dirty[i];
}

static double downtime_ns(const struct sender *sender)
{
	return (count(sender->is_dirty) * RECORD_BYTES + 65536) * NS_PER_S /
	       (double)sender->kind->line_bytes_ps;
}

static struct course migrate(const struct kind *kind, uint32_t run)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	uint64_t burst = kind->limit_bytes_ps / 25;
	struct course course;

	assert_non_null(sender);
	sender->kind = kind;
	sender->guest = start(kind, run);
	memset(sender->is_dirty, true, sizeof(sender->is_dirty));
	make_round(sender, NPAGES);
	if (kind->limit_bytes_ps)
		make_round(sender, (uint32_t)((burst > MIB ? MIB : burst) /
					      PAGE_BYTES));
	while (downtime_ns(sender) > (double)(kind->downtime_ms * MS) &&
	       sender->round < kind->max_rounds)
		make_round(sender, NPAGES);
	course.downtime_ns = downtime_ns(sender);
	course.rounds = sender->round + 1;
	course.total_ns = sender->now_ns + course.downtime_ns;
	end(sender->guest);
	free(sender);
	return course;
}

/* Pages written in a window, on average over 5 seconds. */
static uint64_t measure_window(const struct kind *kind, uint64_t window_ns)
{
	uint64_t nwindows = 5000 * MS / window_ns;
	struct guest *guest = start(kind, 0);
	uint64_t sum = 0;

	for (uint64_t i = 1; i <= nwindows; i++) {
		run_until(guest, (double)(window_ns * i));
		sum += count(guest->is_dirty);
		memset(guest->is_dirty, false, sizeof(guest->is_dirty));
	}
	end(guest);
	return sum / nwindows;
}

static void foretell(const struct kind *kind, struct smudge_forecast *forecast)
{
	static const uint64_t windows_ms[] = {100, 500, 1000, 2000, 5000};
	struct smudge_working_set set[5];
	const struct smudge_migrate_limits limits = {
		.size = sizeof(limits),
		.max_bandwidth_bytes_ps = kind->limit_bytes_ps,
		.downtime_limit_ns = kind->downtime_ms * MS,
		.max_rounds = kind->max_rounds};
	const struct smudge_forecast_options options = {
		.size = sizeof(options),
		.limits = &limits,
		.line_bandwidth_bytes_ps = kind->line_bytes_ps,
		.total_pages = NPAGES,
		.content_pages = kind->content,
		.working_set = set,
		.nworking_set = 5,
		.zero_page_ns = ZERO_NS};

	for (size_t i = 0; i < 5; i++) {
		set[i].window_ns = windows_ms[i] * MS;
		set[i].pages = measure_window(kind, set[i].window_ns);
	}
	forecast->size = sizeof(*forecast);
	assert_int_equal(smudge_migrate_forecast(&options, forecast, NULL), 0);
}

static void assert_near(const struct kind *kind, const char *what,
			double forecast, double median)
{
	if (forecast < median * (1 - kind->tolerance) ||
	    forecast > median * (1 + kind->tolerance))
		fail_msg("%s, %s: the forecast was %.1f, it was %.1f",
			 kind->name, what, forecast, median);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, NRUNS, sizeof(*values), compare);
	return values[NRUNS / 2];
}

static void try_kind(const struct kind *kind)
{
	double rounds[NRUNS], total_ns[NRUNS], downtime_ns[NRUNS];
	struct smudge_forecast forecast;

	for (uint32_t i = 0; i < NRUNS; i++) {
		struct course course = migrate(kind, i);

		rounds[i] = course.rounds;
		total_ns[i] = course.total_ns;
		downtime_ns[i] = course.downtime_ns;
	}
	foretell(kind, &forecast);
	if (fabs(forecast.rounds - median(rounds)) > 1)
		fail_msg("%s: %u rounds were forecast, it were %.0f",
			 kind->name, forecast.rounds, median(rounds));
	assert_near(kind, "ns in total", (double)forecast.total_ns,
		    median(total_ns));
	assert_near(kind, "ns of downtime", (double)forecast.downtime_ns,
		    median(downtime_ns));
	assert_int_equal(forecast.outcome,
			 median(downtime_ns) <= (double)(kind->downtime_ms * MS)
				 ? SMUDGE_FORECAST_CONVERGES
				 : SMUDGE_FORECAST_LONG_DOWNTIME);
}

/* The same in each order of writes. */
static void try_orders(const struct kind *kind)
{
	static const char *const names[] = {"in turn", "shuffled", "at random",
					    "hot"};

	rng = test_rng_start("forecast_model");
	for (int order = IN_TURN; order <= HOT; order++) {
		struct kind one = *kind;

		one.order = (enum order)order;
		one.name = names[order];
		one.tolerance =
			order == HOT || order == IN_TURN ? 1 / 3.0 : 0.25;
		try_kind(&one);
	}
}

/* 4,000 of 8,192 pages per second that the line carries, of 8,000. */
static void each_round_is_shorter(void **state)
{
	const struct kind kind = {.rate_ps = 4000,
				  .first = 2000,
				  .npages = 8000,
				  .content = 12000,
				  .line_bytes_ps = 32 * MIB,
				  .downtime_ms = 36,
				  .max_rounds = 30};

	try_orders(&kind);
}

static void a_limit_below_the_line(void **state)
{
	const struct kind kind = {.rate_ps = 4000,
				  .first = 2000,
				  .npages = 8000,
				  .content = 12000,
				  .limit_bytes_ps = 32 * MIB,
				  .line_bytes_ps = 128 * MIB,
				  .downtime_ms = 36,
				  .max_rounds = 30};

	try_orders(&kind);
}

/* Nearly as many as the line carries. */
static void rounds_that_hardly_shrink(void **state)
{
	const struct kind kind = {.rate_ps = 7000,
				  .npages = 12000,
				  .content = 16000,
				  .line_bytes_ps = 32 * MIB,
				  .downtime_ms = 20,
				  .max_rounds = 6};

	try_orders(&kind);
}

/* A small working set, written faster than the line carries it. */
static void all_is_written_within_a_round(void **state)
{
	const struct kind kind = {.rate_ps = 20000,
				  .npages = 2000,
				  .content = 16000,
				  .line_bytes_ps = 32 * MIB,
				  .downtime_ms = 50,
				  .max_rounds = 30};

	try_orders(&kind);
}

TEST_MAIN(each_round_is_shorter, a_limit_below_the_line,
	  rounds_that_hardly_shrink, all_is_written_within_a_round)
