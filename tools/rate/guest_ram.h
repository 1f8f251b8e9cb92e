/* SPDX-License-Identifier: MIT */
/*
 * Which mappings are a guest's RAM, by what they look like: the rule of
 * SMUDGE_PROCESS_GUEST_RAM (smudge/process.h), for methods that read the
 * mappings themselves. A process that has none of 16 MiB has no guest.
 */
#ifndef TOOLS_RATE_GUEST_RAM_H
#define TOOLS_RATE_GUEST_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rate/mapping.h"

/* Neighbouring mappings of one object. */
struct rate_ram_range {
	uint64_t start; /* addresses, end exclusive */
	uint64_t end;
	/* from its first mapping of 16 MiB to the last; 0, 0: it has none */
	uint64_t large_start;
	uint64_t large_end;
	uint64_t file_off; /* of what would continue it */
	uint64_t inode;
	unsigned int dev_major, dev_minor;
	bool is_shared;
	bool is_executable;
	bool has_file; /* shared anonymous memory is one */
	char name[RATE_NAME_BYTES];
};

/* Owned; all zero is an empty one. Ascending. */
struct rate_ram_ranges {
	struct rate_ram_range *list;
	size_t n;
	size_t room;
};

/*
 * rate_guest_ram_add - one mapping behind the others
 * @line: of /proc/PID/maps, which is about @mapping (it may be cut in front)
 *
 * Return: 0, -ENOMEM, or -EIO (no such line).
 */
int rate_guest_ram_add(struct rate_ram_ranges *ranges, const char *line,
		       const struct rate_mapping *mapping);

/* All were added: of @mappings only what is RAM stays. */
void rate_guest_ram_keep(struct rate_ram_ranges *ranges,
			 struct rate_mappings *mappings);

void rate_guest_ram_free(struct rate_ram_ranges *ranges);

#endif
