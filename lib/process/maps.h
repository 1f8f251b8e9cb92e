/* SPDX-License-Identifier: MIT */
/*
 * The mappings of another process: the text of /proc/PID/maps.
 *
 * A process that runs changes its mappings while they are read. What is mapped
 * all the time is in the text, and no address is in it twice.
 */
#ifndef LIB_PROCESS_MAPS_H
#define LIB_PROCESS_MAPS_H

#include <stddef.h>

#include <smudge/error.h>

#include "process/mapping.h"

struct smi_process_maps {
	struct smi_process_mapping *list; /* ascending */
	size_t n;
	char *text; /* the names are in it */
};

/*
 * smi_process_maps_parse - the mappings in a text
 * @text: @length bytes and a 0 behind them; is changed, and owned by @maps
 *      from then on, also after a failure
 * @maps: written; smi_process_maps_free frees what it holds
 *
 * In ascending order, without overlaps. Return: 0, -EIO (not such a text),
 * -ENOMEM.
 */
int smi_process_maps_parse(char *text, size_t length,
			   struct smi_process_maps *maps);

/*
 * smi_process_maps_read - the mappings of a process
 * @proc: descriptor of its directory in /proc
 *
 * Return: 0, -ESRCH (it has ended), -EPERM (not allowed), -EIO, -EFBIG (a text
 * of more than 64 MiB), -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_process_maps_read(int proc, struct smi_process_maps *maps,
			  struct smudge_error *err);

void smi_process_maps_free(struct smi_process_maps *maps);

#endif
