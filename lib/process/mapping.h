/* SPDX-License-Identifier: MIT */
/*
 * One mapping of another process: a line of /proc/PID/maps.
 *
 *	start-end perms offset major:minor inode   name
 *
 * The name is what the kernel prints: a path, in which a newline is \012 and
 * nothing else is escaped; [heap], [anon:NAME] and their kind; or nothing. A
 * file that has no path any more has " (deleted)" behind it. Any file may be
 * called any of that, so a name proves nothing.
 */
#ifndef LIB_PROCESS_MAPPING_H
#define LIB_PROCESS_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

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

/*
 * smi_process_mapping_parse - read one line, which has no newline
 * @line: the name of @m is in it
 *
 * Nothing is allocated, and no lock taken.
 * Return: is it such a line? If not, @m is undefined.
 */
bool smi_process_mapping_parse(const char *line, struct smi_process_mapping *m);

#endif
