/* SPDX-License-Identifier: MIT */
/*
 * The question that is asked of the library, and how the answer is said.
 *
 * More bandwidth, or a longer downtime, never makes a forecast worse, so what
 * would be enough is found by bisection.
 */
#include "rate/forecast.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "rate/buffer.h"
#include "rate/resident.h"
#include "text.h"

#define NS_PER_MS	UINT64_C(1000000)
#define MAX_BYTES_PS	(UINT64_C(1) << 40)
#define MAX_DOWNTIME_MS UINT64_C(3600000)
/* Of what would be enough, in parts. */
#define EXACT_PARTS 100

static void add_present(void *opaque, uint64_t address, uint64_t npages)
{
	*(uint64_t *)opaque += npages;
}

static void count_process(const struct rate_process *process,
			  struct rate_forecast *forecast)
{
	int fd = rate_resident_open(process->pid);

	for (size_t i = 0; i < process->mappings.n; i++) {
		const struct rate_mapping *mapping = &process->mappings.list[i];
		uint64_t npages = mapping->size_bytes / RATE_PAGE_BYTES;
		uint64_t present = 0;

		if (fd < 0 || mapping->size_bytes > RATE_RESIDENT_MAX_BYTES ||
		    rate_resident_each(fd, mapping->address,
				       mapping->size_bytes, add_present,
				       &present) < 0)
			present = npages;
		forecast->total_pages += npages;
		forecast->content_pages += present;
	}
	if (fd >= 0)
		close(fd);
}

void rate_forecast_count(const struct rate_report *summary,
			 struct rate_forecast *forecast)
{
	forecast->total_pages = 0;
	forecast->content_pages = 0;
	for (size_t i = 0; i < summary->nprocesses; i++)
		count_process(&summary->processes[i], forecast);
}

/* The mean of each window that has ended. */
static size_t working_set(const struct rate_report *summary,
			  struct smudge_working_set *set)
{
	size_t n = 0;

	for (int w = 0; w < RATE_INTERVAL; w++) {
		const struct rate_window *window = &summary->sum.windows[w];

		if (!window->n)
			continue;
		set[n].window_ns =
			(uint64_t)(window->seconds * 1e9 / (double)window->n);
		set[n].pages = (uint64_t)(window->pages / (double)window->n);
		/* on a very late machine a short one is as long as a long */
		if (!n || set[n].window_ns > set[n - 1].window_ns)
			n++;
	}
	return n;
}

struct question {
	struct smudge_working_set set[RATE_INTERVAL];
	struct smudge_migrate_limits limits;
	struct smudge_forecast_options options;
};

static int ask(const struct question *question,
	       struct smudge_forecast *ret_answer, struct smudge_error *err)
{
	struct question copy = *question;

	copy.options.working_set = copy.set;
	copy.options.limits = &copy.limits;
	ret_answer->size = sizeof(*ret_answer);
	return smudge_migrate_forecast(&copy.options, ret_answer, err);
}

static bool converges(const struct question *question)
{
	struct smudge_forecast answer;

	return ask(question, &answer, NULL) == 0 &&
	       answer.outcome == SMUDGE_FORECAST_CONVERGES;
}

/* With so much bandwidth, or so long a downtime; the line is no slower. */
static bool is_enough(const struct question *question, bool is_bandwidth,
		      uint64_t value)
{
	struct question other = *question;

	if (!is_bandwidth) {
		other.limits.downtime_limit_ns = value * NS_PER_MS;
		return converges(&other);
	}
	other.limits.max_bandwidth_bytes_ps = value;
	if (other.options.line_bandwidth_bytes_ps &&
	    other.options.line_bandwidth_bytes_ps < value)
		other.options.line_bandwidth_bytes_ps = value;
	return converges(&other);
}

