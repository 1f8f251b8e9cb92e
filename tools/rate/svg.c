/* SPDX-License-Identifier: MIT */
/*
 * Heat maps as SVG.
 */
#include "rate/svg.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rate/band.h"
#include "rate/buffer.h"
#include "text.h"

#define WIDTH	    1040
#define LEFT	    130
#define PLOT	    620
#define RIGHT	    (LEFT + PLOT)
#define ROW	    8
#define FOLD	    14
#define TITLE	    68
#define AXIS	    40
#define LEGEND	    44
#define MARGIN	    16
#define LABEL_WIDTH 38 /* of a name and a size, characters of 6.6 */
#define TITLE_WIDTH 60 /* of a process's name, characters */

static const char style[] =
	"<style>text{font:12px sans-serif;fill:#222}"
	".t{font-size:15px;font-weight:bold}.a{font:11px monospace}"
	".s{fill:#666}.e{text-anchor:end}.m{text-anchor:middle}"
	"rect{shape-rendering:crispEdges}.c0{fill:#eef0f2}.c1{fill:#fde9a9}"
	".c2{fill:#fdbd63}.c3{fill:#f4843d}.c4{fill:#d6402f}"
	".c5{fill:#860f2f}path{stroke:#999;fill:none}</style>\n";

static const char *const class_names[RATE_SVG_CLASSES] = {
	"none", "below 1 %", "from 1 %", "from 5 %", "from 20 %", "from 50 %"};

/* Where a map is drawn, and what it is of. */
struct plot {
	FILE *out;
	const struct rate_heat *heat;
	double y;
	double first_s, last_s;
};

unsigned int rate_svg_class(double share)
{
	static const double from[] = {0.01, 0.05, 0.2, 0.5};
	unsigned int class = 1;

	if (share <= 0)
		return 0;
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		class += share >= from[i];
	return class;
}

/* Names are valid UTF-8 without control characters. */
static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
	}
}

static double x_at(const struct plot *plot, double seconds)
{
	return LEFT + PLOT * (seconds - plot->first_s) /
			      (plot->last_s - plot->first_s);
}

static void put_cells(const struct plot *plot, unsigned int class, size_t first,
		      size_t end, double height)
{
	double x = x_at(plot, plot->heat->columns[first].began_s);
	double until = x_at(plot, plot->heat->columns[end - 1].finished_s);

	if (class)
		fprintf(plot->out,
			"<rect class=\"c%u\" x=\"%.2f\" y=\"%.2f\" "
			"width=\"%.2f\" height=\"%.2f\"/>\n",
			class, x, plot->y, until - x, height);
}

/* One row: cells of the same class beside each other are one rectangle. */
static void put_row(const struct plot *plot, const struct rate_band *band,
		    unsigned int row, double height)
{
	uint64_t address = rate_band_address(band, row);
	uint64_t end_address = rate_band_address(band, row + 1);
	unsigned int class = 0;
	size_t first = 0;

	for (size_t column = 0; column < plot->heat->ncolumns; column++) {
		unsigned int next = rate_svg_class(rate_heat_share(
			plot->heat, column, address, end_address));

		if (column && next != class) {
			put_cells(plot, class, first, column, height);
			first = column;
		}
		class = next;
	}
	put_cells(plot, class, first, plot->heat->ncolumns, height);
}

static double band_height(const struct rate_band *band)
{
	return ROW * fmax(band->nrows, 2);
}

/* The address at its left, name and size at its right. */
static void put_labels(const struct plot *plot, const struct rate_band *band)
{
	char name[RATE_NAME_BYTES];
	char size[TEXT_BYTES];
	char pages[TEXT_BYTES];

	text_bytes(size, (double)band->mapping->size_bytes);
	rate_name_tail(name, band->mapping->name,
		       LABEL_WIDTH - strlen(size) - 1);
	text_count(pages, band->mapping->pages, 12);
	fprintf(plot->out,
		"<text class=\"a e\" x=\"%d\" y=\"%.1f\">%" PRIx64 "</text>\n"
		"<text class=\"a\" x=\"%d\" y=\"%.1f\">",
		LEFT - 8, plot->y + 11, band->mapping->address, RIGHT + 8,
		plot->y + 11);
	put_escaped(plot->out, name);
	fprintf(plot->out, " <tspan class=\"s\">%s</tspan><title>", size);
	put_escaped(plot->out, band->mapping->name);
	fprintf(plot->out, ": %s pages written</title></text>\n", pages);
}

