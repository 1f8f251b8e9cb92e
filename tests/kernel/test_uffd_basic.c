/* SPDX-License-Identifier: MIT */
/*
 * What the userfaultfd source sees, and what it must not report: each way to
 * write memory once, with the exact pages expected.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uffd_track.h"

#define NPAGES	     UFFD_TRACK_PAGES
#define NALTERNATING 3000

/* Exact, and reported once. */
#define expect_once(f, ...)                                          \
	do {                                                         \
		track_harvest(&(f)->track);                          \
		track_expect(&(f)->track, (f)->client, __VA_ARGS__); \
		track_clean(&(f)->track, (f)->client);               \
		track_harvest(&(f)->track);                          \
		track_expect_none(&(f)->track, (f)->client);         \
	} while (0)

static void test_stores(void **state)
{
	struct uffd_track f;

	uffd_track_map(&f, MAP_PRIVATE, 12);
	uffd_track_touch(&f, 0);
	uffd_track_touch(&f, 63);
	uffd_track_touch(&f, 64);
	uffd_track_touch(&f, NPAGES - 1); /* was never populated */
	expect_once(&f, 0, 63, 64, NPAGES - 1);
	uffd_track_touch(&f, 63);
	expect_once(&f, 63);
	uffd_track_close(&f);
}

/* More runs than one call of PAGEMAP_SCAN fetches, nor a multiple of that. */
static void test_alternating(void **state)
{
	uint64_t pages[NALTERNATING];
	struct uffd_track f;

	uffd_track_map(&f, MAP_PRIVATE, 12);
	for (uint64_t i = 0; i < NALTERNATING; i++) {
		pages[i] = 2 * i + 1;
		uffd_track_touch(&f, pages[i]);
	}
	track_harvest(&f.track);
	track_expect_pages(&f.track, f.client, pages, NALTERNATING);
	track_clean(&f.track, f.client);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	uffd_track_close(&f);
}

static void test_system_calls(void **state)
{
	struct uffd_track f;
	char from[2] = "x";
	struct iovec local = {from, 1}, remote;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	uffd_track_map(&f, MAP_PRIVATE, 12);
	assert_int_equal(read(zero, f.ram + 100 * 4096 + 4095, 2), 2);
	expect_once(&f, 100, 101);
	remote.iov_base = f.ram + 700 * 4096;
	remote.iov_len = 1;
	assert_int_equal(process_vm_writev(getpid(), &local, 1, &remote, 1, 0),
			 1);
	expect_once(&f, 700);
	close(zero);
	uffd_track_close(&f);
}

/* Dropped content is changed content: the page reads as zeros now. */
static void test_dontneed(void **state)
{
	struct uffd_track f;

	uffd_track_map(&f, MAP_PRIVATE, 12);
	assert_int_equal(madvise(f.ram + 40 * 4096, 2 * 4096, MADV_DONTNEED),
			 0);
	expect_once(&f, 40, 41);
	uffd_track_touch(&f, 41);
	expect_once(&f, 41);
	uffd_track_close(&f);
}

static void test_reads_are_clean(void **state)
{
	struct uffd_track f;

	uffd_track_map(&f, MAP_PRIVATE, 12);
	assert_int_equal(*(volatile uint8_t *)(f.ram + 3 * 4096), 1);
	assert_int_equal(*(volatile uint8_t *)(f.ram + 8000 * 4096), 0);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	uffd_track_touch(&f, 8000);
	expect_once(&f, 8000);
	uffd_track_close(&f);
}

static void test_shared_memory(void **state)
{
	struct uffd_track f;

	uffd_track_map(&f, MAP_SHARED, 12);
	uffd_track_touch(&f, 5);
	uffd_track_touch(&f, 800);
	expect_once(&f, 5, 800);
	uffd_track_close(&f);
}

/* Four host pages make a page of the region. */
static void test_larger_region_pages(void **state)
{
	struct uffd_track f;

	uffd_track_map(&f, MAP_PRIVATE, 14);
	uffd_track_touch(&f, 4 * 7 + 3);
	uffd_track_touch(&f, 4 * 8);
	expect_once(&f, 7, 8);
	uffd_track_close(&f);
}

/* A child neither disturbs the parent's tracking nor shows its writes. */
static void test_fork(void **state)
{
	struct uffd_track f;
	int status;
	pid_t child;

	uffd_track_map(&f, MAP_PRIVATE, 12);
	child = fork();
	if (!child) {
		uffd_track_touch(&f, 10);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	uffd_track_touch(&f, 11);
	expect_once(&f, 11);
	uffd_track_close(&f);
}

/* Stores on both sides of each multiple of 1 GiB, where scans are split. */
static void test_windows(void **state)
{
	const uint64_t gib = UINT64_C(1) << 30;
	const uint64_t npages = 5 * gib / 2 / 4096;
	struct smudge_error err = {0};
	uint64_t first, pages[4];
	struct uffd_track f;

	test_need_uffd();
	f.mapped_bytes = npages * 4096;
	f.ram = mmap(NULL, f.mapped_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(f.ram, MAP_FAILED);
	first = (gib - (uintptr_t)f.ram % gib) / 4096;
	track_open(&f.track, f.ram, 0, npages, 12);
	assert_int_equal(smudge_uffd_create(&f.source, &err), 0);
	track_attach(&f.track, f.source, 0, 0);
	f.client = track_client(&f.track, "test");
	track_clean(&f.track, f.client);
	for (int i = 0; i < 4; i++) {
		pages[i] = first - 1 + (i & 1) + (i >> 1) * gib / 4096;
		uffd_track_touch(&f, pages[i]);
	}
	track_harvest(&f.track);
	track_expect_pages(&f.track, f.client, pages, 4);
	track_clean(&f.track, f.client);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	uffd_track_close(&f);
}

/* A range replaced behind the source's back is unknown, hence dirty. */
static void test_remapped(void **state)
{
	struct uffd_track f;
	struct smudge_error err = {0};

	uffd_track_map(&f, MAP_PRIVATE, 12);
	assert_ptr_equal(mmap(f.ram + 50 * 4096, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 f.ram + 50 * 4096);
	assert_int_equal(smudge_region_harvest(f.track.region, &err), -EPERM);
	assert_non_null(strstr(err.message, "remapped"));
	assert_true(smudge_client_all(f.client, f.track.region, 0, NPAGES));
	uffd_track_close(&f);
}

TEST_MAIN(test_stores, test_alternating, test_system_calls, test_dontneed,
	  test_reads_are_clean, test_shared_memory, test_larger_region_pages,
	  test_fork, test_windows, test_remapped)
