/* SPDX-License-Identifier: MIT */
/*
 * The results of bench-sources, as text or as one JSON object per line.
 */
#ifndef BENCH_SOURCES_PRINT_H
#define BENCH_SOURCES_PRINT_H

#include "sources_sample.h"

/* Before a mechanism's rows. */
void sources_print_head(const struct sources_mechanism *mechanism);
/* @row: whose samples are all taken; they are sorted */
void sources_print_row(struct sources_row *row);
/* The machine lacks it. */
void sources_print_skip(const struct sources_mechanism *mechanism,
			const char *why);
/*
 * After all rows. Return: how many have a limit and are above it; 0 when
 * nothing was judged, since too little was measured.
 */
unsigned int sources_print_summary(void);

#endif
