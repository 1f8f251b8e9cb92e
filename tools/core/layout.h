/* SPDX-License-Identifier: MIT */
/*
 * Where what is in a core file, and its head: an ELF header, program headers,
 * and notes. The memory follows.
 *
 * Each part of a mapping is a segment. One that the layer does not have (a
 * program's code, for example) is in the file without content, and a debugger
 * reads it from the mapped file. In the core of a guest a segment is memory at
 * its physical address, which is both of the addresses of its header.
 */
#ifndef TOOLS_CORE_LAYOUT_H
#define TOOLS_CORE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "core/maps.h"

enum core_content {
	CORE_NOTHING = 0,
	CORE_REGION = 1,
	CORE_VDSO = 2,
};

struct core_segment {
	uint64_t first_address;
	uint64_t nbytes;
	uint64_t physical_address; /* of a guest's memory; otherwise 0 */
	uint32_t flags;		   /* PF_R, PF_W, PF_X */
	enum core_content content;
	size_t region;	     /* of CORE_REGION: its id */
	uint64_t region_off; /* of its first byte in that */
	uint64_t file_off;   /* of its content */
};

/* Memory that there is: bytes of something that the caller knows by an id. */
struct core_region {
	uint64_t first_address;
	uint64_t nbytes;
	size_t id;
	uint64_t off; /* of the first byte */
};

struct core_layout {
	struct core_segment *segments; /* owned */
	size_t nsegments;
	size_t notes_room_bytes; /* of notes; more, if they are longer */
	uint64_t align_bytes;	 /* of segments, as their headers say */
	uint8_t *head;		 /* owned; the file's first bytes */
	size_t head_bytes;
	uint64_t file_bytes;
};

/*
 * core_segments - divide mappings where memory that there is begins or ends
 * @regions: in ascending order, without overlaps
 * @vdso_bytes: 0: there is none
 * @layout: receives segments; freed by core_layout_free, also after a failure
 *
 * Return: 0 or -ENOMEM.
 */
int core_segments(const struct core_maps *maps,
		  const struct core_region *regions, size_t nregions,
		  uint64_t vdso_bytes, struct core_layout *layout);

/*
 * core_layout_head - choose places for the segments, and make the head
 * @machine: EM_...
 * @notes: copied; NULL if there are none
 *
 * May be called again, with other notes: with room for them, the segments stay
 * where they are.
 * Return: 0, -ENOMEM, or -EFBIG (a file cannot be that large).
 */
int core_layout_head(struct core_layout *layout, uint16_t machine,
		     const void *notes, size_t notes_bytes);

void core_layout_free(struct core_layout *layout);

#endif
