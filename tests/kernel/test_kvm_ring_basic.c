/* SPDX-License-Identifier: MIT */
/*
 * Exactly the pages that a guest stored to are reported by KVM's dirty rings:
 * to every client, once, in regions of other page sizes, from several vCPUs
 * and slots. Looks, slots that leave, and starts after stops.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#include "ring_track.h"

#define SECOND_GPA   UINT64_C(0x20000000)
#define SECOND_SLOT  7
#define SECOND_PAGES 64

static void test_exact(void **state)
{
	struct smudge_client *client, *other;
	struct ring_track k;

	ring_track_open(&k, 0, 300, 5, 12);
	client = ring_track_clean_client(&k, "client");
	other = ring_track_clean_client(&k, "other");
	tiny_vm_store(&k.vm, 0, 1);
	tiny_vm_store(&k.vm, 299, 2);
	tiny_vm_store(&k.vm, 64, 3);
	tiny_vm_store(&k.vm, 64, 4);
	track_harvest(&k.track);
	track_expect(&k.track, client, 5, 69, 304);
	track_expect(&k.track, other, 5, 69, 304);
	assert_int_equal(track_take(&k.track, client, 0, 305), 3);
	track_harvest(&k.track);
	track_expect_none(&k.track, client);
	tiny_vm_store(&k.vm, 64, 5);
	track_harvest(&k.track);
	track_expect(&k.track, client, 69);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_client_close(other), 0);
	ring_track_close(&k);
}

static void test_larger_pages(void **state)
{
	struct smudge_client *client;
	struct ring_track k;

	ring_track_open(&k, 0, 512, 0, 14);
	client = ring_track_clean_client(&k, "client");
	tiny_vm_store(&k.vm, 4, 1);
	tiny_vm_store(&k.vm, 7, 1);
	tiny_vm_store(&k.vm, 511, 1);
	track_harvest(&k.track);
	track_expect(&k.track, client, 1, 127);
	assert_int_equal(smudge_client_close(client), 0);
	ring_track_close(&k);
}

/* What a look reported comes again, until a harvest; then it is armed. */
static void test_look(void **state)
{
	struct smudge_client *client;
	struct ring_track k;

	ring_track_open(&k, 0, 100, 0, 12);
	client = ring_track_clean_client(&k, "client");
	tiny_vm_store(&k.vm, 10, 1);
	for (int i = 0; i < 2; i++) {
		track_look(&k.track);
		track_expect(&k.track, client, 10);
		track_take(&k.track, client, 0, 100);
	}
	tiny_vm_store(&k.vm, 11, 1);
	track_harvest(&k.track);
	track_expect(&k.track, client, 10, 11);
	track_take(&k.track, client, 0, 100);
	track_look(&k.track);
	track_expect_none(&k.track, client);
	assert_int_equal(smudge_client_close(client), 0);
	ring_track_close(&k);
}

/* With a quiesced client others' harvests are looks, and report again. */
static void test_quiesced(void **state)
{
	struct smudge_client *client, *quiesced;
	struct ring_track k;

	ring_track_open(&k, 0, 100, 0, 12);
	client = track_client(&k.track, "client");
	quiesced =
		track_client_with(&k.track, "quiesced", SMUDGE_REARM_QUIESCED);
	track_harvest_quiesced(&k.track);
	track_clean(&k.track, client);
	track_clean(&k.track, quiesced);
	tiny_vm_store(&k.vm, 10, 1);
	for (int i = 0; i < 2; i++) {
		track_harvest(&k.track);
		track_expect(&k.track, client, 10);
		track_expect(&k.track, quiesced, 10);
		track_clean(&k.track, client);
		track_clean(&k.track, quiesced);
	}
	tiny_vm_store(&k.vm, 11, 1);
	track_harvest_quiesced(&k.track);
	track_expect(&k.track, quiesced, 10, 11);
	track_clean(&k.track, client);
	track_clean(&k.track, quiesced);
	track_harvest(&k.track);
	track_expect_none(&k.track, client);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_client_close(quiesced), 0);
	ring_track_close(&k);
}

/* Each vCPU has a ring, and the source reports them all. */
static void test_second_vcpu(void **state)
{
	struct smudge_client *client;
	struct tiny_vm second;
	struct ring_track k;

	ring_track_open(&k, 0, 100, 0, 12);
	client = ring_track_clean_client(&k, "client");
	tiny_vm_open_vcpu(&second, &k.vm, 1);
	tiny_vm_add_ring(&second);
	tiny_vm_store(&second, 50, 1);
	tiny_vm_store(&k.vm, 20, 1);
	track_harvest(&k.track);
	track_expect(&k.track, client, 20, 50);
	track_take(&k.track, client, 0, 100);
	/* written by a vCPU that leaves before the harvest */
	tiny_vm_store(&second, 51, 1);
	tiny_vm_close_vcpu(&second);
	track_harvest(&k.track);
	track_expect(&k.track, client, 51);
	assert_int_equal(smudge_client_close(client), 0);
	ring_track_close(&k);
}

