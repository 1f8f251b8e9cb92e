/* SPDX-License-Identifier: MIT */
/*
 * The three ways of KVM, for a guest whose vCPU writes. This file has the
 * library's side, and the table; sources_kvm_log.c and sources_kvm_ring.c have
 * the bare calls.
 */
#include "sources_kvm.h"

#include <stdlib.h>

#include "bench_guest_source.h"
#include "bench_program.h"
#include "sources_library.h"

struct side {
	struct sources_library lib;
	struct bench_guest_source of;
};

void sources_kvm_write(struct bench_guest *guest, uint64_t npages,
		       uint64_t stride)
{
	bench_must(bench_guest_write(guest, npages, stride) ? 0 : -EIO,
		   "the guest");
}

static void side_free(void *opaque)
{
	struct side *side = opaque;

	/* which destroys the source */
	sources_library_close(&side->lib);
	side->of.source = NULL;
	bench_guest_source_close(&side->of);
	free(side);
}

static void *side_open(const struct sources_ram *ram, bool has_ring,
		       enum smudge_kvm_log_mode mode, struct smudge_error *err)
{
	struct side *side = sources_alloc(sizeof(*side));

	side->of.has_ring = has_ring;
	side->of.mode = mode;
	if (bench_guest_source_open(&side->of, ram->bytes,
				    ram->npages * SOURCES_PAGE, err) < 0) {
		free(side);
		return NULL;
	}
	side->lib.source = side->of.source;
	if (sources_library_open(&side->lib, ram, err) < 0) {
		side_free(side);
		return NULL;
	}
	/* so that the page tables of the guest are there */
	sources_kvm_write(&side->of.guest, ram->npages, 1);
	return side;
}

static void *legacy_open(const struct sources_ram *ram,
			 struct smudge_error *err)
{
	return side_open(ram, false, SMUDGE_KVM_LOG_LEGACY, err);
}

static void *manual_open(const struct sources_ram *ram,
			 struct smudge_error *err)
{
	return side_open(ram, false, SMUDGE_KVM_LOG_MANUAL, err);
}

static void *ring_open(const struct sources_ram *ram, struct smudge_error *err)
{
	return side_open(ram, true, SMUDGE_KVM_LOG_AUTO, err);
}

static void side_write(void *opaque, uint64_t npages, uint64_t stride)
{
	struct side *side = opaque;

	sources_kvm_write(&side->of.guest, npages, stride);
}

#define LIBRARY_SIDE(opens)                                                  \
	{                                                                    \
		.open = (opens), .close = side_free,                         \
		.arm = sources_library_arm, .stop = sources_library_stop,    \
		.write = side_write, .harvest = sources_library_harvest,     \
		.found = sources_library_found, .take = sources_library_take \
	}

static const struct sources_side legacy_side = LIBRARY_SIDE(legacy_open);
static const struct sources_side manual_side = LIBRARY_SIDE(manual_open);
static const struct sources_side ring_side = LIBRARY_SIDE(ring_open);

const struct sources_mechanism sources_kvm_legacy = {
	.name = "kvm_log, legacy",
	.rearms_in = "harvest",
	.must = 1.10,
	.library = &legacy_side,
	.bare = &sources_kvm_bare_legacy,
};

const struct sources_mechanism sources_kvm_manual = {
	.name = "kvm_log, manual",
	.rearms_in = "take",
	.must = 1.10,
	.library = &manual_side,
	.bare = &sources_kvm_bare_manual,
};

const struct sources_mechanism sources_kvm_ring = {
	.name = "kvm_ring",
	.rearms_in = "harvest",
	.must = 1.10,
	.library = &ring_side,
	.bare = &sources_kvm_bare_ring,
};
