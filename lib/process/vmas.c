/* SPDX-License-Identifier: MIT */
/*
 * The lines of /proc/PID/maps.
 */
#include "process/vmas.h"

#include <errno.h>
#include <unistd.h>

#include "process/proc.h"

int smi_vmas_each(pid_t pid,
		  int (*each)(void *opaque,
			      const struct smi_process_mapping *m),
		  void *opaque)
{
	struct smi_proc_lines lines = {.fd = smi_proc_open(pid, "maps")};
	const char *line;
	int ret = 0;

	if (lines.fd < 0)
		return lines.fd;
	while (!ret && (line = smi_proc_next_line(&lines))) {
		struct smi_process_mapping m;

		ret = smi_process_mapping_parse(line, &m) ? each(opaque, &m)
							  : -EIO;
	}
	close(lines.fd);
	return ret;
}
