/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes the rings, their regions and the client.
 */
#include "kvm_rig.h"

#include <string.h>

#include "source/kvm_ring.h"

/* Over no real memory: nothing reads it. */
static void *hva_of(unsigned int slot)
{
	return (void *)((uintptr_t)(slot + 1) << 32);
}

static void add_slot(struct kvm_rig *rig, unsigned int slot)
{
	const struct smudge_kvm_slot options = {
		.size = sizeof(options),
		.slot = fake_kvm.ids[slot],
		.gpa = (uint64_t)slot << 40,
		.size_bytes = FAKE_PAGES << 12,
		.hva = hva_of(slot),
	};
	const struct smudge_region_options region = {
		.size = sizeof(region),
		.name = slot ? "second" : "first",
		.gpa = (uint64_t)slot << 40,
		.size_bytes = FAKE_PAGES << 12,
		.hva = hva_of(slot),
	};

	assert_int_equal(smudge_kvm_ring_slot(rig->ring, &options,
					      &rig->sources[slot], NULL),
			 0);
	assert_int_equal(smudge_region_add(rig->memory, &region,
					   &rig->regions[slot], NULL),
			 0);
	assert_int_equal(smudge_region_attach(rig->regions[slot],
					      rig->sources[slot], 0, 0, NULL),
			 0);
}

void kvm_rig_open(struct kvm_rig *rig, uint32_t nentries)
{
	const struct smudge_kvm_ring_options options = {
		.size = sizeof(options),
		.vm_fd = fake_kvm.vm_fd,
		.nentries = nentries,
	};
	struct smudge_error err = {0};

	memset(rig, 0, sizeof(*rig));
	if (smudge_kvm_ring_create(&options, &rig->ring, &err) < 0)
		fail_msg("%s", err.message);
	for (int v = 0; v < FAKE_NVCPUS; v++)
		assert_int_equal(smudge_kvm_ring_add_vcpu(rig->ring,
							  FAKE_VCPU_FD + v,
							  &rig->vcpus[v], NULL),
				 0);
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	for (unsigned int s = 0; s < FAKE_NSLOTS; s++)
		add_slot(rig, s);
}

void kvm_rig_close(struct kvm_rig *rig)
{
	kvm_rig_unwatch(rig);
	for (int v = 0; v < FAKE_NVCPUS; v++)
		smudge_kvm_ring_remove_vcpu(rig->vcpus[v]);
	for (int s = 0; s < FAKE_NSLOTS; s++)
		smudge_source_destroy(rig->sources[s]);
	smudge_kvm_ring_destroy(rig->ring);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	fake_kvm_close();
}

void kvm_rig_watch(struct kvm_rig *rig)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "client"};

	assert_int_equal(
		smudge_client_open(rig->memory, &options, &rig->client, NULL),
		0);
	for (int s = 0; s < FAKE_NSLOTS; s++)
		fake_kvm.members[s] = rig->ring->slots[fake_kvm.ids[s]]->member;
	kvm_rig_clean(rig);
}

void kvm_rig_unwatch(struct kvm_rig *rig)
{
	assert_int_equal(smudge_client_close(rig->client), 0);
	rig->client = NULL;
}

int kvm_rig_harvest(struct kvm_rig *rig, struct smudge_error *err)
{
	return smudge_memory_harvest(rig->memory, err);
}

void kvm_rig_clean(struct kvm_rig *rig)
{
	for (int s = 0; s < FAKE_NSLOTS; s++)
		assert_int_equal(smudge_client_skip(rig->client,
						    rig->regions[s], 0,
						    FAKE_PAGES, NULL),
				 0);
}

bool kvm_rig_is_dirty(const struct kvm_rig *rig, unsigned int slot,
		      uint64_t page)
{
	return smudge_client_test(rig->client, rig->regions[slot], page);
}

uint64_t kvm_rig_count(const struct kvm_rig *rig, unsigned int slot)
{
	return smudge_client_count(rig->client, rig->regions[slot], 0,
				   FAKE_PAGES);
}

struct smudge_kvm_ring_stats kvm_rig_stats(struct kvm_rig *rig)
{
	struct smudge_kvm_ring_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_kvm_ring_stats(rig->ring, &stats), 0);
	return stats;
}
