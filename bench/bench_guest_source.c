/* SPDX-License-Identifier: MIT */
/*
 * The handles of KVM that a source needs, and their ends in the right order.
 */
#include "bench_guest_source.h"

static int choose_log(void *opaque, int vm_fd, struct smudge_error *err)
{
	struct bench_guest_source *of = opaque;
	const struct smudge_kvm_ring_options ring = {.size = sizeof(ring),
						     .vm_fd = vm_fd};
	const struct smudge_kvm_options log = {
		.size = sizeof(log), .vm_fd = vm_fd, .mode = of->mode};

	if (of->has_ring)
		return smudge_kvm_ring_create(&ring, &of->ring, err);
	return smudge_kvm_create(&log, &of->kvm, err);
}

static int ring_full(void *opaque)
{
	struct bench_guest_source *of = opaque;

	return smudge_kvm_ring_full(of->vcpu, NULL);
}

static int make_source(struct bench_guest_source *of, struct smudge_error *err)
{
	const struct smudge_kvm_slot slot = {
		.size = sizeof(slot),
		.slot = BENCH_GUEST_SLOT,
		.gpa = BENCH_GUEST_GPA,
		.size_bytes = of->guest.ram_bytes,
		.hva = of->guest.ram,
	};
	int ret;

	if (of->kvm)
		return smudge_kvm_log_create(of->kvm, &slot, &of->source, err);
	ret = smudge_kvm_ring_add_vcpu(of->ring, of->guest.vcpu_fd, &of->vcpu,
				       err);
	if (ret == 0)
		ret = smudge_kvm_ring_slot(of->ring, &slot, &of->source, err);
	return ret;
}

static void destroy_handles(struct bench_guest_source *of)
{
	smudge_source_destroy(of->source);
	smudge_kvm_ring_remove_vcpu(of->vcpu);
	smudge_kvm_ring_destroy(of->ring);
	smudge_kvm_destroy(of->kvm);
}

int bench_guest_source_open(struct bench_guest_source *of, void *ram,
			    uint64_t ram_bytes, struct smudge_error *err)
{
	const struct bench_guest_hooks hooks = {
		.choose_log = choose_log,
		.ring_full = ring_full,
		.opaque = of,
	};
	int ret = bench_guest_open(&of->guest, ram, ram_bytes, &hooks, err);

	if (ret < 0) {
		destroy_handles(of);
		return ret;
	}
	ret = make_source(of, err);
	if (ret < 0)
		bench_guest_source_close(of);
	return ret;
}

void bench_guest_source_close(struct bench_guest_source *of)
{
	destroy_handles(of);
	bench_guest_close(&of->guest);
}
