/* SPDX-License-Identifier: MIT */
/*
 * smudge_region_next_populated for each kind of memory: what holds something is
 * reported, what was never touched is not (where it can be known), and asking
 * populates nothing. As root, as nobody, and by the words of pagemap.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "deny.h"
#include "kinds.h"
#include "populated_rig.h"
#include "support.h"

#define PAGE UINT64_C(4096)

/* PAGEMAP_SCAN and PROCMAP_QUERY */
static const struct deny_rule old_kernel[] = {
	{.call = SYS_ioctl, .arg1 = 0xc0606610, .answer = ENOTTY},
	{.call = SYS_ioctl, .arg1 = 0xc0686611, .answer = ENOTTY},
};

/*
 * What must be reported: 1, may not be: 0. A kind that this user cannot know is
 * reported whole.
 */
static bool is_known(const struct kind *kind, bool as_root)
{
	switch (kind->backing) {
	case FILE_ON_DISK:
	case HUGETLB_MEMFD:
		return false;
	case ANONYMOUS:
		return as_root || !kind->is_shared;
	case HUGETLB_ANONYMOUS:
		return as_root;
	default:
		return true;
	}
}

static bool is_wanted(const struct kind_memory *m, enum page_class class,
		      bool as_root)
{
	if (!is_known(m->kind, as_root) || class == OWN || class == SEEN)
		return true;
	return class == IDLE && m->fd >= 0;
}

static uint64_t resident(const struct kind_memory *m)
{
	static unsigned char pages[1 << 16];
	uint64_t n = 0;

	if (mincore(m->ram, m->bytes, pages) < 0)
		return 0;
	for (size_t i = 0; i < m->bytes / PAGE; i++)
		n += pages[i] & 1;
	return n;
}

static bool check_classes(const struct kind_memory *m,
			  const struct populated_rig *rig, bool as_root)
{
	for (int i = 0; i < NCLASSES; i++) {
		uint64_t page = m->at[i] / PAGE;
		bool is_populated = rig->is_populated[page];

		if (is_populated != is_wanted(m, i, as_root)) {
			fprintf(stderr, "%s, class %d: %d\n", m->kind->name, i,
				is_populated);
			return false;
		}
	}
	return true;
}

/* The proof of "reads as zeros", which populates. */
static bool check_zeros(const struct kind_memory *m,
			const struct populated_rig *rig)
{
	for (uint64_t page = 0; page < rig->npages; page++) {
		for (uint64_t i = 0; i < PAGE && !rig->is_populated[page]; i++)
			CHECK(!m->ram[page * PAGE + i]);
	}
	return true;
}

static bool ask_kind(const struct kind *kind, bool as_root)
{
	struct populated_rig rig;
	struct kind_memory m;
	uint64_t before;

	if (!kind_open(&m, kind)) {
		printf("# %s: not to be had\n", kind->name);
		return true;
	}
	CHECK(populated_open(&rig, m.ram, m.bytes / PAGE, 12));
	before = resident(&m);
	CHECK(populated_ask(&rig, 0, rig.npages));
	CHECK(resident(&m) == before);
	CHECK(check_classes(&m, &rig, as_root));
	CHECK(check_zeros(&m, &rig));
	CHECK(populated_close(&rig));
	kind_close(&m);
	return true;
}

static bool ask_kinds(void *opaque)
{
	bool as_root = geteuid() == 0;

	for (size_t i = 0; i < nkinds; i++)
		CHECK(ask_kind(&kinds[i], as_root));
	return true;
}

static void test_kinds(void **state)
{
	run_as(false, ask_kinds, NULL);
}

static void test_kinds_as_nobody(void **state)
{
	run_as(true, ask_kinds, NULL);
}

static void test_kinds_of_an_old_kernel(void **state)
{
	if (geteuid() != 0)
		test_skip_without("root", "shared memory's file is closed");
	deny_and_run(old_kernel, 2, ask_kinds, NULL);
}

