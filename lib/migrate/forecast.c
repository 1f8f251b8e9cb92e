/* SPDX-License-Identifier: MIT */
/*
 * The forecast: the rounds of a sender, over a model of the line and of the
 * guest.
 *
 * Limits, policy and expected downtime are those of a real sender
 * (handle.c, policy.c, stats.c); working_set.c has the guest. A round of the
 * model takes the time that the bandwidth needs for its bytes, a round trip,
 * and in round 1 the time for pages of zeros.
 */
#include <smudge/forecast.h>

#include <errno.h>

#include "common/range.h"
#include "migrate/handle.h"
#include "migrate/sender_probe.h"
#include "migrate/sender_rounds.h"
#include "migrate/stats.h"
#include "migrate/working_set.h"
#include "stream/pace.h"
#include "sys/options.h"
#include "wire/pages.h"

#define NS_PER_S	     1e9
#define DEFAULT_ZERO_PAGE_NS 1000

/* Records of pages: what the pages of one cost, with few runs in it. */
#define RECORD_BYTES (SMI_WIRE_HEADER_BYTES + smi_wire_runs_bytes(1))

struct model {
	struct smudge_forecast_options options;
	struct smudge_migrate_limits limits;
	struct smi_working_set set;
	struct smudge_migrate_stats stats; /* what the policy is given */
	double dirty;			   /* pages, now */
	double elapsed_ns;
	double sent_bytes;
};

static int check_options(const struct smudge_forecast_options *options,
			 const struct smudge_migrate_limits *limits,
			 struct smudge_error *err)
{
	if (!options->total_pages ||
	    options->content_pages > options->total_pages)
		return smudge_error_set(
			err, -EINVAL, "forecast",
			"a forecast needs pages, and as many as have content: "
			"not %llu, %llu with content",
			(unsigned long long)options->total_pages,
			(unsigned long long)options->content_pages);
	if (!limits->max_bandwidth_bytes_ps &&
	    !options->line_bandwidth_bytes_ps)
		return smudge_error_set(
			err, -EINVAL, "forecast",
			"a forecast needs a bandwidth: that of the line, or a "
			"limit");
	return 0;
}

/*
 * How large the working set can become: a guest writes the pages that have
 * content, and no more of the others than it was seen to.
 */
static uint64_t max_pages(const struct smudge_forecast_options *options)
{
	uint64_t pages = options->content_pages;

	for (size_t i = 0; options->working_set && i < options->nworking_set &&
			   i < SMUDGE_FORECAST_MAX_WINDOWS;
	     i++)
		pages = max_u64(pages, options->working_set[i].pages);
	return min_u64(pages, options->total_pages);
}

static int begin(struct model *model,
		 const struct smudge_forecast_options *options,
		 struct smudge_error *err)
{
	struct smudge_forecast_options *to = &model->options;
	int ret = smi_sys_options_copy(
		to, options, SMI_SYS_SHAPE(smudge_forecast_options, opaque),
		"forecast", err);

	if (!ret)
		ret = smi_migration_copy_limits(&model->limits, to->limits,
						err);
	if (!ret)
		ret = check_options(to, &model->limits, err);
	if (!ret)
		ret = smi_working_set_init(&model->set, to->working_set,
					   to->nworking_set, max_pages(to),
					   err);
	if (ret < 0)
		return ret;
	if (!to->line_bandwidth_bytes_ps)
		to->line_bandwidth_bytes_ps =
			model->limits.max_bandwidth_bytes_ps;
	if (!to->zero_page_ns)
		to->zero_page_ns = DEFAULT_ZERO_PAGE_NS;
	if (!to->policy)
		to->policy = smudge_migrate_default_policy;
	model->dirty = (double)to->total_pages;
	return 0;
}

/* Of rounds, which a limit may pace. */
static uint64_t bandwidth_bytes_ps(const struct model *model)
{
	uint64_t limit = model->limits.max_bandwidth_bytes_ps;
	uint64_t line = model->options.line_bandwidth_bytes_ps;

	return limit ? min_u64(limit, line) : line;
}

static uint64_t bytes_in(uint64_t pages)
{
	return u64_from_double((double)pages * SMI_WIRE_PAGE_BYTES);
}

/* Of the stream. */
static double bytes_of(double pages)
{
	return pages * SMI_WIRE_PAGE_BYTES +
	       pages / SMI_WIRE_MAX_PAGES * RECORD_BYTES;
}

/* The part of a round's pages with content that one take has. */
static double take_of(double pages)
{
	double take = SMI_TAKE_BYTES >> SMI_WIRE_PAGE_SHIFT;

	return pages > take ? take / pages : 1;
}

/* Send @pages with content and @zero_pages. Return: the time it takes. */
static double send(struct model *model, double pages, double zero_pages)
{
	double bytes = bytes_of(pages);
	double ns = bytes * NS_PER_S / (double)bandwidth_bytes_ps(model) +
		    zero_pages * (double)model->options.zero_page_ns +
		    (double)model->options.round_trip_ns;

	model->stats.round++;
	model->stats.sent_pages += u64_from_double(pages);
	model->stats.zero_pages += u64_from_double(zero_pages);
	model->stats.round_sent_pages = u64_from_double(pages);
	model->sent_bytes += bytes;
	model->elapsed_ns += ns;
	return ns;
}

