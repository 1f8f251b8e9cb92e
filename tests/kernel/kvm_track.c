/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes the machine, its region and its source. The region may begin
 * before the slot: the pages in between have no source.
 */
#include "kvm_track.h"

#include <errno.h>
#include <sys/mman.h>

void kvm_track_open(struct kvm_track *k, enum smudge_kvm_log_mode mode,
		    uint64_t npages, uint64_t before, unsigned int page_shift)
{
	struct smudge_kvm_options options = {.size = sizeof(options),
					     .mode = mode};
	struct smudge_kvm_slot slot;
	struct smudge_error err = {0};
	uint64_t size_bytes = (npages + before) * 4096;
	uint8_t *ram;
	int ret;

	test_need_kvm();
	ram = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(ram, MAP_FAILED);
	tiny_vm_open(&k->vm, ram + before * 4096, npages);
	options.vm_fd = k->vm.vm_fd;
	ret = smudge_kvm_create(&options, &k->kvm, &err);
	if (ret == -EOPNOTSUPP)
		test_skip_without("kvm", err.message);
	assert_int_equal(ret, 0);
	slot = tiny_vm_slot(&k->vm);
	assert_int_equal(smudge_kvm_log_create(k->kvm, &slot, &k->source, &err),
			 0);
	track_open(&k->track, ram, TINY_RAM_GPA - before * 4096,
		   size_bytes >> page_shift, page_shift);
	track_attach(&k->track, k->source, before * 4096 >> page_shift, 0);
}

void kvm_track_close(struct kvm_track *k)
{
	smudge_source_destroy(k->source);
	smudge_kvm_destroy(k->kvm);
	track_close(&k->track);
	if (k->track.hva < k->vm.ram)
		munmap(k->track.hva, (size_t)(k->vm.ram - k->track.hva));
	tiny_vm_close(&k->vm);
}

/* The first harvest may report everything again: it was set initially. */
struct smudge_client *kvm_track_clean_client(struct kvm_track *k,
					     const char *name)
{
	struct smudge_client *client = track_client(&k->track, name);

	track_clean(&k->track, client);
	track_harvest(&k->track);
	track_clean(&k->track, client);
	track_harvest(&k->track);
	track_expect_none(&k->track, client);
	return client;
}