/* A run is bounded, a hole is not: few calls for 64 GiB. */
static bool ask_much(void *opaque)
{
	const uint64_t npages = UINT64_C(64) << (30 - 12);
	const uint64_t first = 12345, touched = 100000;
	uint8_t *ram = populated_map(npages, MAP_PRIVATE | MAP_NORESERVE);
	struct populated_rig rig;

	CHECK(ram != MAP_FAILED);
	for (uint64_t i = 0; i < touched; i++)
		ram[(first + i) * PAGE] = 1;
	ram[(npages - 1) * PAGE] = 1;
	CHECK(populated_open(&rig, ram, npages, 12));
	CHECK(populated_ask(&rig, 0, npages));
	CHECK(populated_count(&rig) == touched + 1);
	CHECK(rig.is_populated[first] && rig.is_populated[first + touched - 1]);
	CHECK(rig.is_populated[npages - 1]);
	printf("# %d calls\n", (int)rig.ncalls);
	CHECK(rig.ncalls <= touched / 512 + 3);
	CHECK(populated_close(&rig));
	munmap(ram, npages * PAGE);
	return true;
}

static void test_much(void **state)
{
	run_as(false, ask_much, NULL);
}

/* In the file, but in no mapping of this process. */
static bool ask_written_elsewhere(void *opaque)
{
	int fd = memfd_create("elsewhere", MFD_CLOEXEC);
	uint8_t *ram, *other;
	struct populated_rig rig;

	CHECK(fd >= 0 && ftruncate(fd, 64 * PAGE) == 0);
	ram = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	other = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     24 * PAGE);
	CHECK(ram != MAP_FAILED && other != MAP_FAILED);
	CHECK(pwrite(fd, "x", 1, 5 * PAGE + 7) == 1);
	other[PAGE] = 'x';
	munmap(other, 8 * PAGE);
	CHECK(lseek(fd, 3, SEEK_SET) == 3);
	CHECK(populated_open(&rig, ram + 2 * PAGE, 62, 12));
	CHECK(populated_ask(&rig, 0, 62));
	CHECK(populated_count(&rig) == 2);
	CHECK(rig.is_populated[3] && rig.is_populated[23]);
	/* Content that was dropped is zeros again. */
	CHECK(smudge_region_discard(rig.region, 3, 1, fd, NULL) == 0);
	CHECK(populated_ask(&rig, 0, 62));
	CHECK(populated_count(&rig) == 1 && rig.is_populated[23]);
	CHECK(lseek(fd, 0, SEEK_CUR) == 3);
	CHECK(populated_close(&rig));
	close(fd);
	munmap(ram, 64 * PAGE);
	return true;
}

static void test_written_elsewhere(void **state)
{
	run_as(false, ask_written_elsewhere, NULL);
	run_as(true, ask_written_elsewhere, NULL);
}

/* Only the page that was asked about; and pages of 64 KiB, rounded outwards. */
static bool ask_large_pages(void *opaque)
{
	uint8_t *map = populated_map(65 * 16, MAP_PRIVATE);
	struct populated_rig rig;
	uint8_t *ram;

	CHECK(map != MAP_FAILED);
	ram = map + (16 * PAGE - (uintptr_t)map % (16 * PAGE));
	ram[(10 * 16 + 15) * PAGE] = 1;
	ram[(11 * 16 + 3) * PAGE] = 1;
	ram[20 * 16 * PAGE] = 1;
	CHECK(populated_open(&rig, ram, 64, 16));
	CHECK(populated_ask(&rig, 0, 64));
	CHECK(populated_count(&rig) == 3);
	CHECK(rig.is_populated[10] && rig.is_populated[11] &&
	      rig.is_populated[20]);
	CHECK(populated_ask(&rig, 11, 20) && populated_count(&rig) == 1);
	CHECK(populated_ask(&rig, 12, 20) && populated_count(&rig) == 0);
	CHECK(populated_ask(&rig, 12, 12) && populated_count(&rig) == 0);
	CHECK(populated_close(&rig));
	munmap(map, 65 * 16 * PAGE);
	return true;
}

static void test_large_pages(void **state)
{
	run_as(false, ask_large_pages, NULL);
}

/* Nothing is mapped in the middle: unknown. */
static bool ask_with_a_hole(void *opaque)
{
	uint8_t *ram = populated_map(64, MAP_PRIVATE);
	struct populated_rig rig;

	CHECK(ram != MAP_FAILED);
	munmap(ram + 16 * PAGE, 16 * PAGE);
	CHECK(populated_open(&rig, ram, 32, 12));
	CHECK(populated_ask(&rig, 0, 32));
	CHECK(populated_count(&rig) == 16 && rig.is_populated[16]);
	CHECK(populated_close(&rig));
	return true;
}

static void test_hole(void **state)
{
	run_as(false, ask_with_a_hole, NULL);
}

TEST_MAIN(test_kinds, test_kinds_as_nobody, test_kinds_of_an_old_kernel,
	  test_much, test_written_elsewhere, test_large_pages, test_hole)
