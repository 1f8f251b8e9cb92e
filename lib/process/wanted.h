/* SPDX-License-Identifier: MIT */
/*
 * Which ranges of a process's addresses should be regions now.
 */
#ifndef LIB_PROCESS_WANTED_H
#define LIB_PROCESS_WANTED_H

#include "process/maps.h"
#include "process/objects.h"

/* Neighbouring mappings of one object. */
struct smi_wanted {
	uint64_t start; /* addresses, end exclusive */
	uint64_t end;
	struct smi_object object;
	/*
	 * Where a guest's RAM is selected, and without a file: from its first
	 * mapping that may be that to the last; 0, 0: none is
	 */
	uint64_t ram_start;
	uint64_t ram_end;
	bool is_executable; /* a part of it is */
	bool is_apart;	    /* what cannot be armed (apart.h) */
	const char *name;   /* in the maps */
	const char *reason; /* why it cannot be tracked, or NULL */
};

struct smi_wanted_list {
	struct smi_wanted *list; /* ascending */
	size_t n;
};

/*
 * smi_wanted_find - those that the process's options select
 * @maps: must outlive the list
 *
 * A mapping that may not be written now belongs to a range if it is tracked
 * already, as more of the same object: the process may make it writable again.
 * Return: 0, -ENOMEM. Freed by smi_wanted_free.
 */
int smi_wanted_find(const struct smudge_process *process,
		    const struct smi_process_maps *maps,
		    struct smi_wanted_list *wanted);

void smi_wanted_free(struct smi_wanted_list *wanted);

#endif
