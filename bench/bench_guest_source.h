/* SPDX-License-Identifier: MIT */
/*
 * A machine of bench_guest.h, and the library's source of its large slot.
 */
#ifndef BENCH_BENCH_GUEST_SOURCE_H
#define BENCH_BENCH_GUEST_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/kvm_ring.h>
#include <smudge/source.h>

#include "bench_guest.h"

struct bench_guest_source {
	struct bench_guest guest;
	enum smudge_kvm_log_mode mode; /* of the log */
	bool has_ring;		       /* instead of the log */
	struct smudge_kvm_ring *ring;  /* or */
	struct smudge_kvm *kvm;	       /* the other one is NULL */
	struct smudge_kvm_ring_vcpu *vcpu;
	struct smudge_source *source; /* of the slot, attached nowhere */
};

/*
 * bench_guest_source_open - make the machine and the source
 * @of: has_ring and mode are set, the rest is zero; stays where it is
 * @ram, @ram_bytes: as for bench_guest_open
 *
 * Return: 0, or -errno with one sentence; nothing is open then.
 */
int bench_guest_source_open(struct bench_guest_source *of, void *ram,
			    uint64_t ram_bytes, struct smudge_error *err);
/* The source first; it is destroyed. */
void bench_guest_source_close(struct bench_guest_source *of);

#endif
