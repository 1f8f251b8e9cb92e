/* SPDX-License-Identifier: MIT */
/*
 * What the mprotect source detects, each way to write memory once, with the
 * exact pages expected; and that memory is as the program made it afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/mprotect.h>

#include "track.h"

#define NPAGES 4096
#define BYTES  (NPAGES * (size_t)4096)

struct fixture {
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	uint8_t *ram;
};

static uint8_t *map(int flags)
{
	uint8_t *ram = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			    flags | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(ram, MAP_FAILED);
	return ram;
}

/* Over memory of the caller's: clean, and protected. */
static void open_over(struct fixture *f, uint8_t *ram, unsigned int page_shift)
{
	struct smudge_error err = {0};

	f->ram = ram;
	track_open(&f->track, ram, 0, BYTES >> page_shift, page_shift);
	assert_int_equal(smudge_mprotect_create(&f->source, &err), 0);
	track_attach(&f->track, f->source, 0, 0);
	f->client = track_client(&f->track, "test");
	track_clean(&f->track, f->client);
	track_harvest(&f->track);
	track_expect_none(&f->track, f->client);
}

static void open_fixture(struct fixture *f, int flags, unsigned int page_shift)
{
	uint8_t *ram = map(flags);

	memset(ram, 1, BYTES / 2);
	open_over(f, ram, page_shift);
}

static void close_fixture(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	smudge_source_destroy(f->source);
	track_close(&f->track);
	munmap(f->ram, BYTES);
}

static void touch(struct fixture *f, uint64_t page)
{
	*(volatile uint8_t *)(f->ram + page * 4096 + 77) = 9;
}

/* Exact; a look reports it too, and a harvest reports it once. */
#define expect_once(f, ...)                                          \
	do {                                                         \
		track_look(&(f)->track);                             \
		track_expect(&(f)->track, (f)->client, __VA_ARGS__); \
		track_clean(&(f)->track, (f)->client);               \
		track_harvest(&(f)->track);                          \
		track_expect(&(f)->track, (f)->client, __VA_ARGS__); \
		track_clean(&(f)->track, (f)->client);               \
		track_harvest(&(f)->track);                          \
		track_expect_none(&(f)->track, (f)->client);         \
	} while (0)

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

static void test_shared_memory(void **state)
{
	struct fixture f;

	open_fixture(&f, MAP_SHARED, 12);
	touch(&f, 5);
	touch(&f, 800);
	expect_once(&f, 5, 800);
	close_fixture(&f);
}

static void test_larger_region_pages(void **state)
{
	struct fixture f;

	open_fixture(&f, MAP_PRIVATE, 14);
	touch(&f, 4 * 7 + 3);
	touch(&f, 4 * 8);
	expect_once(&f, 7, 8);
	close_fixture(&f);
}

static void test_alternating(void **state)
{
	uint64_t pages[NPAGES / 2];
	struct fixture f;

	open_fixture(&f, MAP_PRIVATE, 12);
	for (uint64_t i = 0; i < NPAGES / 2; i++) {
		pages[i] = 2 * i + 1;
		touch(&f, pages[i]);
	}
	track_harvest(&f.track);
	track_expect_pages(&f.track, f.client, pages, NPAGES / 2);
	track_clean(&f.track, f.client);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	close_fixture(&f);
}

/*
 * The kernel's writes fail and write nothing, but for those that force their
 * way: these are not detected, which the header says.
 */
static void test_system_calls(void **state)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	struct iovec local = {"x", 1}, remote;
	struct fixture f;
	int ends[2];

	open_fixture(&f, MAP_PRIVATE, 12);
	assert_int_equal(read(zero, f.ram + 100 * 4096, 1), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "ab", 2), 2);
	assert_int_equal(read(ends[0], f.ram + 101 * 4096, 2), -1);
	assert_int_equal(errno, EFAULT);
	remote.iov_base = f.ram + 102 * 4096;
	remote.iov_len = 1;
	assert_int_equal(process_vm_writev(getpid(), &local, 1, &remote, 1, 0),
			 -1);
	assert_int_equal(errno, EFAULT);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	/* The program stored there since the last harvest: it works. */
	touch(&f, 100);
	assert_int_equal(read(zero, f.ram + 100 * 4096, 1), 1);
	expect_once(&f, 100);
	assert_int_equal(
		pwrite(mem, "y", 1, (off_t)(uintptr_t)f.ram + 103 * 4096), 1);
	assert_int_equal(f.ram[103 * 4096], 'y');
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	close_fixture(&f);
	close(zero);
	close(mem);
	close(ends[0]);
	close(ends[1]);
}

/* The protection of a page's mapping, as /proc/self/maps has it. */
static void protection_of(const void *at, char *ret_perms)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[512];

	assert_non_null(maps);
	strcpy(ret_perms, "none");
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, ret_perms) == 3 &&
		    start <= (unsigned long)at && (unsigned long)at < end)
			break;
	}
	fclose(maps);
}

