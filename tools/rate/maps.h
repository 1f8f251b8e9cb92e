/* SPDX-License-Identifier: MIT */
/*
 * The mappings of a process that may be written, from /proc/PID/maps.
 */
#ifndef TOOLS_RATE_MAPS_H
#define TOOLS_RATE_MAPS_H

#include <stdbool.h>

#include <sys/types.h>

#include "rate/mapping.h"

struct rate_select {
	const char *pattern; /* of fnmatch, for names; NULL: all */
	bool is_guest_ram;   /* only what looks like a guest's RAM */
	/* only what has a page in the range; 0, 0: all */
	uint64_t first_address, end_address;
};

/*
 * rate_maps_line - one line of the file
 * @line: without its newline
 * @name: receives the name as the kernel prints it, at most @size bytes
 *
 * Return: true, if memory of the process that may be written is mapped there.
 */
bool rate_maps_line(const char *line, struct rate_mapping *mapping, char *name,
		    size_t size);

/*
 * rate_maps_guest_ram - count what looks like a guest's RAM
 *
 * Return: how many mappings it is, or -errno.
 */
int rate_maps_guest_ram(pid_t pid);

/*
 * rate_maps_read - all that are selected, in ascending order
 * @mappings: receives them behind those that it has, no page of them written
 * Return: 0, -ENOENT (no such process), -EACCES, -ENOMEM or another -errno.
 */
int rate_maps_read(pid_t pid, const struct rate_select *select,
		   struct rate_mappings *mappings);

/*
 * rate_maps_rename - give mappings the names that the kernel prints now
 * @mappings: one that is not there any more, and all if the process is gone,
 *      keep their names
 */
void rate_maps_rename(pid_t pid, struct rate_mappings *mappings);

/* "[anon]" for no name, and no " (deleted)" behind it. */
void rate_maps_name(char name[RATE_NAME_BYTES], const char *from);

#endif
