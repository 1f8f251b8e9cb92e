/* SPDX-License-Identifier: MIT */
/*
 * A line is: first-end perms offset device inode   name.
 */
#include "qemu/mappings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_line(const char *line, struct qemu_mapping *ret)
{
	char perms[8];
	int name_at = 0;

	memset(ret, 0, sizeof(*ret));
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %" SCNu64 " %n",
		   &ret->first_address, &ret->end_address, perms, &ret->inode,
		   &name_at) < 4 ||
	    !name_at || perms[1] != 'w')
		return false;
	ret->is_shared = perms[3] == 's';
	snprintf(ret->name, sizeof(ret->name), "%.*s",
		 (int)strcspn(line + name_at, "\n"), line + name_at);
	return true;
}

/* Return: false: out of memory. */
static bool add(struct qemu_mappings *mappings, const struct qemu_mapping *next)
{
	struct qemu_mapping *last =
		mappings->n ? &mappings->mappings[mappings->n - 1] : NULL;
	struct qemu_mapping *grown;

	if (last && next->inode && last->inode == next->inode &&
	    last->is_shared == next->is_shared &&
	    last->end_address == next->first_address &&
	    strcmp(last->name, next->name) == 0) {
		last->end_address = next->end_address;
		return true;
	}
	grown = realloc(mappings->mappings, (mappings->n + 1) * sizeof(*grown));
	if (!grown)
		return false;
	mappings->mappings = grown;
	grown[mappings->n++] = *next;
	return true;
}

int qemu_mappings_read(pid_t pid, struct qemu_mappings *ret_mappings)
{
	struct qemu_mappings mappings = {0};
	char path[64];
	char *line = NULL;
	size_t size = 0;
	FILE *file;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (!ret && getline(&line, &size, file) > 0) {
		struct qemu_mapping next;

		if (read_line(line, &next) && !add(&mappings, &next))
			ret = -ENOMEM;
	}
	free(line);
	fclose(file);
	if (ret)
		free(mappings.mappings);
	else
		*ret_mappings = mappings;
	return ret;
}
