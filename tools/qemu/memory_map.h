/* SPDX-License-Identifier: MIT */
/*
 * Where a guest sees the memory backends of its QEMU, as its monitor for people
 * says in "info mtree -f".
 */
#ifndef TOOLS_QEMU_MEMORY_MAP_H
#define TOOLS_QEMU_MEMORY_MAP_H

#include <stdbool.h>
#include <stdint.h>

struct qemu_machine;

/*
 * qemu_memory_map_parse - keep the answer with the machine
 * @machine: has its backends; the map that it had is replaced. It has none
 *      afterwards if there is nothing known in the text
 *
 * Return: 0 or -ENOMEM.
 */
int qemu_memory_map_parse(const char *text, struct qemu_machine *machine);

/*
 * qemu_memory_map_find - where the processors see a backend, in the answer
 * @ret_gpa: of the first line that has it
 * @ret_offset: of that gpa in the backend
 *
 * The views have no order: another one may have it at another gpa.
 */
bool qemu_memory_map_find(const char *text, const char *id, uint64_t *ret_gpa,
			  uint64_t *ret_offset);

#endif
