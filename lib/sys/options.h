/* SPDX-License-Identifier: MIT */
/*
 * Structs of the program that grow: their size is their first member
 * (docs/abi.md). A call copies such a struct before it reads anything else of
 * it, and fills one in, with the functions here only.
 */
#ifndef LIB_SYS_OPTIONS_H
#define LIB_SYS_OPTIONS_H

#include <stddef.h>

#include <smudge/error.h>

/* A larger struct is refused unread: its size is not what sizeof gave. */
#define SMI_SYS_OPTIONS_MAX_BYTES 4096

struct smi_sys_shape {
	const char *name;
	size_t size_bytes;	 /* in this library */
	size_t first_size_bytes; /* in the first version */
};

/* What sizeof gave when @last was the last member: padded like all of it. */
#define SMI_SYS_SIZE_UP_TO(type, last)                          \
	((offsetof(type, last) + sizeof(((type *)NULL)->last) + \
	  _Alignof(type) - 1) &                                 \
	 ~(_Alignof(type) - 1))

/* @last: the last member that the first version had. */
#define SMI_SYS_SHAPE(type, last)                                  \
	(&(const struct smi_sys_shape){#type, sizeof(struct type), \
				       SMI_SYS_SIZE_UP_TO(struct type, last)})

/*
 * smi_sys_options_copy - copy a struct that the program filled in
 * @to: the library's struct; written on success only
 * @from: the program's; NULL counts as one of 0 bytes
 * @where: the part that refuses, for the sentence
 *
 * Members that the program's struct lacks are zero in @to. Members that this
 * library lacks must be zero in @from. `size` stays the program's.
 * Return: 0, -EINVAL (shorter than the first version), -E2BIG (a byte beyond
 * the library's struct is not zero, or the size is above
 * SMI_SYS_OPTIONS_MAX_BYTES).
 */
int smi_sys_options_copy(void *to, const void *from,
			 const struct smi_sys_shape *shape, const char *where,
			 struct smudge_error *err);

/*
 * smi_sys_stats_copy - fill in a struct of the program
 * @to: the program's; its size was set by the program and stays
 * @from: the library's
 *
 * Writes the members that both have, and nothing beyond.
 * Return: 0, -EINVAL (shorter than the first version).
 */
int smi_sys_stats_copy(void *to, const void *from,
		       const struct smi_sys_shape *shape);

#endif