static void put_band(struct plot *plot, const struct rate_band *band)
{
	double height = band_height(band);
	double row_height = height / band->nrows;

	fprintf(plot->out,
		"<rect class=\"c0\" x=\"%d\" y=\"%.2f\" width=\"%d\" "
		"height=\"%.2f\"/>\n",
		LEFT, plot->y, PLOT, height);
	put_labels(plot, band);
	for (unsigned int row = 0; row < band->nrows; row++) {
		put_row(plot, band, row, row_height);
		plot->y += row_height;
	}
	plot->y += 1; /* neighbours are told apart */
}

/* A broken line, and how much is not shown there. */
static void put_fold(struct plot *plot, const struct rate_band *band)
{
	char size[TEXT_BYTES];
	double y = plot->y + FOLD / 2.0;

	if (!band->folded_bytes)
		return;
	text_bytes(size, (double)band->folded_bytes);
	fprintf(plot->out,
		"<path stroke-dasharray=\"2 4\" d=\"M%d %.1fH%d\"/>"
		"<text class=\"a s e\" x=\"%d\" y=\"%.1f\">%s</text>\n",
		LEFT, y, RIGHT, LEFT - 8, y + 4, size);
	if (band->folded_mappings)
		fprintf(plot->out,
			"<text class=\"s\" x=\"%d\" y=\"%.1f\">(%zu mapping%s "
			"not shown)</text>\n",
			RIGHT + 8, y + 4, band->folded_mappings,
			band->folded_mappings == 1 ? "" : "s");
	plot->y += FOLD;
}

/* A step that gives at most ten labels. */
static double step_of(double seconds)
{
	static const double steps[] = {0.1, 0.2, 0.5, 1,   2,	5,   10,
				       15,  30,	 60,  120, 300, 600, 1800};
	size_t i = 0;

	while (i + 1 < sizeof(steps) / sizeof(steps[0]) &&
	       seconds / steps[i] > 10)
		i++;
	return seconds / steps[i] > 10 ? ceil(seconds / 36000) * 3600
				       : steps[i];
}

static void put_time_axis(struct plot *plot)
{
	double step = step_of(plot->last_s - plot->first_s);

	for (double s = ceil(plot->first_s / step - 1e-6) * step;
	     s <= plot->last_s + step * 1e-6; s += step) {
		double x = x_at(plot, fmin(s, plot->last_s));

		fprintf(plot->out,
			"<path d=\"M%.1f %.1fv5\"/><text class=\"m\" "
			"x=\"%.1f\" y=\"%.1f\">%g s</text>\n",
			x, plot->y + 2, x, plot->y + 20,
			fabs(round(s * 10) / 10));
	}
	plot->y += AXIS;
}

static void put_title(struct plot *plot, const struct rate_process *process)
{
	char pages[TEXT_BYTES];
	char name[RATE_NAME_BYTES];

	rate_name_tail(name, process->name, TITLE_WIDTH);
	text_count(pages, rate_pages_ps(&process->measure), 15);
	fprintf(plot->out, "<text class=\"t\" x=\"%d\" y=\"%.1f\">", MARGIN,
		plot->y + 20);
	put_escaped(plot->out, name);
	fprintf(plot->out,
		" (%d): pages written, by address and time</text>\n"
		"<text x=\"%d\" y=\"%.1f\">%s pages/s, %.1f MB/s on "
		"average</text>\n<text class=\"s\" x=\"%d\" y=\"%.1f\">method "
		"%s, %s; a column is %u interval%s</text>\n",
		(int)process->pid, MARGIN, plot->y + 38, pages,
		rate_pages_ps(&process->measure) * RATE_PAGE_BYTES / 1e6,
		MARGIN, plot->y + 54, rate_method_name(process->method),
		rate_method_error(process->method),
		plot->heat->column_intervals,
		plot->heat->column_intervals == 1 ? "" : "s");
	plot->y += TITLE;
}

