/* SPDX-License-Identifier: MIT */
/*
 * Which mappings smudge rate takes for a guest's RAM where it reads them
 * itself: those that the library takes (tests/unit/process/select.c).
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ram_cases.h"
#include "rate/guest_ram.h"
#include "rate/maps.h"

static struct rate_ram_ranges ranges;
static struct rate_mappings mappings;

static void read_text(const char *from)
{
	char *text = strdup(from), *rest = text, *line;
	struct rate_mapping mapping;
	char name[256];

	while ((line = strsep(&rest, "\n"))) {
		if (!rate_maps_line(line, &mapping, name, sizeof(name)))
			continue;
		assert_int_equal(rate_mappings_add(&mappings, &mapping), 0);
		assert_int_equal(rate_guest_ram_add(&ranges, line, &mapping),
				 0);
	}
	free(text);
	rate_guest_ram_keep(&ranges, &mappings);
}

static void done(void)
{
	rate_guest_ram_free(&ranges);
	rate_mappings_free(&mappings);
}

/* How many bytes of a range the mappings have that are left. */
static uint64_t kept_bytes(uint64_t start, uint64_t end)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < mappings.n; i++) {
		const struct rate_mapping *m = &mappings.list[i];

		if (m->address >= start && m->address + m->size_bytes <= end)
			bytes += m->size_bytes;
	}
	return bytes;
}

static void as_the_library(void **state)
{
	for (size_t i = 0; i < sizeof(ram_cases) / sizeof(ram_cases[0]); i++) {
		const struct ram_case *c = &ram_cases[i];
		uint64_t bytes = 0;

		read_text(c->text);
		for (size_t r = 0; r < c->nranges; r++) {
			uint64_t start = c->ranges[r].start;
			uint64_t end = c->ranges[r].end;

			if (kept_bytes(start, end) != end - start)
				fail_msg("%s", c->what);
			bytes += end - start;
		}
		if (kept_bytes(0, UINT64_MAX) != bytes)
			fail_msg("more than %s", c->what);
		done();
	}
}

static void no_guest(void **state)
{
	read_text("10000-11000 rw-p 00000000 00:00 0 [heap]\n"
		  "100000000-100f00000 rw-p 00000000 " RAM_ANON
		  "200000000-200f00000 rw-s 00000000 " RAM_MEMFD
		  "300000000-310000000 rwxp 00000000 " RAM_ANON);
	assert_int_equal(mappings.n, 0);
	done();
}

/* What comes twice in the text is cut in front. */
static void cut_mappings(void **state)
{
	struct rate_mapping mapping = {.address = 0x100000000,
				       .size_bytes = 0x1000000};

	assert_int_equal(rate_guest_ram_add(&ranges,
					    "100000000-101000000 rw-s 00000000 "
					    "00:01 99 /memfd:ram",
					    &mapping),
			 0);
	assert_int_equal(rate_mappings_add(&mappings, &mapping), 0);
	mapping.address = 0x101000000;
	assert_int_equal(rate_guest_ram_add(&ranges,
					    "100000000-102000000 rw-s 00000000 "
					    "00:01 99 /memfd:ram",
					    &mapping),
			 0);
	assert_int_equal(rate_mappings_add(&mappings, &mapping), 0);
	assert_int_equal(ranges.n, 1);
	rate_guest_ram_keep(&ranges, &mappings);
	assert_int_equal(mappings.n, 2);
	assert_int_equal(rate_guest_ram_add(&ranges, "no line", &mapping),
			 -EIO);
	done();
}

TEST_MAIN(as_the_library, no_guest, cut_mappings)
