/* SPDX-License-Identifier: MIT */
/*
 * A KVM without rings, sizes (also those that only KVM refuses), descriptors,
 * vCPUs and slots that are none: each is refused with a sentence, and nothing
 * is left behind.
 */
#include <errno.h>
#include <string.h>

#include "kvm_rig.h"

static void expect_sentence(const struct smudge_error *err, int code,
			    const char *words)
{
	assert_int_equal(err->code, code);
	if (!strstr(err->message, words))
		fail_msg("\"%s\" does not say \"%s\"", err->message, words);
}

static void refuse_with(struct smudge_kvm_ring_options options, int code,
			const char *words)
{
	struct smudge_kvm_ring *ring = NULL;
	struct smudge_error err = {0};

	assert_int_equal(smudge_kvm_ring_create(&options, &ring, &err), code);
	assert_null(ring);
	expect_sentence(&err, code, words);
}

static void refuse(uint32_t nentries, int code, const char *words)
{
	refuse_with(
		(struct smudge_kvm_ring_options){
			.size = sizeof(struct smudge_kvm_ring_options),
			.vm_fd = fake_kvm.vm_fd,
			.nentries = nentries},
		code, words);
}

static void test_options(void **state)
{
	fake_kvm_open();
	refuse_with((struct smudge_kvm_ring_options){.size = 4}, -EINVAL,
		    "too short");
	refuse_with(
		(struct smudge_kvm_ring_options){
			.size = sizeof(struct smudge_kvm_ring_options),
			.vm_fd = -1},
		-EBADF, "descriptor -1");
	refuse(1000, -EINVAL, "1000 entries is not a power of two");
	refuse(2, -EINVAL, "2 entries is not a power of two from ");
	refuse(131072, -EINVAL, "to 65536");
	assert_int_equal(fake_kvm.nentries, 0);
	fake_kvm_close();
}

static void test_no_rings(void **state)
{
	fake_kvm_open();
	fake_kvm.acq_rel_bytes = fake_kvm.ring_bytes = 0;
	refuse(0, -EOPNOTSUPP, "KVM_CAP_DIRTY_LOG_RING (Linux 5.11)");
	fake_kvm.acq_rel_bytes = -ENOTTY;
	refuse(0, -ENOTTY, "no KVM virtual machine");
	fake_kvm_close();
}

/* The VM has a vCPU, or rings, already. */
static void test_too_late(void **state)
{
	struct kvm_rig rig;

	fake_kvm_open();
	kvm_rig_open(&rig, 16);
	refuse(65536, -EINVAL, "slots already, or is the ring too small?");
	kvm_rig_close(&rig);
	fake_kvm_open();
	fake_kvm.enable_error = EPERM;
	refuse(16, -EPERM, "KVM refuses to set");
	fake_kvm_close();
}

/* KVM refuses less than a page of entries. */
static void test_too_small(void **state)
{
	fake_kvm_open();
	fake_kvm.enable_error = EINVAL;
	refuse(4, -EINVAL, "(a ring is at least a page");
	refuse(128, -EINVAL, "(a ring is at least a page");
	refuse(65536, -EINVAL, "or is the ring too small?");
	fake_kvm_close();
}

static void test_vcpu(void **state)
{
	struct smudge_kvm_ring_vcpu *vcpu = NULL;
	struct smudge_error err = {0};
	struct kvm_rig rig;

	fake_kvm_open();
	kvm_rig_open(&rig, 16);
	fake_kvm.map_error = EINVAL;
	assert_int_equal(
		smudge_kvm_ring_add_vcpu(rig.ring, FAKE_VCPU_FD, &vcpu, &err),
		-EINVAL);
	expect_sentence(&err, -EINVAL, "ring of descriptor 100000");
	/* mapped, but a touch would raise SIGBUS */
	fake_kvm.map_error = 0;
	fake_kvm.populate_error = EFAULT;
	assert_int_equal(
		smudge_kvm_ring_add_vcpu(rig.ring, FAKE_VCPU_FD, &vcpu, &err),
		-ENODEV);
	expect_sentence(&err, -ENODEV, "no vCPU of this VM");
	assert_null(vcpu);
	kvm_rig_close(&rig);
}

