/* SPDX-License-Identifier: MIT */
/*
 * RAM that grows by a further slot: a region with a slot grows, a second slot
 * maps what is new, and its log is a second source. Neither the guest's stores
 * before the growth nor those after it are lost, and a slot that would not fit
 * is named.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#include "tiny_vm.h"
#include "track.h"

#define PAGE   4096
#define NPAGES 300 /* of the first slot */
#define ALL    450

struct rig {
	struct tiny_vm vm;
	struct smudge_kvm *kvm;
	struct smudge_source *first, *second;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	uint8_t *ram;
};

static void open_rig(struct rig *r, enum smudge_kvm_log_mode mode,
		     uint64_t attached_npages)
{
	struct smudge_kvm_options kvm = {.size = sizeof(kvm), .mode = mode};
	struct smudge_region_options ram = {.size = sizeof(ram),
					    .name = "ram",
					    .gpa = TINY_RAM_GPA,
					    .size_bytes = NPAGES * PAGE,
					    .max_size_bytes = ALL * PAGE};
	const struct smudge_client_options client = {.size = sizeof(client),
						     .name = "test"};
	struct smudge_kvm_slot slot;

	test_need_kvm();
	r->ram = mmap(NULL, ALL * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(r->ram, MAP_FAILED);
	ram.hva = r->ram;
	tiny_vm_open(&r->vm, r->ram, NPAGES);
	kvm.vm_fd = r->vm.vm_fd;
	assert_int_equal(smudge_kvm_create(&kvm, &r->kvm, NULL), 0);
	slot = tiny_vm_slot(&r->vm);
	assert_int_equal(smudge_kvm_log_create(r->kvm, &slot, &r->first, NULL),
			 0);
	assert_int_equal(smudge_memory_create(&r->memory), 0);
	assert_int_equal(smudge_region_add(r->memory, &ram, &r->region, NULL),
			 0);
	assert_int_equal(smudge_region_attach(r->region, r->first, 0,
					      attached_npages, NULL),
			 0);
	assert_int_equal(
		smudge_client_open(r->memory, &client, &r->client, NULL), 0);
}

static void close_rig(struct rig *r)
{
	assert_int_equal(smudge_client_close(r->client), 0);
	smudge_source_destroy(r->first);
	smudge_source_destroy(r->second);
	smudge_kvm_destroy(r->kvm);
	assert_int_equal(smudge_memory_destroy(r->memory, NULL), 0);
	tiny_vm_close(&r->vm);
	munmap(r->ram + NPAGES * PAGE, (ALL - NPAGES) * PAGE);
}

static void set_second_slot(struct rig *r, uint64_t size_bytes)
{
	struct kvm_userspace_memory_region region = {
		.slot = TINY_RAM_SLOT + 1,
		.guest_phys_addr = TINY_RAM_GPA + NPAGES * PAGE,
		.memory_size = size_bytes,
		.userspace_addr = (uintptr_t)(r->ram + NPAGES * PAGE),
	};

	assert_return_code(
		ioctl(r->vm.vm_fd, KVM_SET_USER_MEMORY_REGION, &region), errno);
}

static void attach_second(struct rig *r)
{
	struct smudge_kvm_slot slot = tiny_vm_slot(&r->vm);

	slot.slot = TINY_RAM_SLOT + 1;
	slot.gpa += NPAGES * PAGE;
	slot.hva = r->ram + NPAGES * PAGE;
	slot.size_bytes = (ALL - NPAGES) * PAGE;
	assert_int_equal(smudge_kvm_log_create(r->kvm, &slot, &r->second, NULL),
			 0);
	assert_int_equal(smudge_region_attach(r->region, r->second, NPAGES,
					      ALL - NPAGES, NULL),
			 0);
}

static uint64_t harvest(struct rig *r)
{
	assert_int_equal(smudge_region_harvest(r->region, NULL), 0);
	return smudge_client_dirty_pages(r->client);
}

/* Twice: the first harvest reports what was set initially. */
static void clean(struct rig *r)
{
	for (int i = 0; i < 2; i++) {
		harvest(r);
		assert_int_equal(smudge_client_skip(
					 r->client, r->region, 0,
					 smudge_region_npages(r->region), NULL),
				 0);
	}
	assert_int_equal(harvest(r), 0);
}

static bool is_dirty(struct rig *r, uint64_t page)
{
	return smudge_client_test(r->client, r->region, page);
}

static void grow(enum smudge_kvm_log_mode mode)
{
	struct smudge_error err;
	struct rig r = {0};

	open_rig(&r, mode, NPAGES);
	clean(&r);
	tiny_vm_store(&r.vm, 17, 1);
	assert_int_equal(smudge_region_resize(r.region, ALL, &err), 0);
	set_second_slot(&r, (ALL - NPAGES) * PAGE);
	attach_second(&r);
	assert_int_equal(harvest(&r), 1 + ALL - NPAGES);
	assert_true(is_dirty(&r, 17));
	clean(&r);
	tiny_vm_store(&r.vm, NPAGES - 1, 2);
	tiny_vm_store(&r.vm, NPAGES, 3);
	tiny_vm_store(&r.vm, ALL - 1, 4);
	assert_int_equal(harvest(&r), 3);
	assert_true(is_dirty(&r, NPAGES - 1) && is_dirty(&r, NPAGES) &&
		    is_dirty(&r, ALL - 1));
	clean(&r);
	/* It shrinks once the source of what goes is detached. */
	assert_int_equal(smudge_region_resize(r.region, NPAGES, &err), -EBUSY);
	assert_string_equal(err.where, "kvm_log");
	tiny_vm_store(&r.vm, 5, 5);
	assert_int_equal(smudge_source_detach(r.second, NULL), 0);
	set_second_slot(&r, 0);
	assert_int_equal(smudge_region_resize(r.region, NPAGES, NULL), 0);
	assert_int_equal(harvest(&r), 1);
	assert_true(is_dirty(&r, 5));
	close_rig(&r);
}

static void test_legacy(void **state)
{
	grow(SMUDGE_KVM_LOG_LEGACY);
}

static void test_manual(void **state)
{
	grow(SMUDGE_KVM_LOG_MANUAL);
}

/* A slot has a fixed size: attached "to the end", it is in the way. */
static void test_slot_to_the_end(void **state)
{
	struct smudge_error err;
	struct rig r = {0};

	open_rig(&r, SMUDGE_KVM_LOG_AUTO, 0);
	assert_int_equal(smudge_region_resize(r.region, ALL, &err),
			 -EOPNOTSUPP);
	assert_string_equal(err.where, "kvm_log");
	assert_int_equal(smudge_region_resize(r.region, 10, NULL), -EOPNOTSUPP);
	clean(&r);
	tiny_vm_store(&r.vm, NPAGES - 1, 1);
	assert_int_equal(harvest(&r), 1);
	close_rig(&r);
}

TEST_MAIN(test_legacy, test_manual, test_slot_to_the_end)
