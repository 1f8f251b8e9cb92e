/* SPDX-License-Identifier: MIT */
/*
 * A forecast from a summary: what is asked, what is said, and that what is said
 * to be enough is enough.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rate/forecast.h"

#define NPAGES	 16384
#define CONTENT	 8192
#define MB	 UINT64_C(1000000)
#define RATE_PPS 1000

/* A guest that writes 1,000 pages per second, each once. */
static void fill(struct rate_report *summary)
{
	static const double lengths_s[RATE_INTERVAL] = {0.1, 0.5, 1, 5};

	*summary = (struct rate_report){.is_summary = true};
	for (int w = 0; w < RATE_INTERVAL; w++) {
		struct rate_value value =
			rate_value_exact(RATE_PPS * lengths_s[w]);

		rate_window_add(&summary->sum.windows[w], &value, lengths_s[w]);
		rate_window_add(&summary->sum.windows[w], &value, lengths_s[w]);
	}
}

static struct rate_forecast ask(uint64_t bytes_ps, uint64_t downtime_ms)
{
	struct rate_forecast forecast = {
		.options = {.bandwidth_bytes_ps = bytes_ps,
			    .downtime_ms = downtime_ms},
		.total_pages = NPAGES,
		.content_pages = CONTENT};
	struct rate_report summary;

	fill(&summary);
	assert_int_equal(rate_forecast(&summary, &forecast, NULL), 0);
	return forecast;
}

static void it_converges(void **state)
{
	struct rate_forecast forecast = ask(20 * MB, 200);
	char *text = NULL;

	assert_int_equal(forecast.answer.outcome, SMUDGE_FORECAST_CONVERGES);
	assert_int_equal(forecast.enough_bytes_ps, 0);
	assert_int_equal(forecast.enough_downtime_ms, 0);
	assert_int_equal(rate_forecast_text(&forecast, &text), 0);
	assert_non_null(strstr(text, "converges: "));
	assert_non_null(strstr(text, " of 200 ms, "));
	assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text));
	free(text);
}

static void what_would_be_enough(void **state)
{
	struct rate_forecast forecast = ask(2 * MB, 200);
	char *text = NULL;
	uint64_t enough = forecast.enough_bytes_ps;
	uint64_t ms = forecast.enough_downtime_ms;

	assert_int_equal(forecast.answer.outcome,
			 SMUDGE_FORECAST_LONG_DOWNTIME);
	assert_in_range(enough, 3 * MB, 10 * MB);
	assert_int_equal(ask(enough, 200).answer.outcome,
			 SMUDGE_FORECAST_CONVERGES);
	assert_int_not_equal(ask(enough - enough / 50, 200).answer.outcome,
			     SMUDGE_FORECAST_CONVERGES);
	assert_in_range(ms, 1000, 60000);
	assert_int_equal(ask(2 * MB, ms).answer.outcome,
			 SMUDGE_FORECAST_CONVERGES);
	assert_int_not_equal(ask(2 * MB, ms - ms / 50).answer.outcome,
			     SMUDGE_FORECAST_CONVERGES);
	assert_int_equal(rate_forecast_text(&forecast, &text), 0);
	assert_non_null(strstr(text, "does not converge: 31 rounds"));
	assert_non_null(strstr(text, "a round sends 2.0 MB/s"));
	assert_non_null(strstr(text, "it would converge with "));
	free(text);
}

static void no_downtime_at_all(void **state)
{
	struct rate_forecast forecast = ask(20 * MB, 0);

	assert_int_equal(forecast.answer.outcome,
			 SMUDGE_FORECAST_LONG_DOWNTIME);
	/* Some milliseconds are needed for the state alone. */
	assert_int_equal(forecast.enough_bytes_ps, 0);
	assert_in_range(forecast.enough_downtime_ms, 3, 1000);
}

/*
 * The line is faster than the limit that paces the rounds, which needs more
 * than the downtime for the state alone.
 */
static void a_faster_line(void **state)
{
	struct rate_forecast forecast = ask(6 * MB, 10);
	struct rate_report summary;

	assert_int_not_equal(forecast.answer.outcome,
			     SMUDGE_FORECAST_CONVERGES);
	fill(&summary);
	forecast.options.line_bytes_ps = 600 * MB;
	assert_int_equal(rate_forecast(&summary, &forecast, NULL), 0);
	assert_int_equal(forecast.answer.outcome, SMUDGE_FORECAST_CONVERGES);
	assert_int_equal(forecast.answer.bandwidth_bytes_ps, 6 * MB);
}

static void as_json(void **state)
{
	struct rate_forecast forecast = ask(2 * MB, 200);
	json_t *json = rate_forecast_json(&forecast);
	int converges = 1;
	json_int_t rounds, total, enough;
	double ms;

	assert_non_null(json);
	assert_int_equal(json_unpack(json, "{s:b, s:I, s:f, s:I, s:I}",
				     "converges", &converges, "rounds", &rounds,
				     "total-ms", &ms, "total-pages", &total,
				     "enough-bytes-per-s", &enough),
			 0);
	assert_int_equal(converges, 0);
	assert_int_equal(rounds, 31);
	assert_int_equal(total, NPAGES);
	assert_int_equal(enough, forecast.enough_bytes_ps);
	json_decref(json);
	forecast = ask(20 * MB, 200);
	json = rate_forecast_json(&forecast);
	assert_true(json_is_null(json_object_get(json, "enough-downtime-ms")));
	json_decref(json);
}

static void no_window_has_ended(void **state)
{
	struct rate_forecast forecast = {.options = {.bandwidth_bytes_ps = MB},
					 .total_pages = 1};
	struct rate_report summary = {.is_summary = true};
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_int_equal(rate_forecast(&summary, &forecast, &err), -ENODATA);
	assert_non_null(strstr(err.message, "no window"));
	fill(&summary);
	forecast.total_pages = 0;
	assert_int_equal(rate_forecast(&summary, &forecast, &err), -ENODATA);
}

/* Of this process: a page that was touched, and others that were not. */
static void pages_that_are_present(void **state)
{
	size_t size = (size_t)8 << 12;
	struct rate_report summary = {0};
	struct rate_forecast forecast = {0};
	struct rate_process *process;
	struct rate_mapping mapping = {.size_bytes = size};
	void *memory = NULL;

	assert_int_equal(posix_memalign(&memory, 4096, size), 0);
	memset(memory, 1, size);
	mapping.address = (uintptr_t)memory;
	process = rate_report_process(&summary, getpid());
	assert_non_null(process);
	assert_int_equal(rate_mappings_add(&process->mappings, &mapping), 0);
	rate_forecast_count(&summary, &forecast);
	assert_int_equal(forecast.total_pages, 8);
	assert_int_equal(forecast.content_pages, 8);
	/* Of a process that is gone all count. */
	process->pid = 0;
	rate_forecast_count(&summary, &forecast);
	assert_int_equal(forecast.content_pages, 8);
	rate_report_free(&summary);
	free(memory);
}

TEST_MAIN(it_converges, what_would_be_enough, no_downtime_at_all, a_faster_line,
	  as_json, no_window_has_ended, pages_that_are_present)
