/* SPDX-License-Identifier: MIT */
/*
 * The parts of guest.c: the memory of a QEMU's guest, and the processors of a
 * smudge-vm's.
 */
#ifndef TOOLS_LAYERS_GUEST_PARTS_H
#define TOOLS_LAYERS_GUEST_PARTS_H

#include "layers/guest.h"

/*
 * layers_guest_map - the ranges by the machine's memory map
 * Return: 0 (also if it has none), -EBADMSG, -ENOMEM, with one sentence.
 */
int layers_guest_map(struct layers_guest *guest, struct smudge_error *err);

/*
 * layers_vm_cpus - processors out of the blob smudge-vm
 * Return: how many; those behind what is malformed are left out.
 */
size_t layers_vm_cpus(const uint8_t *state, size_t length,
		      struct core_cpu *cpus, size_t max_cpus);

#endif
