/* SPDX-License-Identifier: MIT */
/*
 * The mappings of a QEMU that may be written, from /proc/PID/maps.
 */
#ifndef TOOLS_QEMU_MAPPINGS_H
#define TOOLS_QEMU_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

struct qemu_mapping {
	uint64_t first_address;
	uint64_t end_address; /* exclusive */
	bool is_shared;
	uint64_t inode;
	char name[128]; /* as the kernel prints it, perhaps cut */
};

struct qemu_mappings {
	struct qemu_mapping *mappings; /* ascending */
	size_t n;
};

/*
 * qemu_mappings_read - read them
 *
 * Neighbours of one file are one.
 * Return: 0, or -errno; freed by the caller: mappings->mappings.
 */
int qemu_mappings_read(pid_t pid, struct qemu_mappings *ret_mappings);

#endif
