/* SPDX-License-Identifier: MIT */
/*
 * KVM fails while a slot is tracked, or the slot differs from its description:
 * what is unknown is dirty, a take that cannot re-arm returns its bits, and
 * each failure has a sentence.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "kvm_track.h"
#include "common/kvm_vm.h"

#define NPAGES 100
#define LEGACY SMUDGE_KVM_LOG_LEGACY
#define MANUAL SMUDGE_KVM_LOG_MANUAL

static void expect_words(const struct smudge_error *err, const char *words)
{
	if (!strstr(err->message, words))
		fail_msg("\"%s\" does not say \"%s\"", err->message, words);
}

/* The slot is deleted, and the source does not know. */
static void check_vanished_slot(enum smudge_kvm_log_mode mode)
{
	struct smudge_client *client;
	struct smudge_error err = {0};
	struct kvm_track k;

	kvm_track_open(&k, mode, NPAGES, 0, 12);
	client = kvm_track_clean_client(&k, "test");
	assert_true(tiny_vm_has_slot(&k.vm));
	tiny_vm_delete_slot(&k.vm);
	assert_int_equal(smudge_region_harvest(k.track.region, &err), -ENOENT);
	expect_words(&err, "slot 3 fails: it has no log any more");
	assert_true(smudge_client_all(client, k.track.region, 0, NPAGES));
	assert_int_equal(smudge_client_close(client), 0);
	/* The source's stop must not have made the slot again. */
	assert_false(tiny_vm_has_slot(&k.vm));
	kvm_track_close(&k);
}

static void test_vanished_slot(void **state)
{
	check_vanished_slot(LEGACY);
	check_vanished_slot(MANUAL);
}

/* The clear fails, so the pages are not taken and stay dirty. */
static void test_failed_clear(void **state)
{
	struct smudge_client *client;
	struct smudge_error err = {0};
	struct kvm_track k;
	struct track *t = &k.track;

	kvm_track_open(&k, MANUAL, NPAGES, 0, 12);
	client = kvm_track_clean_client(&k, "test");
	tiny_vm_store(&k.vm, 3, 1);
	tiny_vm_store(&k.vm, 70, 1);
	track_harvest(t);
	tiny_vm_delete_slot(&k.vm);
	assert_int_equal(smudge_client_take(client, t->region, 0, NPAGES,
					    t->batch, &err),
			 -EIO);
	expect_words(&err, "KVM_CLEAR_DIRTY_LOG of slot 3");
	assert_true(smudge_batch_is_empty(t->batch));
	track_expect(t, client, 3, 70);
	assert_int_equal(smudge_client_close(client), 0);
	kvm_track_close(&k);
}

/* Attached to fewer or more pages than the slot has, or to others. */
static void check_misattached(uint64_t first_page, uint64_t npages,
			      bool is_elsewhere, const char *words)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};
	struct smudge_client *client = NULL;
	struct smudge_kvm_slot slot;
	struct smudge_source *source;
	struct smudge_error err = {0};
	struct kvm_track k;

	kvm_track_open(&k, LEGACY, NPAGES, 10, 12);
	slot = tiny_vm_slot(&k.vm);
	if (is_elsewhere) {
		slot.gpa += 4096 * NPAGES;
		slot.hva = (uint8_t *)slot.hva - 4096;
	}
	assert_int_equal(smudge_source_detach(k.source, &err), 0);
	assert_int_equal(smudge_kvm_log_create(k.kvm, &slot, &source, &err), 0);
	track_attach(&k.track, source, first_page, npages);
	assert_int_equal(
		smudge_client_open(k.track.memory, &options, &client, &err),
		-EINVAL);
	assert_null(client);
	expect_words(&err, words);
	smudge_source_destroy(source);
	kvm_track_close(&k);
}

static void test_misattached(void **state)
{
	check_misattached(10, NPAGES - 1, false, "has 409600 bytes");
	check_misattached(9, NPAGES + 1, false, "has 409600 bytes");
	check_misattached(10, NPAGES, true, "does not map");
}

/* Logging of a slot that KVM refuses: the address space does not exist. */
static void test_refused_start(void **state)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};
	struct smudge_client *client = NULL;
	struct smudge_kvm_slot slot;
	struct smudge_source *source;
	struct smudge_error err = {0};
	struct kvm_track k;

	kvm_track_open(&k, MANUAL, NPAGES, 0, 12);
	slot = tiny_vm_slot(&k.vm);
	slot.slot |= 7 << 16;
	assert_int_equal(smudge_source_detach(k.source, &err), 0);
	assert_int_equal(smudge_kvm_log_create(k.kvm, &slot, &source, &err), 0);
	track_attach(&k.track, source, 0, 0);
	assert_true(smudge_client_open(k.track.memory, &options, &client,
				       &err) < 0);
	assert_null(client);
	expect_words(&err, "refuses to log");
	smudge_source_destroy(source);
	kvm_track_close(&k);
}

/*
 * A slot that does not exist: KVM would make it. Nothing is left of it, nor of
 * one whose place another slot has.
 */
