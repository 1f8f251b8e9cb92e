/* SPDX-License-Identifier: MIT */
/*
 * A forecast of a live migration: would pre-copy converge, in how many rounds,
 * how long, with what downtime?
 *
 * It runs the policy of the migration round by round, over a model of how a
 * sender of this library sends and of how the guest writes. How the guest
 * writes is its working set: the pages that it wrote at least once within
 * windows of several lengths. That is no constant rate, since a page that is
 * written again is not counted again. To measure it, open a client for each
 * window, and every window's length harvest, count and skip.
 */
#ifndef SMUDGE_FORECAST_H
#define SMUDGE_FORECAST_H

#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "migrate.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* The most windows that a forecast takes. */
#define SMUDGE_FORECAST_MAX_WINDOWS 64

/* How many different pages of 4096 bytes a guest writes within a time. */
struct smudge_working_set {
	uint64_t window_ns;
	uint64_t pages;
};

struct smudge_forecast_options {
	size_t size; /* sizeof(struct smudge_forecast_options) */
	/* As the migration's; NULL for the defaults. Its max_bandwidth_bytes_ps
	 * paces all rounds but the final one. */
	const struct smudge_migrate_limits *limits;
	/* What the line carries, for the final round and where there is no
	 * limit. 0: as much as the limit, so the downtime is at most that. */
	uint64_t line_bandwidth_bytes_ps;
	uint64_t total_pages; /* RAM, in pages of 4096 bytes; not 0 */
	/* Those that have content. Pages of zeros are sent without. */
	uint64_t content_pages;
	/* Windows in ascending order, each once, none of 0 ns. Between two of
	 * them the forecast interpolates; beyond the last one the working set
	 * grows as it did between the last two, up to the pages with content.
	 */
	const struct smudge_working_set *working_set;
	size_t nworking_set;	/* 1 to SMUDGE_FORECAST_MAX_WINDOWS */
	uint64_t round_trip_ns; /* of a short message and its answer */
	/* What a page of zeros costs: reading it at the sender, and clearing it
	 * at the receiver. 0: 1,000 ns. */
	uint64_t zero_page_ns;
	/* The migration's; NULL: smudge_migrate_default_policy. */
	enum smudge_migrate_decision (*policy)(
		const struct smudge_migrate_stats *stats,
		const struct smudge_migrate_limits *limits, void *opaque);
	void *opaque; /* passed to the policy */
};

enum smudge_forecast_outcome {
	/* The guest moves, and its downtime is within the limit. */
	SMUDGE_FORECAST_CONVERGES = 0,
	/* The guest moves when its rounds are used up (or the policy wants it
	 * to), and its downtime is longer than the limit. */
	SMUDGE_FORECAST_LONG_DOWNTIME = 1,
	/* The policy gives up, or wants more rounds than a stream can have: the
	 * guest stays. */
	SMUDGE_FORECAST_GIVES_UP = 2,
};

struct smudge_forecast {
	size_t size; /* set by the caller: sizeof */
	enum smudge_forecast_outcome outcome;
	uint32_t rounds;      /* as smudge_migrate_stats counts them: the
				 final one too, and the short one that
				 measures the line under a limit */
	uint64_t total_ns;    /* the downtime included */
	uint64_t downtime_ns; /* 0: the guest stays */
	uint64_t sent_bytes;  /* of the stream */
	uint64_t
		remaining_pages; /* when the policy decided for the last time */
	/* How fast the guest dirtied pages in the last round before that, and
	 * how fast such a round sends. The rounds do not shrink where the first
	 * is not below the second. */
	uint64_t dirty_bytes_ps;
	uint64_t bandwidth_bytes_ps;
};

/*
 * smudge_migrate_forecast - what would a migration be like?
 * @options: read only; nothing of it is kept
 * @forecast: size is set by the caller; fields beyond it are not written, nor
 *      fields that this library does not know
 * @err: receives the failure; may be NULL
 *
 * The model: a round sends its pages evenly over its time, and those that are
 * written after they were taken, 4 MiB at a time, are dirty behind it. In round
 * 1 these are all pages. In a later one they are the last that the guest wrote,
 * so as many of them are written again as the working set says: pages of a
 * window that a longer one has not more of. The guest is expected to continue
 * as it was measured; while it runs under a migration it may be slower.
 *
 * Numbers too large for their field become UINT64_MAX.
 * Blocks: no, unless the policy does. Threads: any.
 * State after failure: @forecast is not written.
 * Return: 0, -EINVAL (the size of @options, @forecast or the limits is smaller
 * than the first version's; no pages; more pages with content than pages; no
 * bandwidth, of the limit or of the line; windows that are missing, too many,
 * or not in ascending order), -E2BIG (@options or the limits have fields that
 * this library does not know).
 */
int smudge_migrate_forecast(const struct smudge_forecast_options *options,
			    struct smudge_forecast *forecast,
			    struct smudge_error *err) SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
