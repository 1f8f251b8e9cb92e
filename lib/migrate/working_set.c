/* SPDX-License-Identifier: MIT */
/*
 * The curve of the working set, and what a round leaves dirty.
 *
 * Which of the pages that a round sends are written meanwhile? They are the
 * last pages that the guest wrote, so they are what it wrote in the window that
 * has that many pages. The round and that window before it are one longer
 * window. The pages that this has more are new ones, so they stay dirty behind
 * the round. All others that the guest writes in the round are among those
 * sent, and dirty again if it writes them after they were taken. This is exact
 * for guests that write all their pages in turn, or at random.
 */
#include "migrate/working_set.h"

#include <errno.h>
#include <math.h>

/* Of an area that is summed up one by one. */
#define MAX_RECTANGLES 64

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static int check_windows(const struct smudge_working_set *windows,
			 size_t nwindows, struct smudge_error *err)
{
	uint64_t before_ns = 0;

	if (!windows || !nwindows || nwindows > SMUDGE_FORECAST_MAX_WINDOWS)
		return smudge_error_set(err, -EINVAL, "forecast",
					"a forecast needs the working set of 1 "
					"to %d windows, not of %zu",
					SMUDGE_FORECAST_MAX_WINDOWS,
					windows ? nwindows : 0);
	for (size_t i = 0; i < nwindows; i++) {
		if (windows[i].window_ns <= before_ns)
			return smudge_error_set(
				err, -EINVAL, "forecast",
				"a window of the working set has %llu ns, and "
				"must have more than the %llu ns before it",
				(unsigned long long)windows[i].window_ns,
				(unsigned long long)before_ns);
		before_ns = windows[i].window_ns;
	}
	return 0;
}

/* The windows as points: the first is at 0, and none has fewer pages. */
static void read_windows(struct smi_working_set_point *points,
			 const struct smudge_working_set *windows,
			 size_t nwindows, double max_pages)
{
	points[0] = (struct smi_working_set_point){0, 0};
	for (size_t i = 0; i < nwindows; i++) {
		double pages =
			larger((double)windows[i].pages, points[i].pages);

		points[i + 1].ns = (double)windows[i].window_ns;
		points[i + 1].pages = smaller(pages, max_pages);
	}
}

/* Pages per nanosecond in front of a point. */
static double slope(const struct smi_working_set_point *point)
{
	double ns = point->ns - point[-1].ns;

	/* Two windows may be the same number once they are double. */
	return ns > 0 ? (point->pages - point[-1].pages) / ns : 0;
}

/*
 * The slope of the curve at its end, where a piece of @ns has the slope @near,
 * and the piece beside it the slope @far: that of the parabola through both.
 */
static double slope_at_end(double ns, double near, double far_ns, double far)
{
	double at_end = ((2 * ns + far_ns) * near - ns * far) / (ns + far_ns);

	/* With more than three times as much a cubic would fall. */
	return smaller(larger(at_end, 0), 3 * near);
}

/*
 * The slope of the curve at a point that is neither the first nor the last:
 * that of the parabola through it and its neighbours, limited as above.
 */
static double slope_inside(const struct smi_working_set_point *point)
{
	double before_ns = point->ns - point[-1].ns;
	double behind_ns = point[1].ns - point->ns;
	double before = slope(point);
	double behind = slope(point + 1);
	double inside = (behind_ns * before + before_ns * behind) /
			(before_ns + behind_ns);

	return smaller(inside, 3 * smaller(before, behind));
}

/* The slope of the curve at point @i of @n; there are two at least. */
static double slope_at(const struct smi_working_set_point *points, size_t n,
		       size_t i)
{
	const struct smi_working_set_point *point = &points[i];

	if (n == 2)
		return slope(&points[1]);
	if (i == 0)
		return slope_at_end(point[1].ns - point->ns, slope(point + 1),
				    point[2].ns - point[1].ns,
				    slope(point + 2));
	if (i == n - 1)
		return slope_at_end(point->ns - point[-1].ns, slope(point),
				    point[-1].ns - point[-2].ns,
				    slope(point - 1));
	return slope_inside(point);
}

/* The cubic from @from to the point behind it, at @part of the way, 0 to 1. */
static double cubic(const struct smi_working_set_point *from, double slope_from,
		    double slope_to, double part)
{
	double ns = from[1].ns - from->ns;
	double rise = from[1].pages - from->pages;
	double rest = 1 - part;

	return from->pages + rise * part * part * (3 - 2 * part) +
	       ns * part * rest * (slope_from * rest - slope_to * part);
}

