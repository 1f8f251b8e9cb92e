/* SPDX-License-Identifier: MIT */
/*
 * Progress of a benchmark. The clock is that of the wall, which the figures
 * never use.
 */
#include "bench_progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES	160
#define DEFAULT_COLUMNS 80
#define TERMINAL_MS	100
#define PIPE_MS		10000

static const char *bench_name = "bench";
static bool is_terminal;
static bool is_shown; /* a line is on the terminal */
static uint64_t begun_ms, shown_ms;
static char case_name[LINE_BYTES];

static uint64_t elapsed_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void bench_progress_begin(const char *name)
{
	bench_name = name;
	is_terminal = isatty(STDERR_FILENO);
	begun_ms = elapsed_clock_ms();
}

/* The last column stays free, or some terminals begin another line. */
static int room(void)
{
	struct winsize size = {0};

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
		return DEFAULT_COLUMNS - 1;
	return size.ws_col - 1;
}

static void show(const char *more)
{
	char line[2 * LINE_BYTES];
	unsigned int s;

	shown_ms = elapsed_clock_ms();
	s = (unsigned int)((shown_ms - begun_ms) / 1000);
	snprintf(line, sizeof(line), "%s %u:%02u %s%s", bench_name, s / 60,
		 s % 60, case_name, more);
	if (is_terminal)
		fprintf(stderr, "\r\033[K%.*s", room(), line);
	else
		fprintf(stderr, "%s\n", line);
	is_shown = is_terminal;
}

void bench_progress_case(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(case_name, sizeof(case_name), format, args);
	va_end(args);
	show("");
}

void bench_progress_sample(unsigned int at, unsigned int nsamples)
{
	uint64_t pause_ms = is_terminal ? TERMINAL_MS : PIPE_MS;
	char more[32];

	if (elapsed_clock_ms() - shown_ms < pause_ms)
		return;
	snprintf(more, sizeof(more), ": %u of %u", at, nsamples);
	show(more);
}

void bench_progress_clear(void)
{
	if (is_shown)
		fputs("\r\033[K", stderr);
	is_shown = false;
}
