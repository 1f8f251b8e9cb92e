/* SPDX-License-Identifier: MIT */
/*
 * The memory of another process, a few bytes at a time.
 */
#ifndef LIB_PROCESS_MEMORY_OF_H
#define LIB_PROCESS_MEMORY_OF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Return: were all bytes copied? Less may have been. */
bool smi_memory_of_read(pid_t pid, uint64_t at, void *to, size_t nbytes);
bool smi_memory_of_write(pid_t pid, uint64_t at, const void *from,
			 size_t nbytes);

#endif
