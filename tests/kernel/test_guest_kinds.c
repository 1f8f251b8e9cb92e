/* SPDX-License-Identifier: MIT */
/*
 * A guest's stores in every kind of memory, under both sources: exactly the
 * pages it stored to are reported, and once. What KVM's log does not see is
 * pinned too: stores of this process, and discards.
 */
#include <string.h>
#include <sys/mman.h>

#include "kinds.h"
#include "tiny_vm.h"
#include "track.h"

#define PAGE 4096

struct fixture {
	struct kind_memory m;
	struct tiny_vm vm;
	struct track track;
	struct smudge_client *client;
	uint64_t pages[NCLASSES];
};

static bool open_memory(struct fixture *f, const struct kind *kind)
{
	if (kind_is_hugetlb(kind) || !kind_open(&f->m, kind))
		return false;
	tiny_vm_open(&f->vm, f->m.ram, f->m.bytes / PAGE);
	track_open(&f->track, f->m.ram, TINY_RAM_GPA, f->m.bytes / PAGE, 12);
	for (int i = 0; i < NCLASSES; i++)
		f->pages[i] = f->m.at[i] / PAGE;
	return true;
}

static void start(struct fixture *f, struct smudge_source *source)
{
	track_attach(&f->track, source, 0, 0);
	f->client = track_client(&f->track, "test");
	track_clean(&f->track, f->client);
	track_harvest(&f->track);
	track_clean(&f->track, f->client);
}

static void close_fixture(struct fixture *f, struct smudge_source *source)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	smudge_source_destroy(source);
	track_close(&f->track);
	tiny_vm_close(&f->vm);
	kind_close(&f->m);
}

static void expect_stores(struct fixture *f)
{
	for (uint32_t round = 1; round <= 3; round++) {
		for (int i = 0; i < NCLASSES; i++)
			tiny_vm_store(&f->vm, f->pages[i], round);
		track_harvest(&f->track);
		track_expect_pages(&f->track, f->client, f->pages, NCLASSES);
		track_clean(&f->track, f->client);
		track_harvest(&f->track);
		track_expect_none(&f->track, f->client);
	}
}

static void test_uffd(void **state)
{
	struct smudge_source *source;
	struct smudge_error err = {0};
	struct fixture f;

	test_need_kvm();
	test_need_uffd();
	for (size_t k = 0; k < nkinds; k++) {
		if (!open_memory(&f, &kinds[k]))
			continue;
		assert_int_equal(smudge_uffd_create(&source, &err), 0);
		start(&f, source);
		expect_stores(&f);
		close_fixture(&f, source);
	}
}

/* Only vCPUs are seen; the rest is for the program to mark. */
static void expect_unseen(struct fixture *f)
{
	uint8_t *page = f->m.ram + f->m.at[OWN];

	*(volatile uint8_t *)page = 9;
	assert_int_equal(madvise(page, PAGE, MADV_DONTNEED), 0);
	track_harvest(&f->track);
	track_expect_none(&f->track, f->client);
}

static void test_kvm_log(void **state)
{
	struct smudge_kvm_options options = {.size = sizeof(options)};
	struct smudge_source *source;
	struct smudge_kvm_slot slot;
	struct smudge_error err = {0};
	struct smudge_kvm *kvm;
	struct fixture f;

	test_need_kvm();
	for (size_t k = 0; k < nkinds; k++) {
		if (!open_memory(&f, &kinds[k]))
			continue;
		options.vm_fd = f.vm.vm_fd;
		slot = tiny_vm_slot(&f.vm);
		assert_int_equal(smudge_kvm_create(&options, &kvm, &err), 0);
		assert_int_equal(
			smudge_kvm_log_create(kvm, &slot, &source, &err), 0);
		start(&f, source);
		expect_stores(&f);
		expect_unseen(&f);
		close_fixture(&f, source);
		smudge_kvm_destroy(kvm);
	}
}

TEST_MAIN(test_uffd, test_kvm_log)
