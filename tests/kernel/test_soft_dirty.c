/* SPDX-License-Identifier: MIT */
/*
 * What the soft-dirty source detects and refuses: each way to write memory
 * once; two sources, of which each clears the other's bits; another user that
 * clears them. Skipped on a kernel without the bits.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/soft_dirty.h>

#include "track.h"

#define NPAGES 2048
#define BYTES  (NPAGES * (size_t)4096)

struct fixture {
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	uint8_t *ram, *map;
	int nstanding, nquiesced;
	int quiesce_error;
};

static int quiesce(void *opaque, struct smudge_error *err)
{
	struct fixture *f = opaque;

	if (f->quiesce_error)
		return smudge_error_set(err, f->quiesce_error, "test",
					"a writer does not stop");
	f->nstanding++;
	f->nquiesced++;
	return 0;
}

static void resume(void *opaque)
{
	struct fixture *f = opaque;

	f->nstanding--;
}

/* Between pages that may not be touched, so that its mapping stays alone. */
static uint8_t *map(struct fixture *f, int flags)
{
	f->map = mmap(NULL, BYTES + 8192, PROT_NONE, flags | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(f->map, MAP_FAILED);
	assert_int_equal(mprotect(f->map + 4096, BYTES, PROT_READ | PROT_WRITE),
			 0);
	return f->map + 4096;
}

static void make_source(struct fixture *f)
{
	const struct smudge_soft_dirty_options o = {.size = sizeof(o),
						    .quiesce = quiesce,
						    .resume = resume,
						    .opaque = f};
	struct smudge_error err = {0};
	int ret = smudge_soft_dirty_create(&o, &f->source, &err);

	if (ret == -EOPNOTSUPP)
		test_skip_without("soft-dirty", err.message);
	assert_int_equal(ret, 0);
}

static void open_fixture(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	make_source(f);
	f->ram = map(f, MAP_PRIVATE);
	madvise(f->ram, BYTES, MADV_NOHUGEPAGE);
	memset(f->ram, 1, BYTES / 2);
	track_open(&f->track, f->ram, 0, NPAGES, 12);
	track_attach(&f->track, f->source, 0, 0);
	f->client = track_client(&f->track, "test");
	assert_int_equal(f->nquiesced, 1);
	track_clean(&f->track, f->client);
	track_harvest(&f->track);
	track_expect_none(&f->track, f->client);
	assert_int_equal(f->nquiesced, 2);
	assert_int_equal(f->nstanding, 0);
}

static void close_fixture(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	smudge_source_destroy(f->source);
	track_close(&f->track);
	munmap(f->map, BYTES + 8192);
}

static void touch(struct fixture *f, uint64_t page)
{
	*(volatile uint8_t *)(f->ram + page * 4096 + 77) = 9;
}

/* A look reports it too and lets nothing stand; a harvest reports it once. */
#define expect_once(f, ...)                                          \
	do {                                                         \
		int before = (f)->nquiesced;                         \
		track_look(&(f)->track);                             \
		track_expect(&(f)->track, (f)->client, __VA_ARGS__); \
		assert_int_equal((f)->nquiesced, before);            \
		track_clean(&(f)->track, (f)->client);               \
		track_harvest(&(f)->track);                          \
		track_expect(&(f)->track, (f)->client, __VA_ARGS__); \
		track_clean(&(f)->track, (f)->client);               \
		track_harvest(&(f)->track);                          \
		track_expect_none(&(f)->track, (f)->client);         \
		assert_int_equal((f)->nstanding, 0);                 \
	} while (0)

static void test_writes(void **state)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct fixture f;

	open_fixture(&f);
	touch(&f, 0);
	touch(&f, 63);
	touch(&f, NPAGES - 1); /* was never populated */
	expect_once(&f, 0, 63, NPAGES - 1);
	assert_int_equal(read(zero, f.ram + 100 * 4096 + 4095, 2), 2);
	expect_once(&f, 100, 101);
	(void)*(volatile uint8_t *)(f.ram + 8 * 4096);
	(void)*(volatile uint8_t *)(f.ram + 2000 * 4096);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	close(zero);
	close_fixture(&f);
}

/* The header says so; a newer kernel may do better. */
static void test_dropped_content(void **state)
{
	struct fixture f;

	open_fixture(&f);
	assert_int_equal(madvise(f.ram + 40 * 4096, 4096, MADV_DONTNEED), 0);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	assert_int_equal(f.ram[40 * 4096], 0);
	track_clean(&f.track, f.client);
	assert_int_equal(smudge_region_discard(f.track.region, 41, 1, -1, NULL),
			 0);
	track_harvest(&f.track);
	track_expect(&f.track, f.client, 41);
	close_fixture(&f);
}

