/* SPDX-License-Identifier: MIT */
/*
 * The processors of an x86-64 guest, out of the state that QEMU migrates.
 */
#ifndef TOOLS_QEMU_CPUS_H
#define TOOLS_QEMU_CPUS_H

#include <stddef.h>
#include <stdint.h>

struct core_cpu;

/*
 * qemu_cpus_find - the registers of each processor
 * @state: the blob qemu-state, which is not trusted
 * @cpus: receives those of @max_cpus at most, in the order of their numbers
 *
 * Sections of devices have no lengths, so they are searched for.
 * Return: how many there are; 0 also where the state is of another kind of
 * processor, or laid out in a way that is not known.
 */
size_t qemu_cpus_find(const void *state, size_t length, struct core_cpu *cpus,
		      size_t max_cpus);

#endif
