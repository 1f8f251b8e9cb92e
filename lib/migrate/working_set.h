/* SPDX-License-Identifier: MIT */
/*
 * How many different pages a guest writes within a time: the curve through the
 * windows that were measured.
 *
 * Invariant: the curve begins at 0 and never falls. A longer window that was
 * measured with fewer pages has as many as the shorter one: it contains one.
 * Between two windows it is a cubic that neither falls nor leaves their range,
 * as straight pieces. Beyond the last one it continues as between the last two,
 * up to max_pages.
 *
 * All numbers are double, so nothing overflows, whatever a program brings.
 */
#ifndef LIB_MIGRATE_WORKING_SET_H
#define LIB_MIGRATE_WORKING_SET_H

#include <smudge/forecast.h>

/* Straight pieces between two windows. */
#define SMI_WORKING_SET_PIECES 8

struct smi_working_set_point {
	double ns;
	double pages;
};

struct smi_working_set {
	/* The first is at 0. */
	struct smi_working_set_point
		points[SMUDGE_FORECAST_MAX_WINDOWS * SMI_WORKING_SET_PIECES +
		       1];
	size_t npoints;
	double growth; /* beyond the last one, in pages per nanosecond */
	double max_pages;
};

/*
 * smi_working_set_init - the curve through a program's windows
 *
 * Return: 0, -EINVAL (no window, too many, or not in ascending order).
 */
int smi_working_set_init(struct smi_working_set *set,
			 const struct smudge_working_set *windows,
			 size_t nwindows, uint64_t max_pages,
			 struct smudge_error *err);

/* Pages written within @ns, which may be infinite. */
double smi_working_set_pages(const struct smi_working_set *set, double ns);

/*
 * smi_working_set_behind - pages written from their take to the round's end
 * @ns: the length of the round
 * @take: the part of the round's pages that each take has, above 0; those of
 *      the first take are taken at the begin, and of each other one when those
 *      before it are sent. With 1 or more there is one take
 *
 * As if each take had the pages that the guest writes, in proportion.
 */
double smi_working_set_behind(const struct smi_working_set *set, double ns,
			      double take);

/* The shortest window with so many pages; infinite if none has. */
double smi_working_set_window_ns(const struct smi_working_set *set,
				 double pages);

/*
 * smi_working_set_after - pages that are dirty behind a round
 * @dirty: before it: the last pages that the guest wrote
 * @sent: of them taken and sent
 * @ns: how long it took
 * @take: as for smi_working_set_behind
 */
double smi_working_set_after(const struct smi_working_set *set, double dirty,
			     double sent, double ns, double take);

#endif