static void expect_protections(const uint8_t *ram, const char *read_only,
			       const char *none, const char *code,
			       const char *data)
{
	const char *wanted[] = {read_only, none, code, data};
	char perms[5];

	for (int i = 0; i < 4; i++) {
		protection_of(ram + (size_t)(100 + i) * 4096, perms);
		assert_string_equal(perms, wanted[i]);
	}
}

static void test_protections_are_kept(void **state)
{
	uint8_t *ram = map(MAP_PRIVATE);
	struct fixture f;

	assert_int_equal(mprotect(ram + 100 * 4096, 4096, PROT_READ), 0);
	assert_int_equal(mprotect(ram + 101 * 4096, 4096, PROT_NONE), 0);
	assert_int_equal(mprotect(ram + 102 * 4096, 4096,
				  PROT_READ | PROT_WRITE | PROT_EXEC),
			 0);
	open_over(&f, ram, 12);
	expect_protections(ram, "r--p", "---p", "r-xp", "r--p");
	touch(&f, 102);
	touch(&f, 103);
	expect_protections(ram, "r--p", "---p", "rwxp", "rw-p");
	expect_once(&f, 102, 103);
	expect_protections(ram, "r--p", "---p", "r-xp", "r--p");
	assert_int_equal(smudge_client_close(f.client), 0);
	expect_protections(ram, "r--p", "---p", "rwxp", "rw-p");
	f.client = track_client(&f.track, "again");
	expect_protections(ram, "r--p", "---p", "r-xp", "r--p");
	close_fixture(&f);
}

/* A child's stores are its own; it may destroy the source. */
static void test_fork(void **state)
{
	struct fixture f;
	int status;
	pid_t child;

	open_fixture(&f, MAP_PRIVATE, 12);
	child = fork();
	if (!child) {
		char perms[5];
		int ret;

		touch(&f, 10);
		ret = smudge_region_harvest(f.track.region, NULL);
		smudge_source_destroy(f.source);
		touch(&f, 12);
		protection_of(f.ram, perms);
		_exit(ret != -EPERM || strcmp(perms, "rw-p"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	touch(&f, 11);
	expect_once(&f, 11);
	close_fixture(&f);
}

static void expect_interference(struct fixture *f)
{
	struct smudge_error err = {0};

	assert_int_equal(smudge_region_look(f->track.region, &err), -EPERM);
	assert_int_equal(smudge_region_harvest(f->track.region, &err), -EPERM);
	assert_non_null(
		strstr(err.message, "was changed while it was tracked"));
	assert_true(smudge_client_all(f->client, f->track.region, 0, NPAGES));
}

static void test_interference(void **state)
{
	struct fixture f;

	for (int i = 0; i < 4; i++) {
		uint8_t *at;

		open_fixture(&f, MAP_PRIVATE, 12);
		at = f.ram + (size_t)50 * 4096;
		if (i == 0)
			assert_ptr_equal(
				mmap(at, 4096, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				     -1, 0),
				at);
		else if (i == 1)
			assert_int_equal(
				mprotect(at, 4096, PROT_READ | PROT_WRITE), 0);
		else if (i == 2)
			assert_int_equal(munmap(at, 4096), 0);
		else
			assert_int_equal(munmap(f.ram + BYTES - 4096, 4096), 0);
		expect_interference(&f);
		close_fixture(&f);
	}
}

/* Regions side by side, each with a source, and one that comes and goes. */
static void test_several_regions(void **state)
{
	struct fixture f[3];

	for (int i = 0; i < 3; i++)
		open_fixture(&f[i], i & 1 ? MAP_SHARED : MAP_PRIVATE, 12);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			touch(&f[i], (uint64_t)(10 * i + round));
		for (int i = 0; i < 3; i++)
			expect_once(&f[i], (uint64_t)(10 * i + round));
		close_fixture(&f[1]);
		touch(&f[2], 5);
		expect_once(&f[2], 5);
		open_fixture(&f[1], MAP_PRIVATE, 12);
	}
	for (int i = 0; i < 3; i++)
		close_fixture(&f[i]);
}

/* 2 MiB of hugetlbfs are a page. */
static void test_hugetlbfs(void **state)
{
	uint8_t *ram = mmap(
		NULL, BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1, 0);
	struct fixture f;

	if (ram == MAP_FAILED)
		test_skip_without("hugetlbfs",
				  "8 huge pages of 2 MiB are not to be had");
	open_over(&f, ram, 12);
	touch(&f, 512 + 3);
	track_harvest(&f.track);
	assert_true(smudge_client_all(f.client, f.track.region, 512, 512));
	assert_int_equal(smudge_client_dirty_pages(f.client), 512);
	track_clean(&f.track, f.client);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	close_fixture(&f);
}

TEST_MAIN(test_stores, test_shared_memory, test_larger_region_pages,
	  test_alternating, test_system_calls, test_protections_are_kept,
	  test_fork, test_interference, test_several_regions, test_hugetlbfs)