/* A round of @pages with content, and @zero_pages. */
static void make_round(struct model *model, double pages, double zero_pages)
{
	double ns = send(model, pages, zero_pages);

	model->dirty =
		smi_working_set_after(&model->set, model->dirty,
				      pages + zero_pages, ns, take_of(pages));
	model->stats.round_ns = u64_from_double(ns);
	model->stats.dirty_pages_ps =
		u64_from_double(model->dirty * NS_PER_S / ns);
}

/* Under a limit a burst behind round 1 measures the line. */
static void make_probe(struct model *model)
{
	uint64_t burst_bytes =
		smi_pace_burst_bytes(model->limits.max_bandwidth_bytes_ps);
	double pages = (double)(min_u64(burst_bytes, SMI_PROBE_MAX_BYTES) >>
				SMI_WIRE_PAGE_SHIFT);
	double ns;

	if (model->dirty < pages)
		pages = model->dirty;
	if (pages < SMI_PROBE_MIN_PAGES)
		return;
	ns = send(model, pages, 0);
	model->dirty = smi_working_set_after(&model->set, model->dirty, pages,
					     ns, take_of(pages));
}

static enum smudge_migrate_decision decide(struct model *model)
{
	struct smudge_migrate_stats *stats = &model->stats;

	stats->size = sizeof(*stats);
	stats->phase = SMUDGE_MIGRATE_ROUNDS;
	stats->total_bytes = bytes_in(model->options.total_pages);
	stats->sent_bytes = u64_from_double(model->sent_bytes);
	/* A number of pages may be less exact once it is double. */
	stats->remaining_pages = min_u64(u64_from_double(model->dirty),
					 model->options.total_pages);
	stats->remaining_bytes = bytes_in(stats->remaining_pages);
	stats->bandwidth_bytes_ps = bandwidth_bytes_ps(model);
	stats->line_bandwidth_bytes_ps = model->options.line_bandwidth_bytes_ps;
	stats->expected_downtime_ns =
		smi_expected_downtime_ns(stats, model->options.round_trip_ns);
	stats->elapsed_ns = u64_from_double(model->elapsed_ns);
	return model->options.policy(stats, &model->limits,
				     model->options.opaque);
}

/* Rounds until the policy stops them. Return: its last decision. */
static enum smudge_migrate_decision precopy(struct model *model)
{
	double content = (double)model->options.content_pages;
	enum smudge_migrate_decision decision;

	make_round(model, content, model->dirty - content);
	make_probe(model);
	decision = decide(model);
	while (decision == SMUDGE_MIGRATE_CONTINUE) {
		/* The final round must have a number, too. */
		if (model->stats.round >= SMI_WIRE_MAX_ROUNDS - 1)
			return SMUDGE_MIGRATE_ABORT;
		make_round(model, model->dirty, 0);
		decision = decide(model);
	}
	return decision;
}

static void end(const struct model *model,
		enum smudge_migrate_decision decision,
		struct smudge_forecast *result)
{
	const struct smudge_migrate_stats *stats = &model->stats;

	result->outcome = SMUDGE_FORECAST_GIVES_UP;
	result->rounds = stats->round;
	result->total_ns = stats->elapsed_ns;
	result->sent_bytes = stats->sent_bytes;
	result->remaining_pages = stats->remaining_pages;
	result->dirty_bytes_ps = bytes_in(stats->dirty_pages_ps);
	result->bandwidth_bytes_ps = stats->bandwidth_bytes_ps;
	if (decision != SMUDGE_MIGRATE_SWITCH)
		return;
	result->downtime_ns = stats->expected_downtime_ns;
	result->outcome = result->downtime_ns <= model->limits.downtime_limit_ns
				  ? SMUDGE_FORECAST_CONVERGES
				  : SMUDGE_FORECAST_LONG_DOWNTIME;
	result->rounds++;
	result->total_ns = u64_from_double(model->elapsed_ns +
					   (double)result->downtime_ns);
	result->sent_bytes =
		u64_from_double(model->sent_bytes + bytes_of(model->dirty));
}

int smudge_migrate_forecast(const struct smudge_forecast_options *options,
			    struct smudge_forecast *forecast,
			    struct smudge_error *err)
{
	struct smudge_forecast result = {.size = sizeof(result)};
	struct model model = {0};
	int ret;

	smudge_error_clear(err);
	ret = begin(&model, options, err);
	if (ret < 0)
		return ret;
	end(&model, precopy(&model), &result);
	ret = smi_sys_stats_copy(
		forecast, &result,
		SMI_SYS_SHAPE(smudge_forecast, bandwidth_bytes_ps));
	if (ret < 0)
		return smudge_error_set(err, ret, "forecast",
					"a smudge_forecast of %zu bytes is too "
					"short",
					forecast->size);
	return 0;
}
