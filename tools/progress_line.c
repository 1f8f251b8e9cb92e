/* SPDX-License-Identifier: MIT */
/*
 * The parts of the line, the most wanted first.
 */
#include "progress_line.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define MIB		(1024.0 * 1024.0)
#define PAGE_BYTES	4096.0
#define DEFAULT_COLUMNS 80
#define MIN_COLUMNS	10
#define MIN_TIME_S	1.0 /* before this an estimate means nothing */
#define MAX_TIME_S	(100.0 * 3600)

struct line {
	char *buf;
	size_t len;
	size_t columns;
	bool is_full;
};

double progress_number(const json_t *object, const char *outer,
		       const char *name)
{
	const json_t *value = outer ? json_object_get(object, outer) : object;

	return json_number_value(json_object_get(value, name));
}

size_t progress_columns(int fd)
{
	struct winsize size = {0};

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return DEFAULT_COLUMNS;
	return size.ws_col < MIN_COLUMNS ? MIN_COLUMNS : size.ws_col;
}

/* Once a part does not fit, none of the later ones is added. */
static __attribute__((format(printf, 2, 3))) void add(struct line *line,
						      const char *format, ...)
{
	const char *between = line->len ? " | " : "";
	char part[64];
	size_t len;
	va_list args;

	va_start(args, format);
	vsnprintf(part, sizeof(part), format, args);
	va_end(args);
	len = strlen(between) + strlen(part);
	if (line->is_full || line->len + len > line->columns ||
	    line->len + len >= PROGRESS_LINE_BYTES) {
		line->is_full = true;
		return;
	}
	sprintf(line->buf + line->len, "%s%s", between, part);
	line->len += len;
}

/* m:ss, or h:mm:ss */
static void format_time(double seconds, char *buf, size_t size)
{
	unsigned long s = (unsigned long)seconds;

	if (s < 3600)
		snprintf(buf, size, "%lu:%02lu", s / 60, s % 60);
	else
		snprintf(buf, size, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60,
			 s % 60);
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

static void add_time(struct line *line, const json_t *reply, double seconds)
{
	double left = progress_number(reply, "ram", "remaining");
	double gain_ps = seconds < MIN_TIME_S ? 0 : gain(reply, left, seconds);
	char elapsed[32];
	char whole[32];

	format_time(seconds, elapsed, sizeof(elapsed));
	if (left > 0 && (gain_ps <= 0 || left / gain_ps > MAX_TIME_S)) {
		add(line, "%s", elapsed);
		return;
	}
	format_time(seconds + (left > 0 ? left / gain_ps : 0), whole,
		    sizeof(whole));
	add(line, "%s of ~%s", elapsed, whole);
}

static void add_rates(struct line *line, const json_t *reply, double seconds)
{
	add(line, "%6.1f MB/s", rate(reply, seconds) / 1e6);
	if (!is_measured(reply))
		return;
	add(line, "dirty %6.0f pages/s",
	    progress_number(reply, "ram", "dirty-pages-rate"));
	add(line, "downtime ~%.0f ms",
	    progress_number(reply, "x-smudge", "expected-downtime-ns") / 1e6);
}

void progress_line(const json_t *reply, unsigned int round, size_t columns,
		   char *buf)
{
	struct line line = {.buf = buf, .columns = columns};
	double total = progress_number(reply, "ram", "total");
	double remaining = progress_number(reply, "ram", "remaining");
	double seconds = progress_number(reply, NULL, "total-time") / 1e3;

	buf[0] = '\0';
	add(&line, "round %2u", round);
	add(&line, "%3.0f %%",
	    total > 0 ? 100 * (total - remaining) / total : 0);
	add_time(&line, reply, seconds);
	add(&line, "sent %7.1f MiB",
	    progress_number(reply, "ram", "transferred") / MIB);
	add(&line, "left %7.1f MiB", remaining / MIB);
	add_rates(&line, reply, seconds);
}
