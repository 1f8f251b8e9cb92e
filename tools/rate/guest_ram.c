/* SPDX-License-Identifier: MIT */
/*
 * Ranges of neighbours, of which the largest are RAM.
 */
#include "rate/guest_ram.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "common/text.h"
#include "rate/resident.h"

#define MIN_BYTES (UINT64_C(16) << 20)

/* The range begins at the line's first address, or behind it. */
static bool parse(const char *line, struct rate_ram_range *range)
{
	uint64_t first;
	char rights[5];

	if (sscanf(line, "%" SCNx64 "-%*s %4s %" SCNx64 " %x:%x %" SCNu64,
		   &first, rights, &range->file_off, &range->dev_major,
		   &range->dev_minor, &range->inode) != 6)
		return false;
	range->file_off += range->start - first;
	range->is_executable = rights[2] == 'x';
	range->is_shared = rights[3] == 's';
	range->has_file = range->inode || range->dev_major || range->dev_minor;
	return true;
}

/* An emulator's translated code may lie beside its guest's memory. */
static bool continues(const struct rate_ram_range *last,
		      const struct rate_ram_range *next)
{
	if (last->end != next->start || last->is_shared != next->is_shared ||
	    last->has_file != next->has_file)
		return false;
	if (!next->has_file)
		return last->is_executable == next->is_executable &&
		       strcmp(last->name, next->name) == 0;
	return last->inode == next->inode &&
	       last->dev_major == next->dev_major &&
	       last->dev_minor == next->dev_minor &&
	       last->file_off == next->file_off;
}

static int put(struct rate_ram_ranges *ranges,
	       const struct rate_ram_range *range)
{
	size_t room = ranges->room ? 2 * ranges->room : 64;
	struct rate_ram_range *list;

	if (ranges->n == ranges->room) {
		list = realloc(ranges->list, room * sizeof(*list));
		if (!list)
			return -ENOMEM;
		ranges->list = list;
		ranges->room = room;
	}
	ranges->list[ranges->n++] = *range;
	return 0;
}

static void note_large(struct rate_ram_range *range, uint64_t start,
		       uint64_t end)
{
	if (end - start < MIN_BYTES)
		return;
	if (!range->large_end)
		range->large_start = start;
	range->large_end = end;
}

int rate_guest_ram_add(struct rate_ram_ranges *ranges, const char *line,
		       const struct rate_mapping *mapping)
{
	struct rate_ram_range *last =
		ranges->n ? &ranges->list[ranges->n - 1] : NULL;
	struct rate_ram_range next = {
		.start = mapping->address,
		.end = mapping->address + mapping->size_bytes,
	};

	if (!parse(line, &next))
		return -EIO;
	memcpy(next.name, mapping->name, sizeof(next.name));
	if (last && continues(last, &next)) {
		last->end = next.end;
		last->file_off = next.file_off + mapping->size_bytes;
		note_large(last, next.start, next.end);
		return 0;
	}
	next.file_off += mapping->size_bytes;
	note_large(&next, next.start, next.end);
	return put(ranges, &next);
}

/*
 * Beside anonymous RAM there may be what is not: the kernel puts a thread's
 * stack or malloc's memory right before it.
 */
static void cut(struct rate_ram_range *range)
{
	if (range->has_file || !range->large_end)
		return;
	range->start = range->large_start;
	range->end = range->large_end;
}

static uint64_t bytes_of(const struct rate_ram_range *range)
{
	return range->end - range->start;
}

static bool is_file(const struct rate_ram_range *range)
{
	static const char *const names[] = {
		"/memfd:", "/dev/shm/", "/dev/hugepages/", "/anon_hugepage"};

	return range->has_file && bytes_of(range) >= MIN_BYTES &&
	       (range->is_shared ||
		text_begins_with_any(range->name, names,
				     sizeof(names) / sizeof(names[0])));
}

static bool is_anonymous(const struct rate_ram_range *range)
{
	return !range->has_file && !range->is_executable &&
	       bytes_of(range) >= MIN_BYTES &&
	       bytes_of(range) <= RATE_RESIDENT_MAX_BYTES;
}

/* The largest anonymous ones are RAM if no file is larger. */
static uint64_t anonymous_bytes(const struct rate_ram_ranges *ranges)
{
	uint64_t largest = 0;
	uint64_t of_files = 0;

	for (size_t i = 0; i < ranges->n; i++) {
		const struct rate_ram_range *range = &ranges->list[i];

		if (is_file(range))
			of_files = max_u64(of_files, bytes_of(range));
		else if (is_anonymous(range))
			largest = max_u64(largest, bytes_of(range));
	}
	return largest >= of_files ? largest : UINT64_MAX;
}

static void choose(struct rate_ram_ranges *ranges)
{
	uint64_t bytes;
	size_t n = 0;

	for (size_t i = 0; i < ranges->n; i++)
		cut(&ranges->list[i]);
	bytes = anonymous_bytes(ranges);
	for (size_t i = 0; i < ranges->n; i++) {
		const struct rate_ram_range *range = &ranges->list[i];

		if (is_file(range) ||
		    (is_anonymous(range) && bytes_of(range) == bytes))
			ranges->list[n++] = *range;
	}
	ranges->n = n;
}

static bool is_in(const struct rate_ram_ranges *ranges,
		  const struct rate_mapping *mapping)
{
	for (size_t i = 0; i < ranges->n; i++) {
		if (mapping->address >= ranges->list[i].start &&
		    mapping->address < ranges->list[i].end)
			return true;
	}
	return false;
}

void rate_guest_ram_keep(struct rate_ram_ranges *ranges,
			 struct rate_mappings *mappings)
{
	size_t n = 0;

	choose(ranges);
	for (size_t i = 0; i < mappings->n; i++) {
		struct rate_mapping one = mappings->list[i];

		if (is_in(ranges, &one))
			mappings->list[n++] = one;
	}
	mappings->n = n;
}

void rate_guest_ram_free(struct rate_ram_ranges *ranges)
{
	free(ranges->list);
	*ranges = (struct rate_ram_ranges){0};
}
