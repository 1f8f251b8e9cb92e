/* SPDX-License-Identifier: MIT */
/*
 * The mappings of another process: the text of /proc/PID/maps.
 *
 *	start-end perms offset major:minor inode   name
 *
 * The name is what the kernel prints: a path, in which a newline is \012 and
 * nothing else is escaped; [heap], [anon:NAME] and their kind; or nothing. A
 * file that has no path any more has " (deleted)" behind it. Any file may be
 * called any of that, so a name proves nothing.
 *
 * A process that runs changes its mappings while they are read. What is mapped
 * all the time is in the text, and no address is in it twice.
 */
#ifndef LIB_PROCESS_MAPS_H
#define LIB_PROCESS_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

struct smi_process_mapping {
	uint64_t start; /* addresses, end exclusive */
	uint64_t end;
	uint64_t file_off; /* of start; 0 without a file */
	uint64_t inode;
	unsigned int dev_major, dev_minor;
	bool is_readable;
	bool is_writable;
	bool is_executable;
	bool is_shared;
	bool has_file; /* shared anonymous memory is a file to the kernel */
	const char *name;
};

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
 * Return: 0, -EIO (not such a text, or not in ascending order), -ENOMEM.
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
