/* SPDX-License-Identifier: MIT */
/*
 * Numbers of written pages, counted or estimated.
 */
#include "rate/value.h"

#include <math.h>

#define Z_95 1.959963984540054 /* a normal variable is beyond it in 5 % */

struct rate_value rate_value_exact(double pages)
{
	return (struct rate_value){pages, pages, pages, false};
}

struct rate_value rate_value_estimate(uint64_t changed, uint64_t samples,
				      uint64_t population)
{
	double n = (double)samples;
	double all = (double)population;
	double share = samples ? (double)changed / n : 0;
	double zz;
	double middle;
	double half;

	if (!samples)
		return (struct rate_value){0, 0, all, false};
	if (samples >= population)
		return rate_value_exact((double)changed);
	zz = Z_95 * Z_95 * (all - n) / (all - 1);
	middle = (share + zz / (2 * n)) / (1 + zz / n);
	half = sqrt(zz * (share * (1 - share) / n + zz / (4 * n * n))) /
	       (1 + zz / n);
	/* at both ends rounding may leave the estimate outside */
	return (struct rate_value){
		share * all, fmin(fmax(0, middle - half), share) * all,
		fmax(fmin(1, middle + half), share) * all, false};
}

static double half_width(double a, double b, bool is_bound)
{
	return is_bound ? a + b : hypot(a, b);
}

void rate_value_add(struct rate_value *to, const struct rate_value *from)
{
	bool is_bound = to->is_lower_bound || from->is_lower_bound;
	double below = half_width(to->pages - to->low_pages,
				  from->pages - from->low_pages, is_bound);
	double above = half_width(to->high_pages - to->pages,
				  from->high_pages - from->pages, is_bound);

	to->is_lower_bound = is_bound;
	to->pages += from->pages;
	to->low_pages = to->pages - below;
	to->high_pages = to->pages + above;
}
