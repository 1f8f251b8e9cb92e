/* SPDX-License-Identifier: MIT */
/*
 * The cells of a drawn heat map are those of one number per page and interval.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rate/band.h"
#include "rate/svg.h"

#define PAGE	  4096
#define INTERVALS 12
#define NMAPPINGS 3

/* Where the mappings are, and how many pages each has. */
static const struct {
	uint64_t address, npages;
	const char *name;
} places[NMAPPINGS] = {
	{UINT64_C(0x400000), 1, "one page"},
	{UINT64_C(0x7f0000000000), 500, "<big & \"bad\">"},
	{UINT64_C(0x7f00001f4000), 60, "neighbour"},
};

/* Was the page written in the interval? */
static unsigned char written[INTERVALS][NMAPPINGS][500];

static void write_pages(struct test_rng *rng, struct rate_heat *heat,
			struct rate_mapping *mapping, int interval, int place)
{
	uint64_t npages = places[place].npages;
	/* as many as chance will have it, none in some intervals */
	uint64_t n = test_rng_below(rng, 3) * test_rng_below(rng, npages + 1);

	for (uint64_t i = 0; i < n; i++)
		written[interval][place][test_rng_below(rng, npages)] = 1;
	if (interval == INTERVALS - 1)
		written[interval][place][0] = 1; /* each is a band */
	for (uint64_t page = 0; page < npages; page++) {
		if (!written[interval][place][page])
			continue;
		rate_heat_add(heat, places[place].address + page * PAGE, 1, 1);
		mapping->pages++;
	}
}

static void fill(struct test_rng *rng, struct rate_process *process,
		 struct rate_heat *heat)
{
	process->pid = 42;
	rate_name_copy(process->name, "<name>");
	for (int place = 0; place < NMAPPINGS; place++) {
		struct rate_mapping mapping = {
			.address = places[place].address,
			.size_bytes = places[place].npages * PAGE};

		rate_name_copy(mapping.name, places[place].name);
		assert_int_equal(
			rate_mappings_add(&process->mappings, &mapping), 0);
	}
	for (int interval = 0; interval < INTERVALS; interval++) {
		for (int place = 0; place < NMAPPINGS; place++)
			write_pages(rng, heat, &process->mappings.list[place],
				    interval, place);
		rate_heat_end_interval(heat, interval, interval + 1);
	}
}

struct rect {
	unsigned int class;
	double x, y, width, height;
};

/* All rects of the classes, in the order in which they are drawn. */
static size_t read_rects(const char *text, struct rect *rects, size_t max)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, "<rect class=")); at++) {
		assert_true(n < max);
		assert_int_equal(sscanf(at,
					"<rect class=\"c%u\" x=\"%lf\" "
					"y=\"%lf\" width=\"%lf\" "
					"height=\"%lf\"",
					&rects[n].class, &rects[n].x,
					&rects[n].y, &rects[n].width,
					&rects[n].height),
				 5);
		n++;
	}
	return n;
}

/* The class that is drawn last at a point. */
static unsigned int class_at(const struct rect *rects, size_t n, double x,
			     double y)
{
	unsigned int class = 0;

	for (size_t i = 0; i < n; i++) {
		if (x >= rects[i].x && x < rects[i].x + rects[i].width &&
		    y >= rects[i].y && y < rects[i].y + rects[i].height)
			class = rects[i].class;
	}
	return class;
}

static unsigned int expected_class(const struct rate_band *band, int place,
				   unsigned int row, int interval)
{
	uint64_t begin = places[place].address;
	uint64_t first = (rate_band_address(band, row) - begin) / PAGE;
	uint64_t end = (rate_band_address(band, row + 1) - begin) / PAGE;
	double n = 0;

	for (uint64_t page = first; page < end; page++)
		n += written[interval][place][page];
	assert_true(end > first);
	return rate_svg_class(n / (double)(end - first));
}

/* @frames: the bands' backgrounds, behind those of the legend. */
static void check_cells(const struct rate_process *process,
			const struct rect *rects, size_t n)
{
	struct rate_band bands[RATE_MAX_BANDS];
	const struct rect *frame = rects + RATE_SVG_CLASSES;

	assert_int_equal(rate_bands(&process->mappings, bands), NMAPPINGS);
	for (int place = 0; place < NMAPPINGS; place++) {
		double row_height;

		while (frame->class != 0)
			frame++;
		row_height = frame->height / bands[place].nrows;
		for (unsigned int row = 0; row < bands[place].nrows; row++) {
			double y = frame->y + (row + 0.5) * row_height;

			for (int i = 0; i < INTERVALS; i++) {
				double x = frame->x +
					   frame->width * (i + 0.5) / INTERVALS;

				assert_int_equal(class_at(rects, n, x, y),
						 expected_class(&bands[place],
								place, row, i));
			}
		}
		frame++;
	}
}

