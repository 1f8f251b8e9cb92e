/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat, read.
 */
#include "common/process_memory.h"

#include <stdio.h>
#include <string.h>

#define PF_KTHREAD 0x200000 /* of the kernel's task flags */

/* The program's name is in brackets, and may have any in itself. */
static const char *judge(const char *stat)
{
	const char *end = strrchr(stat, ')');
	unsigned int flags;
	char state;

	if (!end ||
	    sscanf(end, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return NULL;
	if (flags & PF_KTHREAD)
		return "is a kernel thread, which has no memory of its own";
	if (state == 'Z')
		return "has ended its first thread: /proc does not show the "
		       "memory of the others";
	return NULL;
}

const char *process_memory_missing(pid_t pid)
{
	char path[64], stat[1024];
	size_t n;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	in = fopen(path, "re");
	if (!in)
		return NULL;
	n = fread(stat, 1, sizeof(stat) - 1, in);
	fclose(in);
	stat[n] = '\0';
	return judge(stat);
}
