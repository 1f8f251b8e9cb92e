/* SPDX-License-Identifier: MIT */
/*
 * Where memory lies in files that other programs read and write.
 *
 * - flat: a byte's place is its guest-physical address, as in a raw dump
 * - qemu: a file per memory backend, from its first byte on, as mem-path of
 *   memory-backend-file names it. A guest that is not QEMU's has one file, in
 *   which its memory is as in the two below
 * - firecracker, cloud-hypervisor: the regions in ascending address, without
 *   gaps between them: 3 GiB, then what lies from 4 GiB on. Firecracker maps
 *   them at offsets that add up (docs/snapshotting), and cloud-hypervisor reads
 *   memory-ranges one range after the other (vmm/src/memory_manager.rs)
 */
#ifndef TOOLS_LAYERS_LAYOUT_H
#define TOOLS_LAYERS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum layers_layout {
	LAYERS_FLAT,
	LAYERS_QEMU,
	LAYERS_FIRECRACKER,
	LAYERS_CLOUD_HYPERVISOR,
};

/* Guest-physical memory, where its bytes are, and where they are in a file. */
struct layers_range {
	uint64_t gpa;
	uint64_t nbytes;
	size_t region; /* of a chain */
	uint64_t region_off;
	uint64_t file_off;
};

/* Of a word of the command line. Return: is it one? */
bool layers_layout_parse(const char *word, enum layers_layout *ret_layout);
const char *layers_layout_name(enum layers_layout layout);

/*
 * layers_layout_place - choose each range's place in one file
 * @ranges: in ascending gpa, without overlaps; file_off is set
 * @ret_file_bytes: how long the file is
 *
 * Return: 0, or -EFBIG (a file cannot be that large).
 */
int layers_layout_place(enum layers_layout layout, struct layers_range *ranges,
			size_t n, uint64_t *ret_file_bytes);

#define LAYERS_MAX_SPLIT 2

/*
 * layers_layout_split - what a file of a guest holds, by its length
 * @ranges: receives gpa, nbytes and file_off; region is the index here
 *
 * A qemu file is one backend's: a machine of one backend has it from 0 on, and
 * where it is divided depends on the machine; it is one range here.
 * Return: how many ranges, 0 for an empty file.
 */
size_t layers_layout_split(enum layers_layout layout, uint64_t file_bytes,
			   struct layers_range ranges[LAYERS_MAX_SPLIT]);

#endif
