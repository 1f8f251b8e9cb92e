/* SPDX-License-Identifier: MIT */
/*
 * Layouts of files with memory.
 */
#include "layers/layout.h"

#include <errno.h>
#include <string.h>

#include "common/range.h"

/* Of x86 guests: devices are between them. */
#define HOLE_GPA     (UINT64_C(3) << 30)
#define HOLE_END_GPA (UINT64_C(4) << 30)

static const char *const names[] = {
	[LAYERS_FLAT] = "flat",
	[LAYERS_QEMU] = "qemu",
	[LAYERS_FIRECRACKER] = "firecracker",
	[LAYERS_CLOUD_HYPERVISOR] = "cloud-hypervisor",
};

bool layers_layout_parse(const char *word, enum layers_layout *ret_layout)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(word, names[i]) == 0) {
			*ret_layout = (enum layers_layout)i;
			return true;
		}
	}
	return false;
}

const char *layers_layout_name(enum layers_layout layout)
{
	return names[layout];
}

static bool is_possible(uint64_t file_off, uint64_t nbytes)
{
	return file_off <= INT64_MAX && nbytes <= INT64_MAX - file_off;
}

int layers_layout_place(enum layers_layout layout, struct layers_range *ranges,
			size_t n, uint64_t *ret_file_bytes)
{
	uint64_t end = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = layout == LAYERS_FLAT ? ranges[i].gpa : end;

		if (!is_possible(at, ranges[i].nbytes))
			return -EFBIG;
		ranges[i].file_off = at;
		end = at + ranges[i].nbytes;
	}
	*ret_file_bytes = end;
	return 0;
}

static void add(struct layers_range *ranges, size_t *n, uint64_t gpa,
		uint64_t nbytes, uint64_t file_off)
{
	if (!nbytes)
		return;
	ranges[*n] = (struct layers_range){
		.gpa = gpa,
		.nbytes = nbytes,
		.region = *n,
		.file_off = file_off,
	};
	(*n)++;
}

size_t layers_layout_split(enum layers_layout layout, uint64_t file_bytes,
			   struct layers_range ranges[LAYERS_MAX_SPLIT])
{
	uint64_t low_bytes = min_u64(file_bytes, HOLE_GPA);
	uint64_t high_off = layout == LAYERS_FLAT ? HOLE_END_GPA : HOLE_GPA;
	size_t n = 0;

	if (layout == LAYERS_QEMU ||
	    (layout == LAYERS_FLAT && file_bytes <= HOLE_END_GPA))
		low_bytes = file_bytes;
	add(ranges, &n, 0, low_bytes, 0);
	if (low_bytes < file_bytes)
		add(ranges, &n, HOLE_END_GPA, file_bytes - high_off, high_off);
	return n;
}
