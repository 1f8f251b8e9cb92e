/* SPDX-License-Identifier: MIT */
/*
 * Slots and regions that are not one to one: two slots in a region, two slots
 * that map the same memory, and two regions in a slot, which is refused. In
 * both modes of KVM's log.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#include "tiny_vm.h"
#include "track.h"

#define NPAGES	  70 /* of each slot: it ends within a word of the region */
#define OTHER	  (TINY_RAM_SLOT + 1)
#define ALIAS_GPA (TINY_RAM_GPA + (UINT64_C(1) << 30))

struct fixture {
	struct tiny_vm vm;
	struct track track;
	struct smudge_kvm *kvm;
	struct smudge_source *source[2];
	struct smudge_client *one, *two;
	uint8_t *ram;
};

static struct smudge_source *make_source(struct fixture *f,
					 struct smudge_kvm_slot slot)
{
	struct smudge_source *source;
	struct smudge_error err = {0};

	if (smudge_kvm_log_create(f->kvm, &slot, &source, &err) < 0)
		fail_msg("%s", err.message);
	return source;
}

static void add_slot(struct fixture *f, uint64_t gpa, uint8_t *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = OTHER,
		.guest_phys_addr = gpa,
		.memory_size = NPAGES * 4096,
		.userspace_addr = (uintptr_t)hva,
	};

	assert_return_code(
		ioctl(f->vm.vm_fd, KVM_SET_USER_MEMORY_REGION, &region), errno);
}

/* A machine with @slot_pages in its first slot, and memory for two slots. */
static void open_machine(struct fixture *f, enum smudge_kvm_log_mode mode,
			 uint64_t slot_pages)
{
	struct smudge_kvm_options options = {.size = sizeof(options),
					     .mode = mode};
	struct smudge_error err = {0};
	int ret;

	test_need_kvm();
	memset(f, 0, sizeof(*f));
	f->ram = mmap(NULL, 2 * NPAGES * 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
	tiny_vm_open(&f->vm, f->ram, slot_pages);
	options.vm_fd = f->vm.vm_fd;
	ret = smudge_kvm_create(&options, &f->kvm, &err);
	if (ret == -EOPNOTSUPP)
		test_skip_without("kvm", err.message);
	assert_int_equal(ret, 0);
}

static void close_machine(struct fixture *f)
{
	for (int i = 0; i < 2; i++)
		smudge_source_destroy(f->source[i]);
	smudge_kvm_destroy(f->kvm);
	track_close(&f->track);
	/* the machine unmaps its part */
	munmap(f->ram + f->vm.npages * 4096,
	       (2 * NPAGES - f->vm.npages) * 4096);
	tiny_vm_close(&f->vm);
}

/* Both clients are clean, and so is the kernel. */
static void open_clients(struct fixture *f)
{
	struct track *t = &f->track;

	f->one = track_client(t, "one");
	f->two = track_client(t, "two");
	for (int i = 0; i < 2; i++) {
		track_clean(t, f->one);
		track_clean(t, f->two);
		track_harvest(t);
	}
	track_take(t, f->one, 0, t->npages);
	track_take(t, f->two, 0, t->npages);
	track_harvest(t);
	track_expect_none(t, f->one);
	track_expect_none(t, f->two);
}

static void close_clients(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->one), 0);
	assert_int_equal(smudge_client_close(f->two), 0);
}

