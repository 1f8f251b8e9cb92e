/* SPDX-License-Identifier: MIT */
/*
 * The parts of the line, the most wanted first.
 */
#include "progress_line.h"

#include "parts.h"
#include "text.h"

#define MIB	   (1024.0 * 1024.0)
#define PAGE_BYTES 4096.0
#define MIN_TIME_S 1.0 /* before this an estimate means nothing */
#define MAX_TIME_S (100.0 * 3600)

double progress_number(const json_t *object, const char *outer,
		       const char *name)
{
	const json_t *value = outer ? json_object_get(object, outer) : object;

	return json_number_value(json_object_get(value, name));
}

/* Before a round has ended, the rate of writes is not known. */
static bool is_measured(const json_t *reply)
{
	return progress_number(reply, "x-smudge", "round-ns") > 0;
}

/*
 * Bytes per second; in round 1, where no round was measured yet, on average. 0:
 * not known yet.
 */
static double rate(const json_t *reply, double seconds)
{
	double bytes_ps =
		progress_number(reply, "x-smudge", "bandwidth-bytes-ps");

	if (bytes_ps > 0)
		return bytes_ps;
	return seconds > 0
		       ? progress_number(reply, "ram", "transferred") / seconds
		       : 0;
}

/*
 * By how many bytes per second the rest shrinks. In round 1 also by pages of
 * zeros, which are hardly sent. The rounds that follow send what the guest
 * writes meanwhile: the difference of both rates.
 */
static double gain(const json_t *reply, double left, double seconds)
{
	if (!is_measured(reply))
		return (progress_number(reply, "ram", "total") - left) /
		       seconds;
	return rate(reply, seconds) -
	       progress_number(reply, "ram", "dirty-pages-rate") * PAGE_BYTES;
}

static void add_time(struct parts *line, const json_t *reply, double seconds)
{
	double left = progress_number(reply, "ram", "remaining");
	double gain_ps = seconds < MIN_TIME_S ? 0 : gain(reply, left, seconds);
	char elapsed[TEXT_BYTES];
	char whole[TEXT_BYTES];

	text_clock(elapsed, seconds);
	if (left > 0 && (gain_ps <= 0 || left / gain_ps > MAX_TIME_S)) {
		parts_add(line, "%s", elapsed);
		return;
	}
	text_clock(whole, seconds + (left > 0 ? left / gain_ps : 0));
	parts_add(line, "%s of ~%s", elapsed, whole);
}

static void add_rates(struct parts *line, const json_t *reply, double seconds)
{
	parts_add(line, "%6.1f MB/s", rate(reply, seconds) / 1e6);
	if (!is_measured(reply))
		return;
	parts_add(line, "dirty %6.0f pages/s",
		  progress_number(reply, "ram", "dirty-pages-rate"));
	parts_add(line, "downtime ~%.0f ms",
		  progress_number(reply, "x-smudge", "expected-downtime-ns") /
			  1e6);
}

void progress_line(const json_t *reply, unsigned int round, size_t columns,
		   char *buf)
{
	struct parts line = {.buf = buf, .columns = columns};
	double total = progress_number(reply, "ram", "total");
	double remaining = progress_number(reply, "ram", "remaining");
	double seconds = progress_number(reply, NULL, "total-time") / 1e3;

	buf[0] = '\0';
	parts_add(&line, "round %2u", round);
	parts_add(&line, "%3.0f %%",
		  total > 0 ? 100 * (total - remaining) / total : 0);
	add_time(&line, reply, seconds);
	parts_add(&line, "sent %7.1f MiB",
		  progress_number(reply, "ram", "transferred") / MIB);
	parts_add(&line, "left %7.1f MiB", remaining / MIB);
	add_rates(&line, reply, seconds);
}
