/* SPDX-License-Identifier: MIT */
/*
 * A region over userfaultfd whose end moves: exact reports before and behind
 * the old end, dropped content in new memory of files, refusals that change
 * nothing, and a thread that stores all the time.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "racing.h"
#include "track.h"

#define PAGE	   4096
#define NPAGES	   1000
#define MAX_NPAGES 5000
#define LOW	   ((void *)0x200000000000)

struct rig {
	uint8_t *ram; /* MAX_NPAGES of addresses; NPAGES are mapped */
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
};

/* How the new memory is mapped: flags, and a memfd or -1. */
static void map_more(struct rig *r, uint64_t first, uint64_t end, int flags,
		     int fd)
{
	uint8_t *at = r->ram + first * PAGE;

	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	assert_ptr_equal(mmap(at, (end - first) * PAGE, PROT_READ | PROT_WRITE,
			      flags | MAP_FIXED, fd, 0),
			 at);
}

static void unmap(struct rig *r, uint64_t first, uint64_t end)
{
	assert_int_equal(munmap(r->ram + first * PAGE, (end - first) * PAGE),
			 0);
}

static void harvest(struct rig *r)
{
	struct smudge_error err;

	if (smudge_region_harvest(r->region, &err))
		fail_msg("%s", err.message);
}

static void clean(struct rig *r)
{
	harvest(r);
	assert_int_equal(smudge_client_skip(r->client, r->region, 0,
					    smudge_region_npages(r->region),
					    NULL),
			 0);
}

static void touch(struct rig *r, uint64_t page)
{
	((volatile uint8_t *)r->ram)[page * PAGE]++;
}

/* After a harvest these are dirty, and no others; then all is clean. */
static void expect(struct rig *r, const uint64_t *pages, uint64_t n)
{
	harvest(r);
	for (uint64_t i = 0; i < n; i++)
		assert_true(smudge_client_test(r->client, r->region, pages[i]));
	assert_int_equal(smudge_client_dirty_pages(r->client), n);
	clean(r);
}

static void resize(struct rig *r, uint64_t npages)
{
	struct smudge_error err;

	if (smudge_region_resize(r->region, npages, &err))
		fail_msg("%s", err.message);
}

static void open_rig(struct rig *r)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "heap",
		.size_bytes = NPAGES * PAGE,
		.max_size_bytes = MAX_NPAGES * PAGE,
	};
	const struct smudge_client_options client = {.size = sizeof(client),
						     .name = "test"};

	test_need_uffd();
	/* far from where the kernel places what the library maps meanwhile */
	r->ram = mmap(LOW, MAX_NPAGES * PAGE, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(r->ram, MAP_FAILED);
	unmap(r, 0, MAX_NPAGES);
	map_more(r, 0, NPAGES, MAP_PRIVATE, -1);
	options.hva = r->ram;
	assert_int_equal(smudge_memory_create(&r->memory), 0);
	assert_int_equal(
		smudge_region_add(r->memory, &options, &r->region, NULL), 0);
	assert_int_equal(smudge_uffd_create(&r->source, NULL), 0);
	assert_int_equal(smudge_region_attach(r->region, r->source, 0, 0, NULL),
			 0);
	assert_int_equal(
		smudge_client_open(r->memory, &client, &r->client, NULL), 0);
	clean(r);
}

static void close_rig(struct rig *r)
{
	assert_int_equal(smudge_client_close(r->client), 0);
	smudge_source_destroy(r->source);
	assert_int_equal(smudge_memory_destroy(r->memory, NULL), 0);
	munmap(r->ram, MAX_NPAGES * PAGE);
}

static void test_heap(void **state)
{
	static const uint64_t both[] = {3, NPAGES - 1, NPAGES, 2999};
	static const uint64_t old[] = {3, NPAGES - 1};
	static const uint64_t few[] = {0, 499};
	struct rig r;

	open_rig(&r);
	touch(&r, 3); /* before it grows, harvested afterwards */
	touch(&r, NPAGES - 1);
	map_more(&r, NPAGES, 3000, MAP_PRIVATE, -1);
	resize(&r, 3000);
	harvest(&r);
	for (int i = 0; i < 2; i++)
		assert_true(smudge_client_test(r.client, r.region, old[i]));
	assert_int_equal(smudge_client_count(r.client, r.region, 0, NPAGES), 2);
	assert_int_equal(smudge_client_dirty_pages(r.client), 2002);
	clean(&r);
	for (int i = 0; i < 4; i++)
		touch(&r, both[i]);
	expect(&r, both, 4);
	expect(&r, NULL, 0);
	for (int i = 0; i < 4; i++)
		touch(&r, both[i]);
	resize(&r, NPAGES);
	unmap(&r, NPAGES, 3000);
	expect(&r, old, 2);
	resize(&r, 500);
	unmap(&r, 500, NPAGES);
	touch(&r, 0);
	touch(&r, 499);
	expect(&r, few, 2);
	/* memory that was there before, and is another mapping now */
	map_more(&r, 500, MAX_NPAGES, MAP_PRIVATE, -1);
	resize(&r, MAX_NPAGES);
	harvest(&r);
	assert_int_equal(smudge_client_dirty_pages(r.client), MAX_NPAGES - 500);
	clean(&r);
	for (int i = 0; i < 4; i++)
		touch(&r, both[i]);
	expect(&r, both, 4);
	close_rig(&r);
}