/* The smallest value from @low, which is not enough, to @high; or 0. */
static uint64_t find_enough(const struct question *question, bool is_bandwidth,
			    uint64_t low, uint64_t high)
{
	if (!is_enough(question, is_bandwidth, high))
		return 0;
	while (high - low > low / EXACT_PARTS + 1) {
		uint64_t middle = low + (high - low) / 2;

		/* the values have many sizes */
		if (high / 4 > low)
			middle = low * 2 + 1;
		if (is_enough(question, is_bandwidth, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}

int rate_forecast(const struct rate_report *summary,
		  struct rate_forecast *forecast, struct smudge_error *err)
{
	const struct rate_forecast_options *asked = &forecast->options;
	struct question question = {
		.limits = {.size = sizeof(question.limits),
			   .max_bandwidth_bytes_ps = asked->bandwidth_bytes_ps,
			   /* 0 would be the library's default */
			   .downtime_limit_ns =
				   asked->downtime_ms
					   ? asked->downtime_ms * NS_PER_MS
					   : 1},
		.options = {.size = sizeof(question.options),
			    .line_bandwidth_bytes_ps = asked->line_bytes_ps,
			    .total_pages = forecast->total_pages,
			    .content_pages = forecast->content_pages}};
	int ret;

	question.options.nworking_set = working_set(summary, question.set);
	if (!question.options.nworking_set || !forecast->total_pages)
		return smudge_error_set(err, -ENODATA, "rate",
					"there is no forecast: no window of "
					"the working set has ended");
	ret = ask(&question, &forecast->answer, err);
	if (ret || forecast->answer.outcome == SMUDGE_FORECAST_CONVERGES)
		return ret;
	forecast->enough_bytes_ps = find_enough(
		&question, true, asked->bandwidth_bytes_ps, MAX_BYTES_PS);
	forecast->enough_downtime_ms = find_enough(
		&question, false, asked->downtime_ms, MAX_DOWNTIME_MS);
	return 0;
}

static void put_enough(FILE *out, const struct rate_forecast *forecast)
{
	double megabytes = (double)forecast->enough_bytes_ps / 1e6;
	char time[TEXT_BYTES];

	text_time(time, (double)forecast->enough_downtime_ms * 1e6);
	if (forecast->enough_bytes_ps && forecast->enough_downtime_ms)
		fprintf(out,
			"          it would converge with %.1f MB/s, or with "
			"a downtime of %s\n",
			megabytes, time);
	else if (forecast->enough_bytes_ps)
		fprintf(out, "          it would converge with %.1f MB/s\n",
			megabytes);
	else if (forecast->enough_downtime_ms)
		fprintf(out,
			"          it would converge with a downtime of %s\n",
			time);
}

static void put_text(FILE *out, const struct rate_forecast *forecast)
{
	const struct smudge_forecast *answer = &forecast->answer;
	char total[TEXT_BYTES];
	char downtime[TEXT_BYTES];
	char limit[TEXT_BYTES];

	text_time(total, (double)answer->total_ns);
	text_time(downtime, (double)answer->downtime_ns);
	text_time(limit, (double)forecast->options.downtime_ms * 1e6);
	fprintf(out,
		"forecast  a migration %s: %u rounds, %s, downtime %s of %s, "
		"%.1f MB sent\n",
		answer->outcome == SMUDGE_FORECAST_CONVERGES
			? "converges"
			: "does not converge",
		answer->rounds, total, downtime, limit,
		(double)answer->sent_bytes / 1e6);
	if (answer->outcome == SMUDGE_FORECAST_CONVERGES)
		return;
	fprintf(out,
		"          at the end %.1f MB/s are dirtied, and a round sends "
		"%.1f MB/s\n",
		(double)answer->dirty_bytes_ps / 1e6,
		(double)answer->bandwidth_bytes_ps / 1e6);
	put_enough(out, forecast);
}

int rate_forecast_text(const struct rate_forecast *forecast, char **ret_text)
{
	struct rate_buffer buffer;
	int ret = rate_buffer_open(&buffer);

	if (ret)
		return ret;
	put_text(buffer.out, forecast);
	return rate_buffer_close(&buffer, 0, ret_text, NULL);
}

/* A number without a value is null. */
static json_t *known(uint64_t value)
{
	return value ? json_integer((json_int_t)value) : json_null();
}

json_t *rate_forecast_json(const struct rate_forecast *forecast)
{
	const struct smudge_forecast *answer = &forecast->answer;

	return json_pack(
		"{s:b, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:o, s:o}",
		"converges", answer->outcome == SMUDGE_FORECAST_CONVERGES,
		"rounds", (json_int_t)answer->rounds, "total-ms",
		(double)answer->total_ns / 1e6, "downtime-ms",
		(double)answer->downtime_ns / 1e6, "sent-bytes",
		(double)answer->sent_bytes, "remaining-pages",
		(double)answer->remaining_pages, "dirty-bytes-per-s",
		(double)answer->dirty_bytes_ps, "bandwidth-bytes-per-s",
		(double)answer->bandwidth_bytes_ps, "total-pages",
		(json_int_t)forecast->total_pages, "content-pages",
		(json_int_t)forecast->content_pages, "enough-bytes-per-s",
		known(forecast->enough_bytes_ps), "enough-downtime-ms",
		known(forecast->enough_downtime_ms));
}
