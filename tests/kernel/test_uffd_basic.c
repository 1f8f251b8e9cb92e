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

#include "track.h"

#define NPAGES	     8192
#define NALTERNATING 3000

struct fixture {
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	uint8_t *ram;
};

static void open_fixture(struct fixture *f, int flags, unsigned int page_shift)
{
	struct smudge_error err = {0};

	test_need_uffd();
	f->ram = mmap(NULL, NPAGES * 4096, PROT_READ | PROT_WRITE,
		      flags | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
	memset(f->ram, 1, NPAGES / 2 * 4096);
	track_open(&f->track, f->ram, 0, NPAGES * 4096 >> page_shift,
		   page_shift);
	assert_int_equal(smudge_uffd_create(&f->source, &err), 0);
	track_attach(&f->track, f->source, 0, 0);
	f->client = track_client(&f->track, "test");
	track_clean(&f->track, f->client);
	track_harvest(&f->track);
	track_expect_none(&f->track, f->client);
}

static void close_fixture(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	smudge_source_destroy(f->source);
	track_close(&f->track);
	munmap(f->ram, NPAGES * 4096);
}

/* Exact, and reported once. */
#define expect_once(f, ...)                                          \
	do {                                                         \
		track_harvest(&(f)->track);                          \
		track_expect(&(f)->track, (f)->client, __VA_ARGS__); \
		track_clean(&(f)->track, (f)->client);               \
		track_harvest(&(f)->track);                          \
		track_expect_none(&(f)->track, (f)->client);         \
	} while (0)

static void touch(struct fixture *f, uint64_t page)
{
	*(volatile uint8_t *)(f->ram + page * 4096 + 77) = 9;
}

static void test_stores(void **state)
{
	struct fixture f;

	open_fixture(&f, MAP_PRIVATE, 12);
	touch(&f, 0);
	touch(&f, 63);
	touch(&f, 64);
	touch(&f, NPAGES - 1); /* was never populated */
	expect_once(&f, 0, 63, 64, NPAGES - 1);
	touch(&f, 63);
	expect_once(&f, 63);
	close_fixture(&f);
}

/* More runs than one call of PAGEMAP_SCAN fetches, nor a multiple of that. */
static void test_alternating(void **state)
{
	uint64_t pages[NALTERNATING];
	struct fixture f;

	open_fixture(&f, MAP_PRIVATE, 12);
	for (uint64_t i = 0; i < NALTERNATING; i++) {
		pages[i] = 2 * i + 1;
		touch(&f, pages[i]);
	}
	track_harvest(&f.track);
	track_expect_pages(&f.track, f.client, pages, NALTERNATING);
	track_clean(&f.track, f.client);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	close_fixture(&f);
}

static void test_system_calls(void **state)
{
	struct fixture f;
	char from[2] = "x";
	struct iovec local = {from, 1}, remote;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	open_fixture(&f, MAP_PRIVATE, 12);
	assert_int_equal(read(zero, f.ram + 100 * 4096 + 4095, 2), 2);
	expect_once(&f, 100, 101);
	remote.iov_base = f.ram + 700 * 4096;
	remote.iov_len = 1;
	assert_int_equal(process_vm_writev(getpid(), &local, 1, &remote, 1, 0),
			 1);
	expect_once(&f, 700);
	close(zero);
	close_fixture(&f);
}

/* Dropped content is changed content: the page reads as zeros now. */
static void test_dontneed(void **state)
{
	struct fixture f;

	open_fixture(&f, MAP_PRIVATE, 12);
	assert_int_equal(madvise(f.ram + 40 * 4096, 2 * 4096, MADV_DONTNEED),
			 0);
	expect_once(&f, 40, 41);
	touch(&f, 41);
	expect_once(&f, 41);
	close_fixture(&f);
}

static void test_reads_are_clean(void **state)
{
	struct fixture f;

	open_fixture(&f, MAP_PRIVATE, 12);
	assert_int_equal(*(volatile uint8_t *)(f.ram + 3 * 4096), 1);
	assert_int_equal(*(volatile uint8_t *)(f.ram + 8000 * 4096), 0);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	touch(&f, 8000);
	expect_once(&f, 8000);
	close_fixture(&f);
}

static void test_shared_memory(void **state)
{
	struct fixture f;

	open_fixture(&f, MAP_SHARED, 12);
	touch(&f, 5);
	touch(&f, 800);
	expect_once(&f, 5, 800);
	close_fixture(&f);
}

/* Four host pages make a page of the region. */
static void test_larger_region_pages(void **state)
{
	struct fixture f;

	open_fixture(&f, MAP_PRIVATE, 14);
	touch(&f, 4 * 7 + 3);
	touch(&f, 4 * 8);
	expect_once(&f, 7, 8);
	close_fixture(&f);
}

/* The parent's tracking does not suffer from a child, nor see its writes. */
static void test_fork(void **state)
{
	struct fixture f;
	int status;
	pid_t child;

	open_fixture(&f, MAP_PRIVATE, 12);
	child = fork();
	if (!child) {
		touch(&f, 10);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	touch(&f, 11);
	expect_once(&f, 11);
	close_fixture(&f);
}

/* Stores on both sides of each multiple of 1 GiB, where scans are split. */
static void test_windows(void **state)
{
	const uint64_t gib = UINT64_C(1) << 30;
	const uint64_t npages = 5 * gib / 2 / 4096;
	struct smudge_error err = {0};
	uint64_t first, pages[4];
	struct fixture f;

	test_need_uffd();
	f.ram = mmap(NULL, npages * 4096, PROT_READ | PROT_WRITE,
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
		touch(&f, pages[i]);
	}
	track_harvest(&f.track);
	track_expect_pages(&f.track, f.client, pages, 4);
	track_clean(&f.track, f.client);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	munmap(f.ram + NPAGES * 4096, (npages - NPAGES) * 4096);
	close_fixture(&f);
}

/* A range replaced behind the source's back is unknown, hence dirty. */
static void test_remapped(void **state)
{
	struct fixture f;
	struct smudge_error err = {0};

	open_fixture(&f, MAP_PRIVATE, 12);
	assert_ptr_equal(mmap(f.ram + 50 * 4096, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 f.ram + 50 * 4096);
	assert_int_equal(smudge_region_harvest(f.track.region, &err), -EPERM);
	assert_non_null(strstr(err.message, "remapped"));
	assert_true(smudge_client_all(f.client, f.track.region, 0, NPAGES));
	close_fixture(&f);
}

TEST_MAIN(test_stores, test_alternating, test_system_calls, test_dontneed,
	  test_reads_are_clean, test_shared_memory, test_larger_region_pages,
	  test_fork, test_windows, test_remapped)