static void cells_are_right(void **state)
{
	struct test_rng rng = test_rng_start("rate svg");
	struct rate_process process = {0};
	struct rate_heat *heat = rate_heat_create();
	const struct rate_picture picture = {&process, heat};
	static struct rect rects[10000];
	char *text = NULL;
	size_t len = 0;

	assert_non_null(heat);
	fill(&rng, &process, heat);
	assert_int_equal(rate_svg(&picture, 1, &text, &len), 0);
	assert_int_equal(len, strlen(text));
	check_cells(&process, rects, read_rects(text, rects, 10000));
	/* names are escaped */
	assert_non_null(strstr(text, "&#60;big &#38; &#34;bad&#34;&#62;"));
	assert_non_null(strstr(text, "&#60;name&#62; (42)"));
	assert_null(strstr(text, "<big"));
	free(text);
	rate_heat_destroy(heat);
	rate_mappings_free(&process.mappings);
}

static void gaps_are_folded(void **state)
{
	struct rate_mappings mappings = {0};
	struct rate_band bands[RATE_MAX_BANDS];
	struct rate_mapping mapping = {.size_bytes = 16 * PAGE, .pages = 1};

	for (int i = 0; i < 4; i++) {
		mapping.address = (uint64_t)(i + 1) << 32;
		mapping.pages = i == 1 ? 0 : i + 1;
		assert_int_equal(rate_mappings_add(&mappings, &mapping), 0);
	}
	assert_int_equal(rate_bands(&mappings, bands), 3);
	assert_int_equal(bands[0].folded_bytes, UINT64_C(1) << 32);
	assert_int_equal(bands[0].folded_mappings, 0);
	assert_int_equal(bands[1].folded_bytes,
			 (UINT64_C(2) << 32) - 16 * PAGE);
	assert_int_equal(bands[1].folded_mappings, 1);
	assert_int_equal(bands[2].folded_mappings, 0);
	rate_mappings_free(&mappings);
}

/* The hottest ones are shown, in the order of their addresses. */
static void bands_are_limited(void **state)
{
	struct rate_mappings mappings = {0};
	struct rate_band bands[RATE_MAX_BANDS];
	struct rate_mapping mapping = {.size_bytes = 4 * PAGE};

	for (int i = 0; i < 3 * RATE_MAX_BANDS; i++) {
		mapping.address = (uint64_t)(i + 1) << 20;
		mapping.pages = i % 3 == 1 ? 100 : 1;
		assert_int_equal(rate_mappings_add(&mappings, &mapping), 0);
	}
	assert_int_equal(rate_bands(&mappings, bands), RATE_MAX_BANDS);
	for (int i = 0; i < RATE_MAX_BANDS; i++) {
		assert_ptr_equal(bands[i].mapping, &mappings.list[3 * i + 1]);
		assert_int_equal(rate_band_address(&bands[i], bands[i].nrows),
				 bands[i].mapping->address + 4 * PAGE);
	}
	rate_mappings_free(&mappings);
}

/* At the right of a band, 1040 - 758 are left for characters of 6.6. */
static void labels_end_within_the_picture(void **state)
{
	static const char long_name[] =
		"/usr/lib/x86_64-linux-gnu/WWWWWWWWWWWWWWWWWW/libpython3.so.1";
	struct rate_process process = {.pid = 1};
	struct rate_heat *heat = rate_heat_create();
	const struct rate_picture picture = {&process, heat};
	struct rate_mapping mapping = {
		.address = 0x1000, .size_bytes = 1023 << 20, .pages = 1};
	char *text = NULL;
	const char *label;
	size_t len;

	assert_non_null(heat);
	strcpy(mapping.name, long_name);
	assert_int_equal(rate_mappings_add(&process.mappings, &mapping), 0);
	rate_heat_add(heat, 0x1000, 1, 1);
	rate_heat_end_interval(heat, 0, 1);
	assert_int_equal(rate_svg(&picture, 1, &text, &len), 0);
	label = strstr(text, ">.../libpython3.so.1 ");
	assert_non_null(label);
	assert_non_null(strstr(label, ">1023 MiB</tspan>"));
	/* the whole name, where the mouse points at it */
	assert_non_null(strstr(label, long_name));
	free(text);
	rate_heat_destroy(heat);
	rate_mappings_free(&process.mappings);
}

static void nothing_was_written(void **state)
{
	struct rate_process process = {.pid = 1};
	struct rate_heat *heat = rate_heat_create();
	const struct rate_picture picture = {&process, heat};
	char *text = NULL;
	size_t len;

	assert_non_null(heat);
	assert_int_equal(rate_svg(&picture, 1, &text, &len), 0);
	assert_non_null(strstr(text, "Nothing was written."));
	assert_null(strstr(text, "nan"));
	free(text);
	rate_heat_destroy(heat);
}

TEST_MAIN(cells_are_right, gaps_are_folded, bands_are_limited,
	  labels_end_within_the_picture, nothing_was_written)