static void check_no_slot(bool is_elsewhere, const char *words)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};
	struct smudge_client *client = NULL;
	struct smudge_kvm_slot slot;
	struct smudge_source *source;
	struct smudge_error err;
	struct kvm_track k;

	kvm_track_open(&k, MANUAL, NPAGES, 0, 12);
	slot = tiny_vm_slot(&k.vm);
	assert_int_equal(smudge_source_detach(k.source, NULL), 0);
	slot.slot += is_elsewhere;
	if (!is_elsewhere)
		tiny_vm_delete_slot(&k.vm);
	assert_int_equal(smudge_kvm_log_create(k.kvm, &slot, &source, &err), 0);
	track_attach(&k.track, source, 0, 0);
	assert_int_equal(
		smudge_client_open(k.track.memory, &options, &client, &err),
		-ENOENT);
	assert_null(client);
	expect_words(&err, words);
	assert_int_equal(tiny_vm_has_slot(&k.vm), is_elsewhere);
	smudge_source_destroy(source);
	kvm_track_close(&k);
}

static void test_no_slot(void **state)
{
	check_no_slot(false, "slot 3 does not exist in this VM: create it "
			     "before its source starts");
	check_no_slot(true, "slot 4 does not exist in this VM, and another "
			    "slot has its gpa 0x");
}

/* One of two sources would not see what the other cleared in the kernel. */
static void test_two_sources(void **state)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};
	struct smudge_client *client = NULL;
	struct smudge_kvm_slot slot;
	struct smudge_source *source;
	struct smudge_error err = {0};
	struct kvm_track k;

	kvm_track_open(&k, MANUAL, NPAGES, 0, 12);
	slot = tiny_vm_slot(&k.vm);
	assert_int_equal(smudge_kvm_log_create(k.kvm, &slot, &source, &err), 0);
	track_attach(&k.track, source, 0, 0);
	assert_int_equal(
		smudge_client_open(k.track.memory, &options, &client, &err),
		-EBUSY);
	expect_words(&err, "slot 3 is tracked by another source");
	smudge_source_destroy(source);
	client = kvm_track_clean_client(&k, "test");
	assert_int_equal(smudge_client_close(client), 0);
	kvm_track_close(&k);
}

/* A machine whose dirty ring is on has no log. */
static int open_machine(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm_fd = kvm_vm_create(fd);

	close(fd);
	return vm_fd;
}

static void make_rings(int vm_fd)
{
	struct kvm_enable_cap ring = {.cap = KVM_CAP_DIRTY_LOG_RING,
				      .args = {65536}};

	if (ioctl(vm_fd, KVM_ENABLE_CAP, &ring) < 0) {
		close(vm_fd);
		test_skip_without("kvm-ring", "KVM has no dirty ring");
	}
}

static void make_slot(int vm_fd, const struct smudge_kvm_slot *slot)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot->slot,
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->size_bytes,
		.userspace_addr = (uintptr_t)slot->hva,
	};

	assert_return_code(ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region),
			   errno);
}

static void test_dirty_ring(void **state)
{
	struct smudge_client_options client_options = {
		.size = sizeof(client_options), .name = "test"};
	struct smudge_kvm_options options = {.size = sizeof(options)};
	struct smudge_kvm_slot slot = {.size = sizeof(slot),
				       .size_bytes = NPAGES * 4096};
	struct smudge_client *client = NULL;
	struct smudge_source *source;
	struct smudge_error err = {0};
	struct smudge_kvm *kvm;
	struct track t;

	test_need_kvm();
	options.vm_fd = open_machine();
	slot.hva = mmap(NULL, slot.size_bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	make_slot(options.vm_fd, &slot);
	assert_int_equal(smudge_kvm_create(&options, &kvm, &err), 0);
	make_rings(options.vm_fd); /* after the log was chosen */
	assert_int_equal(smudge_kvm_log_create(kvm, &slot, &source, &err), 0);
	track_open(&t, slot.hva, 0, NPAGES, 12);
	track_attach(&t, source, 0, 0);
	assert_int_equal(
		smudge_client_open(t.memory, &client_options, &client, &err),
		-ENXIO);
	expect_words(&err, "the dirty ring");
	smudge_source_destroy(source);
	track_close(&t);
	smudge_kvm_destroy(kvm);
	munmap(slot.hva, slot.size_bytes);
	close(options.vm_fd);
}

/* Manual protection, which would make the rings miss writes, is not set. */
static void test_rings_before(void **state)
{
	struct smudge_kvm_options options = {.size = sizeof(options)};
	struct smudge_error err = {0};
	struct smudge_kvm *kvm = NULL;

	test_need_kvm();
	options.vm_fd = open_machine();
	make_rings(options.vm_fd);
	for (int mode = SMUDGE_KVM_LOG_AUTO; mode <= SMUDGE_KVM_LOG_MANUAL;
	     mode++) {
		options.mode = mode;
		assert_int_equal(smudge_kvm_create(&options, &kvm, &err),
				 -EINVAL);
		expect_words(&err, "dirty rings instead of the log");
		assert_null(kvm);
	}
	close(options.vm_fd);
}

TEST_MAIN(test_vanished_slot, test_failed_clear, test_misattached,
	  test_refused_start, test_no_slot, test_two_sources, test_dirty_ring,
	  test_rings_before)
