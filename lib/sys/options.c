/* SPDX-License-Identifier: MIT */
/*
 * Structs of programs that were built against another version of the headers.
 */
#include "sys/options.h"

#include <errno.h>
#include <string.h>

#include "common/range.h"

/* The struct's first member. */
static size_t size_of(const void *options)
{
	size_t size_bytes = 0;

	if (options)
		memcpy(&size_bytes, options, sizeof(size_bytes));
	return size_bytes;
}

/* Bytes of @from up to the last one that is not zero. */
static size_t used_bytes(const unsigned char *from, size_t size_bytes,
			 size_t known_bytes)
{
	while (size_bytes > known_bytes && !from[size_bytes - 1])
		size_bytes--;
	return size_bytes;
}

int smi_sys_options_copy(void *to, const void *from,
			 const struct smi_sys_shape *shape, const char *where,
			 struct smudge_error *err)
{
	size_t size_bytes = size_of(from);
	size_t used;

	if (size_bytes < shape->first_size_bytes)
		return smudge_error_set(err, -EINVAL, where,
					"a %s of %zu bytes is too short: its "
					"first version has %zu",
					shape->name, size_bytes,
					shape->first_size_bytes);
	if (size_bytes > SMI_SYS_OPTIONS_MAX_BYTES)
		return smudge_error_set(err, -E2BIG, where,
					"a %s of %zu bytes is too large: this "
					"library knows %zu",
					shape->name, size_bytes,
					shape->size_bytes);
	used = used_bytes(from, size_bytes, shape->size_bytes);
	if (used > shape->size_bytes)
		return smudge_error_set(err, -E2BIG, where,
					"byte %zu of a %s is not zero, and "
					"this library knows %zu bytes of it",
					used - 1, shape->name,
					shape->size_bytes);
	memset(to, 0, shape->size_bytes);
	memcpy(to, from, min_u64(size_bytes, shape->size_bytes));
	return 0;
}

int smi_sys_stats_copy(void *to, const void *from,
		       const struct smi_sys_shape *shape)
{
	size_t size_bytes = size_of(to);

	if (size_bytes < shape->first_size_bytes)
		return -EINVAL;
	memcpy(to, from, min_u64(size_bytes, shape->size_bytes));
	memcpy(to, &size_bytes, sizeof(size_bytes));
	return 0;
}
