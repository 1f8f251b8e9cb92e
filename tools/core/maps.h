/* SPDX-License-Identifier: MIT */
/*
 * The mappings of a process, from the text of its /proc/PID/maps. The text is
 * not trusted.
 */
#ifndef TOOLS_CORE_MAPS_H
#define TOOLS_CORE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smudge_error;

struct core_map {
	uint64_t first_address;
	uint64_t end_address; /* exclusive */
	bool is_readable, is_writable, is_executable, is_shared;
	uint64_t file_off;
	uint64_t inode;	  /* 0: no file */
	const char *name; /* without the kernel's escapes; may be "" */
};

struct core_maps {
	struct core_map *list; /* in ascending order, without overlaps */
	size_t n;
	char *text; /* the names are in it */
};

/*
 * core_maps_parse - the mappings of a text
 * @text: @length bytes, copied
 * @ret_maps: freed by core_maps_free; written only on success
 *
 * Return: 0, -EBADMSG (not such a text), -ENOMEM, with one sentence.
 */
int core_maps_parse(const void *text, size_t length, struct core_maps *ret_maps,
		    struct smudge_error *err);
void core_maps_free(struct core_maps *maps);

/* A mapping of a regular file, which a debugger opens by its name. */
bool core_map_has_file(const struct core_map *map);

#endif