static void test_slots(void **state)
{
	const struct smudge_kvm_slot bad[] = {
		{.size = 8, .size_bytes = 4096},
		{.size = sizeof(bad[0])},
		{.size = sizeof(bad[0]), .size_bytes = 4096, .gpa = 1},
		{.size = sizeof(bad[0]), .size_bytes = 4096, .flags = 1},
		{.size = sizeof(bad[0]), .size_bytes = 4096, .slot = 2u << 16},
	};
	const char *const words[] = {
		"too short", "whole host pages", "whole host pages",
		"KVM_MEM_LOG_DIRTY_PAGES", "address space"};
	struct smudge_source *source = NULL;
	struct kvm_rig rig;

	fake_kvm_open();
	kvm_rig_open(&rig, 16);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct smudge_error err = {0};

		assert_int_equal(
			smudge_kvm_ring_slot(rig.ring, &bad[i], &source, &err),
			-EINVAL);
		assert_null(source);
		expect_sentence(&err, -EINVAL, words[i]);
	}
	kvm_rig_close(&rig);
}

static void refuse_start(struct kvm_rig *rig, int code, const char *words)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "client"};
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};

	assert_int_equal(
		smudge_client_open(rig->memory, &options, &client, &err), code);
	assert_null(client);
	expect_sentence(&err, code, words);
}

/* KVM refuses to log; a slot has two sources; it is attached elsewhere. */
static void test_start(void **state)
{
	struct smudge_kvm_slot slot = {.size = sizeof(slot),
				       .slot = 3,
				       .size_bytes = FAKE_PAGES << 12};
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "third",
						.size_bytes = FAKE_PAGES << 12,
						.gpa = UINT64_C(7) << 40};
	struct smudge_source *source;
	struct smudge_region *region;
	struct kvm_rig rig;

	fake_kvm_open();
	kvm_rig_open(&rig, 16);
	fake_kvm.log_error = EBUSY;
	refuse_start(&rig, -EBUSY, "KVM refuses to log dirty pages of slot");
	fake_kvm.log_error = 0;
	slot.hva = options.hva = (void *)(UINT64_C(9) << 32);
	assert_int_equal(smudge_region_add(rig.memory, &options, &region, NULL),
			 0);
	assert_int_equal(smudge_kvm_ring_slot(rig.ring, &slot, &source, NULL),
			 0);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	refuse_start(&rig, -EBUSY, "slot 3 is tracked by another source");
	assert_int_equal(smudge_source_detach(source, NULL), 0);
	smudge_source_destroy(source);
	slot.hva = NULL;
	assert_int_equal(smudge_kvm_ring_slot(rig.ring, &slot, &source, NULL),
			 0);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	refuse_start(&rig, -EINVAL, "attached to pages it does not map");
	smudge_source_destroy(source);
	assert_false(fake_kvm.is_logging[0] || fake_kvm.is_logging[1]);
	kvm_rig_close(&rig);
}

/* It neither resets nor fails, for ever. */
static void test_no_reset(void **state)
{
	struct smudge_error err = {0};
	struct kvm_rig rig;

	fake_kvm_open();
	kvm_rig_open(&rig, 16);
	kvm_rig_watch(&rig);
	fake_kvm_store(0, 0, 1);
	fake_kvm.nidle = 1000000;
	assert_int_equal(kvm_rig_harvest(&rig, &err), -EIO);
	expect_sentence(&err, -EIO, "KVM_RESET_DIRTY_RINGS");
	assert_int_equal(smudge_kvm_ring_full(rig.vcpus[0], &err), -EIO);
	fake_kvm.nidle = 0;
	assert_int_equal(smudge_kvm_ring_full(rig.vcpus[0], &err), 0);
	assert_int_equal(err.code, 0);
	kvm_rig_close(&rig);
}

static void test_stats_size(void **state)
{
	struct smudge_kvm_ring_stats stats = {.size = 8};
	struct kvm_rig rig;

	fake_kvm_open();
	kvm_rig_open(&rig, 16);
	assert_int_equal(smudge_kvm_ring_stats(rig.ring, &stats), -EINVAL);
	kvm_rig_close(&rig);
}

TEST_MAIN(test_options, test_no_rings, test_too_late, test_too_small, test_vcpu,
	  test_slots, test_start, test_no_reset, test_stats_size)
