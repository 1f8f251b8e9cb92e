/* SPDX-License-Identifier: MIT */
/*
 * Numbers in columns.
 */
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Each is one thousand times the one before it. */
static const char thousands[] = " KMGTP";

/* Three digits and one after the point, if there is room for it. */
static void compact(char text[TEXT_BYTES], double number)
{
	size_t unit = 0;

	while (number >= 999.5 && unit + 2 < sizeof(thousands)) {
		number /= 1000;
		unit++;
	}
	snprintf(text, TEXT_BYTES, number < 9.95 ? "%.1f%c" : "%.0f%c", number,
		 thousands[unit]);
}

static void with_commas(char text[TEXT_BYTES], double number)
{
	char digits[TEXT_BYTES];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%.0f", number);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			text[len++] = ',';
		text[len++] = digits[i];
	}
	text[len] = '\0';
}

void text_count(char text[TEXT_BYTES], double number, size_t width)
{
	double whole = round(fmin(fmax(number, 0), 1e17));

	with_commas(text, whole);
	if (strlen(text) > width)
		compact(text, whole);
}

void text_bytes(char text[TEXT_BYTES], double bytes)
{
	static const char *const units[] = {"B",   "KiB", "MiB", "GiB",
					    "TiB", "PiB", "EiB"};
	size_t unit = 0;

	while (bytes >= 1023.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, TEXT_BYTES, unit && bytes < 9.95 ? "%.1f %s" : "%.0f %s",
		 bytes, units[unit]);
}

void text_time(char text[TEXT_BYTES], double ns)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	size_t unit = 0;

	while (ns >= 999.5 && unit < 3) {
		ns /= 1000;
		unit++;
	}
	snprintf(text, TEXT_BYTES, unit && ns < 9.95 ? "%.1f %s" : "%.0f %s",
		 fmin(ns, 1e9), units[unit]);
}

void text_clock(char text[TEXT_BYTES], double seconds)
{
	unsigned long s = (unsigned long)seconds;

	if (s < 3600)
		snprintf(text, TEXT_BYTES, "%lu:%02lu", s / 60, s % 60);
	else
		snprintf(text, TEXT_BYTES, "%lu:%02lu:%02lu", s / 3600,
			 s / 60 % 60, s % 60);
}
