/* SPDX-License-Identifier: MIT */
/*
 * A machine at one moment, but for its RAM: the state of vCPUs and devices, and
 * whether the guest ran. A migration sends it and a checkpoint keeps it.
 *
 * A u32 version and a u32 of flags, little-endian, come before the bytes of
 * machine_save_state.
 */
#ifndef VM_MACHINE_MOMENT_H
#define VM_MACHINE_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
struct smudge_error;
struct vm_buf;

/*
 * moment_save - append the moment to @buf
 * @is_running: the guest ran before it was paused for this
 *
 * Return: as machine_save_state.
 */
int moment_save(struct machine *machine, bool is_running, struct vm_buf *buf,
		struct smudge_error *err);

/*
 * moment_load - check and load what moment_save wrote
 * @bytes, @len: hostile
 * @ret_is_running: whether the guest ran; written only on success
 *
 * Does not change the run state.
 * Return: as machine_load_state, and -EINVAL (cut off, another version, unknown
 * flags) with one sentence.
 */
int moment_load(struct machine *machine, const uint8_t *bytes, size_t len,
		bool *ret_is_running, struct smudge_error *err);

#endif