/* Takes of one client re-arm both slots, and take nothing from the other. */
static void check_two_slots(enum smudge_kvm_log_mode mode)
{
	struct smudge_kvm_slot slot;
	struct fixture f;

	open_machine(&f, mode, NPAGES);
	add_slot(&f, TINY_RAM_GPA + NPAGES * 4096, f.ram + NPAGES * 4096);
	track_open(&f.track, f.ram, TINY_RAM_GPA, 2 * NPAGES, 12);
	slot = tiny_vm_slot(&f.vm);
	f.source[0] = make_source(&f, slot);
	slot.slot = OTHER;
	slot.gpa += NPAGES * 4096;
	slot.hva = f.ram + NPAGES * 4096;
	f.source[1] = make_source(&f, slot);
	track_attach(&f.track, f.source[0], 0, NPAGES);
	track_attach(&f.track, f.source[1], NPAGES, NPAGES);
	open_clients(&f);
	tiny_vm_store(&f.vm, 0, 1);
	tiny_vm_store(&f.vm, NPAGES - 1, 2);
	tiny_vm_store(&f.vm, NPAGES, 3);
	tiny_vm_store(&f.vm, 2 * NPAGES - 1, 4);
	track_harvest(&f.track);
	track_expect(&f.track, f.one, 0, NPAGES - 1, NPAGES, 2 * NPAGES - 1);
	assert_int_equal(track_take(&f.track, f.one, NPAGES - 1, 2), 2);
	tiny_vm_store(&f.vm, NPAGES - 1, 5);
	tiny_vm_store(&f.vm, NPAGES, 6);
	track_harvest(&f.track);
	track_expect(&f.track, f.one, 0, NPAGES - 1, NPAGES, 2 * NPAGES - 1);
	track_expect(&f.track, f.two, 0, NPAGES - 1, NPAGES, 2 * NPAGES - 1);
	close_clients(&f);
	close_machine(&f);
}

/* Stores through either address are stores to the region's page. */
static void check_aliased_slots(enum smudge_kvm_log_mode mode)
{
	struct smudge_kvm_slot slot;
	struct fixture f;

	open_machine(&f, mode, NPAGES);
	add_slot(&f, ALIAS_GPA, f.ram);
	track_open(&f.track, f.ram, TINY_RAM_GPA, NPAGES, 12);
	slot = tiny_vm_slot(&f.vm);
	f.source[0] = make_source(&f, slot);
	slot.slot = OTHER;
	slot.gpa = ALIAS_GPA;
	f.source[1] = make_source(&f, slot);
	track_attach(&f.track, f.source[0], 0, 0);
	track_attach(&f.track, f.source[1], 0, 0);
	open_clients(&f);
	tiny_vm_store(&f.vm, 3, 1);
	tiny_vm_store_at(&f.vm, ALIAS_GPA + 5 * 4096, 2);
	track_harvest(&f.track);
	track_expect(&f.track, f.one, 3, 5);
	assert_int_equal(track_take(&f.track, f.one, 0, NPAGES), 2);
	/* the other way round: each page is armed in both slots */
	tiny_vm_store_at(&f.vm, ALIAS_GPA + 3 * 4096, 3);
	tiny_vm_store(&f.vm, 5, 4);
	track_harvest(&f.track);
	track_expect(&f.track, f.one, 3, 5);
	track_expect(&f.track, f.two, 3, 5);
	close_clients(&f);
	close_machine(&f);
}

/* A source is a slot's whole log, and belongs to one region. */
static void test_two_regions_in_a_slot(void **state)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};
	struct fixture f;

	open_machine(&f, SMUDGE_KVM_LOG_AUTO, 2 * NPAGES);
	track_open(&f.track, f.ram, TINY_RAM_GPA, NPAGES, 12);
	f.source[0] = make_source(&f, tiny_vm_slot(&f.vm));
	track_attach(&f.track, f.source[0], 0, 0);
	assert_int_equal(
		smudge_client_open(f.track.memory, &options, &client, &err),
		-EINVAL);
	assert_non_null(strstr(err.message, "bytes, but is attached to"));
	close_machine(&f);
}

static void test_two_slots(void **state)
{
	check_two_slots(SMUDGE_KVM_LOG_LEGACY);
	check_two_slots(SMUDGE_KVM_LOG_MANUAL);
}

static void test_aliased_slots(void **state)
{
	check_aliased_slots(SMUDGE_KVM_LOG_LEGACY);
	check_aliased_slots(SMUDGE_KVM_LOG_MANUAL);
}

TEST_MAIN(test_two_slots, test_aliased_slots, test_two_regions_in_a_slot)