static void set_second_slot(struct ring_track *k, void *hva, uint64_t npages)
{
	struct kvm_userspace_memory_region region = {
		.slot = SECOND_SLOT,
		.guest_phys_addr = SECOND_GPA,
		.memory_size = npages * 4096,
		.userspace_addr = (uintptr_t)hva,
	};

	assert_return_code(
		ioctl(k->vm.vm_fd, KVM_SET_USER_MEMORY_REGION, &region), errno);
}

static struct smudge_region *add_second(struct ring_track *k, void *hva,
					struct smudge_source **ret_source)
{
	const struct smudge_kvm_slot slot = {
		.size = sizeof(slot),
		.slot = SECOND_SLOT,
		.gpa = SECOND_GPA,
		.size_bytes = SECOND_PAGES * 4096,
		.hva = hva,
	};
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "second",
		.hva = hva,
		.gpa = SECOND_GPA,
		.size_bytes = SECOND_PAGES * 4096,
	};
	struct smudge_region *region;

	assert_int_equal(
		smudge_kvm_ring_slot(k->vm.ring, &slot, ret_source, NULL), 0);
	assert_int_equal(
		smudge_region_add(k->track.memory, &options, &region, NULL), 0);
	assert_int_equal(smudge_region_attach(region, *ret_source, 0, 0, NULL),
			 0);
	return region;
}

/* The page of the second slot, as the guest's program counts from the first */
static uint64_t second_page(uint64_t page)
{
	return (SECOND_GPA - TINY_RAM_GPA) / 4096 + page;
}

static void store_second(struct ring_track *k, uint8_t *hva, uint64_t page)
{
	uint8_t *ram = k->vm.ram;

	/* where the store is looked for */
	k->vm.ram = hva - (second_page(page) - page) * 4096;
	tiny_vm_store(&k->vm, second_page(page), 77);
	k->vm.ram = ram;
}

/*
 * A second slot is attached, and leaves with entries in the ring: they are
 * ignored, or reported when it is back. The first one's are not touched.
 */
static void test_second_slot(void **state)
{
	uint8_t *hva = mmap(NULL, SECOND_PAGES * 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct smudge_source *source;
	struct smudge_region *region;
	struct smudge_client *client;
	struct ring_track k;

	assert_ptr_not_equal(hva, MAP_FAILED);
	ring_track_open(&k, 0, 100, 0, 12);
	set_second_slot(&k, hva, SECOND_PAGES);
	client = ring_track_clean_client(&k, "client");
	region = add_second(&k, hva, &source);
	assert_int_equal(
		smudge_client_skip(client, region, 0, SECOND_PAGES, NULL), 0);
	store_second(&k, hva, 9);
	tiny_vm_store(&k.vm, 3, 1);
	track_harvest(&k.track);
	track_expect(&k.track, client, 3);
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	assert_true(smudge_client_test(client, region, 9));
	assert_int_equal(smudge_client_count(client, region, 0, SECOND_PAGES),
			 1);
	track_take(&k.track, client, 0, 100);

	store_second(&k, hva, 10);
	assert_int_equal(smudge_region_remove(region, NULL), 0);
	smudge_source_destroy(source);
	set_second_slot(&k, hva, 0);
	tiny_vm_store(&k.vm, 4, 1);
	track_harvest(&k.track);
	track_expect(&k.track, client, 4);
	assert_int_equal(smudge_client_close(client), 0);
	ring_track_close(&k);
	munmap(hva, SECOND_PAGES * 4096);
}

/* Nothing is logged while no client is open, and everything after. */
static void test_stop_and_start(void **state)
{
	struct smudge_client *client;
	struct ring_track k;
	uint64_t entries;

	ring_track_open(&k, 0, 100, 0, 12);
	client = ring_track_clean_client(&k, "client");
	tiny_vm_store(&k.vm, 1, 1);
	assert_int_equal(smudge_client_close(client), 0);
	entries = ring_track_stats(&k).entries;
	tiny_vm_store(&k.vm, 2, 1);
	client = ring_track_clean_client(&k, "again");
	/* page 1's entry was left in the ring; page 2 has none */
	assert_int_equal(ring_track_stats(&k).entries - entries, 1);
	tiny_vm_store(&k.vm, 1, 2);
	tiny_vm_store(&k.vm, 2, 2);
	track_harvest(&k.track);
	track_expect(&k.track, client, 1, 2);
	assert_int_equal(smudge_client_close(client), 0);
	ring_track_close(&k);
}

/* Neither a start nor a stop makes KVM create a slot that is not there. */
static void test_no_slot(void **state)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "late"};
	struct smudge_client *client, *late = NULL;
	struct smudge_error err;
	struct ring_track k;

	ring_track_open(&k, 0, 16, 0, 12);
	client = ring_track_clean_client(&k, "client");
	tiny_vm_delete_slot(&k.vm);
	assert_int_equal(smudge_client_close(client), 0);
	assert_false(tiny_vm_has_slot(&k.vm));
	assert_int_equal(
		smudge_client_open(k.track.memory, &options, &late, &err),
		-ENOENT);
	assert_null(late);
	assert_non_null(strstr(err.message, "slot 3 does not exist"));
	assert_false(tiny_vm_has_slot(&k.vm));
	ring_track_close(&k);
}

TEST_MAIN(test_exact, test_larger_pages, test_look, test_quiesced,
	  test_second_vcpu, test_second_slot, test_stop_and_start, test_no_slot)
