/* SPDX-License-Identifier: MIT */
/*
 * The guest that a layer is of: where its memory is, by guest-physical address,
 * and the registers of its processors.
 *
 * A layer of a QEMU has regions by their address in its process; where the
 * guest sees them is in the blob qemu-machine. Other layers have guest-physical
 * addresses.
 */
#ifndef TOOLS_LAYERS_GUEST_H
#define TOOLS_LAYERS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/layers.h>

#include "core/cpu.h"
#include "layers/layout.h"
#include "qemu/machine.h"

struct layers_guest {
	struct smudge_chain *chain; /* borrowed */
	/* empty, where it is no QEMU's */
	struct qemu_machine machine;
	/* in ascending gpa, without overlaps; file_off is not set */
	struct layers_range *seen; /* but for what devices cover */
	size_t nseen;
	struct layers_range *all; /* devices cover nothing */
	size_t nall;
	struct core_cpu *cpus; /* none: not known */
	size_t ncpus;
	uint16_t elf_machine; /* EM_...; EM_NONE: not known */
};

/*
 * layers_guest_open - read what a layer says of its guest
 * @guest: freed by layers_guest_free, also after a failure
 *
 * Where a QEMU's guest sees its memory may not be known: then there are no
 * ranges.
 * Return: 0, -ENODATA (the layer is of a process), -EBADMSG, -ENOMEM, with one
 * sentence.
 */
int layers_guest_open(struct smudge_chain *chain, struct layers_guest *guest,
		      struct smudge_error *err);
void layers_guest_free(struct layers_guest *guest);

/* Are there ranges? Return: 0, or -ENODATA with one sentence. */
int layers_guest_need_map(const struct layers_guest *guest,
			  struct smudge_error *err);

/* Is the layer of a process? */
bool layers_is_process(const struct smudge_chain *chain);

#endif
