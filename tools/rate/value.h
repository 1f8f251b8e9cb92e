/* SPDX-License-Identifier: MIT */
/*
 * A number of written pages, with its confidence interval of 95 per cent.
 */
#ifndef TOOLS_RATE_VALUE_H
#define TOOLS_RATE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

struct rate_value {
	double pages; /* the estimate; of what was counted, the number */
	double low_pages;
	double high_pages;
	/*
	 * Not fewer than low_pages, which is the number, and not more than
	 * high_pages of what could be seen: no confidence interval.
	 */
	bool is_lower_bound;
};

/* A number that was counted: the interval is the number. */
struct rate_value rate_value_exact(double pages);

/*
 * rate_value_estimate - from a sample to its population
 * @changed: pages of the sample that were written, at most @samples
 * @samples: drawn without replacement, each page as likely as another
 * @population: pages that they were drawn from, at least @samples
 *
 * The estimate is the sample's share of the population: without bias. The
 * interval is Wilson's, with the correction for a finite population, so it is
 * the number itself when every page is in the sample. No sample: 0, and up to
 * @population.
 */
struct rate_value rate_value_estimate(uint64_t changed, uint64_t samples,
				      uint64_t population);

/*
 * Add a value that is independent of @to: the squares of the half widths add
 * up, those of each side. Of lower bounds they add up as they are.
 */
void rate_value_add(struct rate_value *to, const struct rate_value *from);

#endif