static void test_fork(void **state)
{
	struct fixture f;
	int status;
	pid_t child;

	open_fixture(&f);
	touch(&f, 9);
	child = fork();
	if (!child) {
		int ret = smudge_region_harvest(f.track.region, NULL);

		touch(&f, 10);
		smudge_source_destroy(f.source);
		_exit(ret != -EPERM);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	touch(&f, 11);
	expect_once(&f, 9, 11);
	close_fixture(&f);
}

/* Each harvest clears all: what the other has not reported is carried over. */
static void test_two_sources(void **state)
{
	struct fixture a, b;

	open_fixture(&a);
	touch(&a, 3);
	open_fixture(&b);
	touch(&b, 5);
	expect_once(&a, 3);
	touch(&a, 4);
	expect_once(&b, 5);
	assert_int_equal(a.nstanding, 0);
	assert_true(a.nquiesced > 4); /* for b's harvests as well */
	close_fixture(&b);
	expect_once(&a, 4);
	close_fixture(&a);
}

static void clear_by_another(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	assert_int_equal(write(fd, "4", 1), 1);
	close(fd);
}

static void test_another_clears(void **state)
{
	struct fixture f;

	open_fixture(&f);
	touch(&f, 3);
	clear_by_another();
	track_look(&f.track);
	assert_true(smudge_client_all(f.client, f.track.region, 0, NPAGES));
	track_clean(&f.track, f.client);
	track_harvest(&f.track);
	assert_true(smudge_client_all(f.client, f.track.region, 0, NPAGES));
	track_clean(&f.track, f.client);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	close_fixture(&f);
}

/* A new mapping is dirty as a whole until a harvest; so is a huge page. */
static void test_needless_reports(void **state)
{
	struct fixture f;
	uint8_t *huge;

	open_fixture(&f);
	assert_ptr_not_equal(
		mmap(f.ram + 50 * 4096, 4 * 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		MAP_FAILED);
	track_harvest(&f.track);
	for (uint64_t page = 50; page < 54; page++)
		assert_true(smudge_client_test(f.client, f.track.region, page));
	track_clean(&f.track, f.client);
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	huge = (uint8_t *)(((uintptr_t)f.ram + (2 << 20) - 1) &
			   ~(uintptr_t)((2 << 20) - 1));
	madvise(huge, 2 << 20, MADV_DONTNEED);
	madvise(huge, 2 << 20, MADV_HUGEPAGE);
	memset(huge, 2, 2 << 20);
	track_harvest(&f.track);
	track_clean(&f.track, f.client);
	huge[5 * 4096] = 3;
	track_harvest(&f.track);
	print_message("# a store to a huge page: %llu pages\n",
		      (unsigned long long)smudge_client_dirty_pages(f.client));
	assert_true(smudge_client_test(f.client, f.track.region,
				       (uint64_t)(huge - f.ram) / 4096 + 5));
	close_fixture(&f);
}

/* Nothing is cleared, and what was written is reported later. */
static void test_quiesce_fails(void **state)
{
	struct smudge_error err = {0};
	struct fixture f;

	open_fixture(&f);
	touch(&f, 3);
	f.quiesce_error = -ETIMEDOUT;
	assert_int_equal(smudge_region_harvest(f.track.region, &err),
			 -ETIMEDOUT);
	assert_non_null(strstr(err.message, "does not stop"));
	assert_true(smudge_client_all(f.client, f.track.region, 0, NPAGES));
	track_clean(&f.track, f.client);
	f.quiesce_error = 0;
	expect_once(&f, 3);
	close_fixture(&f);
}

static void expect_refused(uint8_t *ram, int code, const char *says)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};
	struct fixture f = {0};

	make_source(&f);
	track_open(&f.track, ram, 0, NPAGES, 12);
	track_attach(&f.track, f.source, 0, 0);
	assert_int_equal(
		smudge_client_open(f.track.memory, &options, &client, &err),
		code);
	if (!strstr(err.message, says))
		fail_msg("\"%s\" does not say \"%s\"", err.message, says);
	smudge_source_destroy(f.source);
	track_close(&f.track);
}

static void test_refused_memory(void **state)
{
	struct fixture f = {0};
	uint8_t *ram;

	make_source(&f);
	smudge_source_destroy(f.source);
	ram = map(&f, MAP_SHARED);
	expect_refused(ram, -EOPNOTSUPP, "is shared");
	munmap(f.map, BYTES + 8192);
	ram = map(&f, MAP_PRIVATE);
	if (madvise(ram + 4096, 4096, MADV_MERGEABLE) == 0)
		expect_refused(ram, -EOPNOTSUPP, "merged by KSM");
	munmap(f.map, BYTES + 8192);
	ram = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (ram == MAP_FAILED)
		return;
	expect_refused(ram, -EOPNOTSUPP, "hugetlbfs");
	munmap(ram, BYTES);
}

static void test_two_of_one_page(void **state)
{
	struct fixture f;

	open_fixture(&f);
	expect_refused(f.ram, -EBUSY, "another source of this kind");
	touch(&f, 7);
	expect_once(&f, 7);
	close_fixture(&f);
}

TEST_MAIN(test_writes, test_dropped_content, test_fork, test_two_sources,
	  test_another_clears, test_needless_reports, test_quiesce_fails,
	  test_refused_memory, test_two_of_one_page)
