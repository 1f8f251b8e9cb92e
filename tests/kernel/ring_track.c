/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes the machine with rings, its region and its source.
 */
#include "ring_track.h"

#include <errno.h>
#include <sys/mman.h>

void ring_track_open(struct ring_track *k, uint32_t nentries, uint64_t npages,
		     uint64_t before, unsigned int page_shift)
{
	uint64_t size_bytes = (npages + before) * 4096;
	struct smudge_error err = {0};
	struct smudge_kvm_slot slot;
	uint8_t *ram;
	int ret;

	test_need_kvm();
	ram = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(ram, MAP_FAILED);
	ret = tiny_vm_open_ring(&k->vm, ram + before * 4096, npages, nentries,
				&err);
	if (ret == -EOPNOTSUPP)
		test_skip_without("kvm", err.message);
	if (ret < 0)
		fail_msg("%s", err.message);
	slot = tiny_vm_slot(&k->vm);
	assert_int_equal(
		smudge_kvm_ring_slot(k->vm.ring, &slot, &k->source, &err), 0);
	track_open(&k->track, ram, TINY_RAM_GPA - before * 4096,
		   size_bytes >> page_shift, page_shift);
	track_attach(&k->track, k->source, before * 4096 >> page_shift, 0);
}

void ring_track_close(struct ring_track *k)
{
	smudge_source_destroy(k->source);
	track_close(&k->track);
	if (k->track.hva < k->vm.ram)
		munmap(k->track.hva, (size_t)(k->vm.ram - k->track.hva));
	tiny_vm_close(&k->vm);
}

struct smudge_client *ring_track_clean_client(struct ring_track *k,
					      const char *name)
{
	struct smudge_client *client = track_client(&k->track, name);

	track_harvest(&k->track);
	track_clean(&k->track, client);
	track_harvest(&k->track);
	track_expect_none(&k->track, client);
	return client;
}

struct smudge_kvm_ring_stats ring_track_stats(const struct ring_track *k)
{
	struct smudge_kvm_ring_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_kvm_ring_stats(k->vm.ring, &stats), 0);
	return stats;
}
