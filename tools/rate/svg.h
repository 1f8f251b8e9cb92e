/* SPDX-License-Identifier: MIT */
/*
 * Heat maps of address over time, as SVG.
 */
#ifndef TOOLS_RATE_SVG_H
#define TOOLS_RATE_SVG_H

#include <stddef.h>

#include "rate/heat.h"
#include "rate/report.h"

struct rate_picture {
	const struct rate_process *process; /* of the summary */
	const struct rate_heat *heat;
};

/* Classes of a cell; 0: nothing was written. */
#define RATE_SVG_CLASSES 6

/*
 * The class of a share of written pages, from 0 to 1: above 0, from 1, 5, 20
 * and 50 per cent on.
 */
unsigned int rate_svg_class(double share);

/*
 * rate_svg - draw one map for each process, below each other
 * @pictures: @n of them
 * @ret_text: freed by the caller
 *
 * A cell is a rect of class "c1" to "c5"; cells beside each other that have the
 * same class are one. Cells where nothing was written are not drawn.
 * Return: 0 or -ENOMEM.
 */
int rate_svg(const struct rate_picture *pictures, size_t n, char **ret_text,
	     size_t *ret_len);

#endif
