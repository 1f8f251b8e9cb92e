/* SPDX-License-Identifier: MIT */
/*
 * What the sides of KVM have in common.
 */
#ifndef BENCH_SOURCES_KVM_H
#define BENCH_SOURCES_KVM_H

#include <errno.h>

#include "bench_guest.h"
#include "sources.h"

/* The guest's vCPU stores to the pages. */
void sources_kvm_write(struct bench_guest *guest, uint64_t npages,
		       uint64_t stride);

/* Switch the logging of the large slot on or off, by hand. */
void sources_kvm_log_slot(const struct bench_guest *guest, bool is_on);

extern const struct sources_side sources_kvm_bare_legacy;
extern const struct sources_side sources_kvm_bare_manual;
extern const struct sources_side sources_kvm_bare_ring;

#endif
