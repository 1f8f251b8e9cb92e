/* SPDX-License-Identifier: MIT */
/*
 * The lines of /proc/PID/maps.
 */
#include "process/vmas.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "process/proc.h"

static bool parse(const char *line, struct smi_vma *vma)
{
	int length = 0;

	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64
		   "%n",
		   &vma->start, &vma->end, vma->perms, &vma->file_off,
		   &vma->inode, &length) != 5)
		return false;
	vma->name = line + length;
	vma->name += strspn(vma->name, " ");
	return true;
}

int smi_vmas_each(pid_t pid,
		  int (*each)(void *opaque, const struct smi_vma *vma),
		  void *opaque)
{
	struct smi_proc_lines lines = {.fd = smi_proc_open(pid, "maps")};
	const char *line;
	int ret = 0;

	if (lines.fd < 0)
		return lines.fd;
	while (!ret && (line = smi_proc_next_line(&lines))) {
		struct smi_vma vma;

		ret = parse(line, &vma) ? each(opaque, &vma) : -EIO;
	}
	close(lines.fd);
	return ret;
}