static void add_pieces(struct smi_working_set *set,
		       const struct smi_working_set_point *from,
		       double slope_from, double slope_to)
{
	for (int i = 1; i <= SMI_WORKING_SET_PIECES; i++) {
		struct smi_working_set_point *to = &set->points[set->npoints];
		double part = (double)i / SMI_WORKING_SET_PIECES;
		double pages = cubic(from, slope_from, slope_to, part);

		/* Rounding must not make it fall. */
		to->pages = smaller(larger(pages, to[-1].pages), from[1].pages);
		to->ns = from->ns + (from[1].ns - from->ns) * part;
		set->npoints++;
	}
}

int smi_working_set_init(struct smi_working_set *set,
			 const struct smudge_working_set *windows,
			 size_t nwindows, uint64_t max_pages,
			 struct smudge_error *err)
{
	struct smi_working_set_point points[SMUDGE_FORECAST_MAX_WINDOWS + 1];
	int ret = check_windows(windows, nwindows, err);

	if (ret < 0)
		return ret;
	set->max_pages = (double)max_pages;
	read_windows(points, windows, nwindows, set->max_pages);
	set->growth = slope(&points[nwindows]);
	set->points[0] = points[0];
	set->npoints = 1;
	for (size_t i = 0; i < nwindows; i++)
		add_pieces(set, &points[i], slope_at(points, nwindows + 1, i),
			   slope_at(points, nwindows + 1, i + 1));
	return 0;
}

/* Pages per nanosecond in front of point @i, or beyond the last one. */
static double growth_before(const struct smi_working_set *set, size_t i)
{
	return i < set->npoints ? slope(&set->points[i]) : set->growth;
}

/* The first point at or behind @ns, or how many there are. */
static size_t point_behind(const struct smi_working_set *set, double ns)
{
	size_t i = 1;

	while (i < set->npoints && set->points[i].ns < ns)
		i++;
	return i;
}

double smi_working_set_pages(const struct smi_working_set *set, double ns)
{
	size_t i = point_behind(set, ns);
	double growth = growth_before(set, i);
	double before = set->points[i - 1].pages;

	/* Infinite times 0 is no number. */
	if (growth > 0)
		before += growth * (ns - set->points[i - 1].ns);
	return smaller(before, set->max_pages);
}

double smi_working_set_window_ns(const struct smi_working_set *set,
				 double pages)
{
	size_t i = 1;
	double growth;

	if (pages <= 0)
		return 0;
	while (i < set->npoints && set->points[i].pages < pages)
		i++;
	growth = growth_before(set, i);
	if (growth <= 0 || pages > set->max_pages)
		return INFINITY;
	return set->points[i - 1].ns +
	       (pages - set->points[i - 1].pages) / growth;
}

/* The area below the curve from point @i - 1 to @ns, which is not before it. */
static double area(const struct smi_working_set *set, size_t i, double ns)
{
	double from_ns = set->points[i - 1].ns;
	double from = set->points[i - 1].pages;
	double to = smi_working_set_pages(set, ns);
	double full_ns = smi_working_set_window_ns(set, set->max_pages);

	/* It may be flat from a moment in between on. */
	if (i == set->npoints && full_ns < ns)
		return (from + to) / 2 * (full_ns - from_ns) +
		       to * (ns - full_ns);
	return (from + to) / 2 * (ns - from_ns);
}

/* The mean of the curve up to @ns. */
static double mean(const struct smi_working_set *set, double ns)
{
	size_t last = point_behind(set, ns);
	double sum = 0;

	if (ns <= 0)
		return 0;
	if (isinf(ns))
		return smi_working_set_pages(set, ns);
	for (size_t i = 1; i < last; i++)
		sum += area(set, i, set->points[i].ns);
	return (sum + area(set, last, ns)) / ns;
}

double smi_working_set_behind(const struct smi_working_set *set, double ns,
			      double take)
{
	double sum = 0;

	/* Many rectangles are the area, and half of the highest one. */
	if (take * MAX_RECTANGLES < 1)
		return mean(set, ns) +
		       smi_working_set_pages(set, ns) * take / 2;
	for (double taken = 0; taken < 1; taken += take)
		sum += smaller(take, 1 - taken) *
		       smi_working_set_pages(set, ns * (1 - taken));
	return sum;
}

double smi_working_set_after(const struct smi_working_set *set, double dirty,
			     double sent, double ns, double take)
{
	double written = smi_working_set_pages(set, ns);
	double window_ns = smi_working_set_window_ns(set, dirty);
	double both = smi_working_set_pages(set, window_ns + ns);
	/* A window without so many pages has all that are ever written. */
	double fresh = larger(both - smi_working_set_pages(set, window_ns), 0);
	double again = larger(written - fresh, 0);

	if (dirty <= 0 || written <= 0)
		return smaller(dirty - sent + written, set->max_pages);
	again *= sent / dirty * smi_working_set_behind(set, ns, take) / written;
	return smaller(dirty - sent + fresh + again, set->max_pages);
}
