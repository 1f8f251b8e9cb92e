/* SPDX-License-Identifier: MIT */
/*
 * The head, field by field: ELF64, the lowest byte first.
 *
 * From 65,535 program headers on their number does not fit in the ELF header:
 * it is in the only section header then (PN_XNUM).
 */
#include "core/layout.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/little_endian.h"
#include "common/range.h"

#define HEADER_BYTES	     64
#define PROGRAM_HEADER_BYTES 56
#define SECTION_HEADER_BYTES 64
#define PAGE_BYTES	     UINT64_C(4096)

struct places {
	uint64_t nheaders; /* program headers */
	bool has_section;  /* their number is in a section header */
	uint64_t section_off;
	uint64_t notes_off;
	uint64_t notes_bytes;
	uint64_t head_bytes; /* to the memory */
};

static struct places place(const struct core_layout *layout,
			   uint64_t notes_bytes)
{
	struct places places = {
		.nheaders = layout->nsegments + 1,
		.notes_bytes = notes_bytes,
	};

	places.has_section = places.nheaders >= PN_XNUM;
	places.section_off =
		HEADER_BYTES + places.nheaders * PROGRAM_HEADER_BYTES;
	places.notes_off = places.section_off +
			   (places.has_section ? SECTION_HEADER_BYTES : 0);
	places.head_bytes = places.notes_off +
			    max_u64(notes_bytes, layout->notes_room_bytes);
	places.head_bytes =
		(places.head_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	return places;
}

static void put_header(uint8_t *to, const struct places *places,
		       uint16_t machine)
{
	bool has_section = places->has_section;

	memcpy(to, ELFMAG, SELFMAG);
	to[EI_CLASS] = ELFCLASS64;
	to[EI_DATA] = ELFDATA2LSB;
	to[EI_VERSION] = EV_CURRENT;
	to[EI_OSABI] = ELFOSABI_NONE;
	little_endian_put(to + 16, ET_CORE, 2);
	little_endian_put(to + 18, machine, 2);
	little_endian_put(to + 20, EV_CURRENT, 4);
	little_endian_put(to + 32, HEADER_BYTES, 8);
	little_endian_put(to + 40, has_section ? places->section_off : 0, 8);
	little_endian_put(to + 52, HEADER_BYTES, 2);
	little_endian_put(to + 54, PROGRAM_HEADER_BYTES, 2);
	little_endian_put(to + 56, has_section ? PN_XNUM : places->nheaders, 2);
	little_endian_put(to + 58, has_section ? SECTION_HEADER_BYTES : 0, 2);
	little_endian_put(to + 60, has_section ? 1 : 0, 2);
}

static void put_notes_header(uint8_t *to, const struct places *places)
{
	little_endian_put(to, PT_NOTE, 4);
	little_endian_put(to + 8, places->notes_off, 8);
	little_endian_put(to + 32, places->notes_bytes, 8);
	little_endian_put(to + 48, 4, 8);
}

static void put_segment_header(uint8_t *to, const struct core_segment *segment,
			       uint64_t align_bytes)
{
	little_endian_put(to, PT_LOAD, 4);
	little_endian_put(to + 4, segment->flags, 4);
	little_endian_put(to + 8, segment->file_off, 8);
	little_endian_put(to + 16, segment->first_address, 8);
	little_endian_put(to + 24, segment->physical_address, 8);
	little_endian_put(to + 32, segment->content ? segment->nbytes : 0, 8);
	little_endian_put(to + 40, segment->nbytes, 8);
	little_endian_put(to + 48, align_bytes, 8);
}

static void put_section_header(uint8_t *to, const struct places *places)
{
	little_endian_put(to + 44, places->nheaders, 4);
}

/* Return: 0 or -EFBIG. */
static int place_segments(struct core_layout *layout, uint64_t file_off)
{
	for (size_t i = 0; i < layout->nsegments; i++) {
		struct core_segment *segment = &layout->segments[i];

		segment->file_off = file_off;
		if (!segment->content)
			continue;
		if (segment->nbytes > INT64_MAX - file_off)
			return -EFBIG;
		file_off += segment->nbytes;
	}
	layout->file_bytes = file_off;
	return 0;
}

int core_layout_head(struct core_layout *layout, uint16_t machine,
		     const void *notes, size_t notes_bytes)
{
	struct places places = place(layout, notes_bytes);
	int ret = place_segments(layout, places.head_bytes);
	uint8_t *to = ret ? NULL : calloc(1, places.head_bytes);

	if (!to)
		return ret ? ret : -ENOMEM;
	free(layout->head);
	layout->head = to;
	layout->head_bytes = places.head_bytes;
	put_header(to, &places, machine);
	put_notes_header(to + HEADER_BYTES, &places);
	for (size_t i = 0; i < layout->nsegments; i++)
		put_segment_header(to + HEADER_BYTES +
					   (i + 1) * PROGRAM_HEADER_BYTES,
				   &layout->segments[i], layout->align_bytes);
	if (places.has_section)
		put_section_header(to + places.section_off, &places);
	if (notes_bytes)
		memcpy(to + places.notes_off, notes, notes_bytes);
	return 0;
}

void core_layout_free(struct core_layout *layout)
{
	free(layout->segments);
	free(layout->head);
	*layout = (struct core_layout){0};
}
