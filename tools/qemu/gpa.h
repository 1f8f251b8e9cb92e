/* SPDX-License-Identifier: MIT */
/*
 * Where QEMU's monitor for people says that memory backends are: in its
 * process, and for the guest.
 */
#ifndef TOOLS_QEMU_GPA_H
#define TOOLS_QEMU_GPA_H

#include <stdbool.h>
#include <stdint.h>

struct qemu_machine;
struct qemu_peer;
struct smudge_error;

/*
 * qemu_gpa_find - the address of a backend's first byte in QEMU's process
 * Return: 0, -ENOENT.
 */
int qemu_gpa_find(struct qemu_peer *peer, const char *id,
		  uint64_t *ret_address);

/*
 * qemu_gpa_read_map - where the guest sees its memory now
 * @machine: keeps it (qemu/memory_map.h); none, if there is no answer
 *
 * Return: 0, or -ENOMEM with one sentence.
 */
int qemu_gpa_read_map(struct qemu_peer *peer, struct qemu_machine *machine,
		      struct smudge_error *err);

#endif
