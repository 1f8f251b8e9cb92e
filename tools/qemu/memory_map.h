/* SPDX-License-Identifier: MIT */
/*
 * Where a guest sees the memory backends of its QEMU, as its monitor for people
 * says in "info mtree -f".
 */
#ifndef TOOLS_QEMU_MEMORY_MAP_H
#define TOOLS_QEMU_MEMORY_MAP_H

struct qemu_machine;

/*
 * qemu_memory_map_parse - keep the answer with the machine
 * @machine: has its backends; the map that it had is replaced. It has none
 *      afterwards if there is nothing known in the text
 *
 * Return: 0 or -ENOMEM.
 */
int qemu_memory_map_parse(const char *text, struct qemu_machine *machine);

#endif