static void put_legend(FILE *out, double y)
{
	fprintf(out,
		"<text x=\"%d\" y=\"%.1f\">Share of the pages of a cell that "
		"were written in an interval:</text>\n",
		MARGIN, y + 12);
	for (unsigned int i = 0; i < RATE_SVG_CLASSES; i++)
		fprintf(out,
			"<g><rect class=\"c%u\" x=\"%u\" y=\"%.1f\" "
			"width=\"18\" height=\"12\"/><text x=\"%u\" "
			"y=\"%.1f\">%s</text></g>\n",
			i, MARGIN + i * 112, y + 20, MARGIN + 24 + i * 112,
			y + 30, class_names[i]);
}

/* A map's bands, found before anything is drawn. */
struct map {
	const struct rate_picture *picture;
	struct rate_band bands[RATE_MAX_BANDS];
	int nbands;
};

static double height_of(const struct map *map)
{
	double height = TITLE + AXIS + (map->nbands ? 0 : ROW);

	for (int i = 0; i < map->nbands; i++)
		height += band_height(&map->bands[i]) + 1 +
			  (map->bands[i].folded_bytes ? FOLD : 0);
	return height;
}

static void put_map(struct plot *plot, const struct map *map)
{
	const struct rate_heat *heat = map->picture->heat;
	size_t n = heat->ncolumns;

	plot->heat = heat;
	plot->first_s = n ? heat->columns[0].began_s : 0;
	plot->last_s = n ? heat->columns[n - 1].finished_s : 1;
	put_title(plot, map->picture->process);
	for (int i = 0; i < map->nbands; i++) {
		put_fold(plot, &map->bands[i]);
		put_band(plot, &map->bands[i]);
	}
	if (!map->nbands) {
		fprintf(plot->out,
			"<text x=\"%d\" y=\"%.1f\">Nothing was written."
			"</text>\n",
			LEFT, plot->y);
		plot->y += ROW;
	}
	put_time_axis(plot);
}

static void put_all(FILE *out, const struct map *maps, size_t n)
{
	struct plot plot = {.out = out, .y = MARGIN + LEGEND};
	double height = LEGEND + 2 * MARGIN;

	for (size_t i = 0; i < n; i++)
		height += height_of(&maps[i]);
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%.0f\" viewBox=\"0 0 %d %.0f\">\n%s"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		WIDTH, height, WIDTH, height, style);
	put_legend(out, MARGIN);
	for (size_t i = 0; i < n; i++)
		put_map(&plot, &maps[i]);
	fputs("</svg>\n", out);
}

/* Return: 0 or -ENOMEM. */
static int prepare(struct map *map, const struct rate_picture *picture)
{
	map->picture = picture;
	if (picture->heat->ncolumns)
		map->nbands =
			rate_bands(&picture->process->mappings, map->bands);
	return map->nbands < 0 ? map->nbands : 0;
}

int rate_svg(const struct rate_picture *pictures, size_t n, char **ret_text,
	     size_t *ret_len)
{
	struct map *maps = calloc(n + 1, sizeof(*maps));
	struct rate_buffer buffer;
	int ret = maps ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !ret; i++)
		ret = prepare(&maps[i], &pictures[i]);
	if (!ret)
		ret = rate_buffer_open(&buffer);
	if (!ret) {
		put_all(buffer.out, maps, n);
		ret = rate_buffer_close(&buffer, 0, ret_text, ret_len);
	}
	free(maps);
	return ret;
}
