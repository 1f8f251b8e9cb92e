/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/unix has a line for each socket: "address: references protocol
 * flags type state inode path", proc(5).
 */
#include "restore/listening.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTENS 0x10000 /* __SO_ACCEPTCON */

static bool is_listener(const char *line, const char *path)
{
	unsigned int flags;
	int end = 0;

	if (sscanf(line, "%*s %*x %*x %x %*x %*x %*u %n", &flags, &end) != 1 ||
	    !end || !(flags & LISTENS))
		return false;
	return strcmp(line + end, path) == 0;
}

bool listening_on(const char *path)
{
	FILE *file = fopen("/proc/net/unix", "re");
	bool is_found = false;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (!file)
		return false;
	while (!is_found && (length = getline(&line, &size, file)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		is_found = is_listener(line, path);
	}
	free(line);
	fclose(file);
	return is_found;
}