/* New memory of a memfd, private or shared: dropped content is reported. */
static void grow_by_file(int flags, int advice)
{
	static const uint64_t dropped[] = {7, 2000, 2999};
	int fd = memfd_create("resize", MFD_CLOEXEC);
	struct rig r;

	assert_return_code(fd, errno);
	assert_int_equal(ftruncate(fd, 2000 * PAGE), 0);
	open_rig(&r);
	map_more(&r, NPAGES, 3000, flags, fd);
	for (int i = 1; i < 3; i++)
		touch(&r, dropped[i]); /* before it is tracked */
	resize(&r, 3000);
	clean(&r);
	touch(&r, dropped[0]);
	clean(&r);
	expect(&r, NULL, 0);
	assert_int_equal(madvise(r.ram + 7 * PAGE, PAGE, MADV_DONTNEED), 0);
	for (int i = 1; i < 3; i++)
		assert_int_equal(
			madvise(r.ram + dropped[i] * PAGE, PAGE, advice), 0);
	harvest(&r);
	for (int i = 0; i < 3; i++)
		assert_true(smudge_client_test(r.client, r.region, dropped[i]));
	assert_int_equal(smudge_client_dirty_pages(r.client), 3);
	clean(&r);
	/* cut within the file's pages, then behind them */
	resize(&r, 2500);
	unmap(&r, 2500, 3000);
	touch(&r, 2000);
	expect(&r, &dropped[1], 1);
	resize(&r, NPAGES);
	unmap(&r, NPAGES, 2500);
	touch(&r, 7);
	expect(&r, dropped, 1);
	close_rig(&r);
	close(fd);
}

static void test_private_file(void **state)
{
	grow_by_file(MAP_PRIVATE, MADV_DONTNEED);
}

static void test_shared_file(void **state)
{
	grow_by_file(MAP_SHARED, MADV_REMOVE);
}

/* A hole behind the end, and memory of another source. */
static void test_refusals(void **state)
{
	static const uint64_t pages[] = {5, NPAGES - 1};
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "other",
		.gpa = UINT64_C(1) << 40,
		.size_bytes = 10 * PAGE,
	};
	struct smudge_region_options o = options;
	struct smudge_source *source;
	struct smudge_region *other;
	struct smudge_error err;
	struct rig r;

	open_rig(&r);
	assert_int_equal(smudge_region_resize(r.region, NPAGES + 100, &err),
			 -ENOMEM);
	assert_string_equal(err.where, "uffd");
	map_more(&r, NPAGES, NPAGES + 100, MAP_PRIVATE, -1);
	o.hva = r.ram + (NPAGES + 50) * PAGE;
	assert_int_equal(smudge_region_add(r.memory, &o, &other, NULL), 0);
	assert_int_equal(smudge_uffd_create(&source, NULL), 0);
	/* The client watches it, so the source starts at once. */
	assert_int_equal(smudge_region_attach(other, source, 0, 0, NULL), 0);
	assert_int_equal(smudge_region_resize(r.region, NPAGES + 100, &err),
			 -EBUSY);
	assert_int_equal(smudge_region_npages(r.region), NPAGES);
	smudge_source_destroy(source);
	assert_int_equal(smudge_region_remove(other, NULL), 0);
	for (int i = 0; i < 2; i++)
		touch(&r, pages[i]);
	touch(&r, NPAGES);
	expect(&r, pages, 2);
	resize(&r, NPAGES + 100);
	clean(&r);
	touch(&r, NPAGES + 99);
	expect(&r, (const uint64_t[]){NPAGES + 99}, 1);
	close_rig(&r);
}

struct writer {
	uint8_t *ram;
	atomic_bool is_over;
};

static void *writer_main(void *opaque)
{
	struct writer *w = opaque;

	for (uint32_t n = 1; !atomic_load(&w->is_over); n++) {
		for (uint64_t page = 0; page < MAX_NPAGES; page += 1 + page % 3)
			racing_store(w->ram + page * PAGE, n);
	}
	return NULL;
}

static void copy_all(struct rig *r, struct smudge_batch *batch, uint32_t *copy)
{
	struct smudge_run rest = {0, smudge_region_npages(r->region)};

	harvest(r);
	while (smudge_client_take_next(r->client, r->region, &rest, 512, batch,
				       NULL) > 0) {
		for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
			struct smudge_run run = smudge_batch_run(batch, i);

			for (uint64_t p = 0; p < run.npages; p++)
				copy[run.first_page + p] = racing_load(
					r->ram + (run.first_page + p) * PAGE);
		}
		assert_int_equal(smudge_client_commit(r->client, batch), 0);
	}
}

/* All memory stays mapped, and is written on both sides of the end. */
static void test_live_writer(void **state)
{
	struct test_rng rng = test_rng_start("uffd_resize");
	static uint32_t copy[MAX_NPAGES];
	struct smudge_batch *batch;
	struct writer w = {0};
	pthread_t thread;
	struct rig r;

	open_rig(&r);
	map_more(&r, NPAGES, MAX_NPAGES, MAP_PRIVATE, -1);
	assert_int_equal(smudge_batch_create(0, &batch, NULL), 0);
	w.ram = r.ram;
	assert_int_equal(pthread_create(&thread, NULL, writer_main, &w), 0);
	for (int i = 0; i < 200; i++) {
		resize(&r, 1 + test_rng_below(&rng, MAX_NPAGES));
		copy_all(&r, batch, copy);
	}
	resize(&r, MAX_NPAGES);
	copy_all(&r, batch, copy);
	atomic_store(&w.is_over, true);
	pthread_join(thread, NULL);
	copy_all(&r, batch, copy);
	for (uint64_t p = 0; p < MAX_NPAGES; p++)
		assert_int_equal(copy[p], racing_load(r.ram + p * PAGE));
	assert_int_equal(smudge_batch_destroy(batch), 0);
	close_rig(&r);
}

TEST_MAIN(test_heap, test_private_file, test_shared_file, test_refusals,
	  test_live_writer)
