/* SPDX-License-Identifier: MIT */
/*
 * Exact reports before and behind the old end, refusals that change nothing,
 * and a thread that stores all the time.
 */
#include "resize_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "racing.h"

#define LOW	    ((void *)0x200000000000)
#define HUGE_NPAGES UINT64_C(512)

void resize_rig_map(struct resize_rig *r, uint64_t first, uint64_t end,
		    int flags, int fd)
{
	uint8_t *at = r->ram + first * RESIZE_PAGE;

	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	assert_ptr_equal(mmap(at, (end - first) * RESIZE_PAGE,
			      PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0),
			 at);
}

void resize_rig_unmap(struct resize_rig *r, uint64_t first, uint64_t end)
{
	assert_int_equal(munmap(r->ram + first * RESIZE_PAGE,
				(end - first) * RESIZE_PAGE),
			 0);
}

void resize_rig_harvest(struct resize_rig *r)
{
	struct smudge_error err;

	if (smudge_region_harvest(r->region, &err))
		fail_msg("%s", err.message);
}

void resize_rig_clean(struct resize_rig *r)
{
	resize_rig_harvest(r);
	assert_int_equal(smudge_client_skip(r->client, r->region, 0,
					    smudge_region_npages(r->region),
					    NULL),
			 0);
}

void resize_rig_touch(struct resize_rig *r, uint64_t page)
{
	((volatile uint8_t *)r->ram)[page * RESIZE_PAGE]++;
}

static void expect_dirty(struct resize_rig *r, const uint64_t *pages,
			 uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		assert_true(smudge_client_test(r->client, r->region, pages[i]));
}

/* Of all pages that are dirty. */
static void expect_number(struct resize_rig *r, uint64_t n)
{
	if (r->is_exact)
		assert_int_equal(smudge_client_dirty_pages(r->client), n);
	else
		assert_in_range(smudge_client_dirty_pages(r->client), n,
				smudge_region_npages(r->region));
}

void resize_rig_expect(struct resize_rig *r, const uint64_t *pages, uint64_t n)
{
	resize_rig_harvest(r);
	expect_dirty(r, pages, n);
	expect_number(r, n);
	resize_rig_clean(r);
}

void resize_rig_resize(struct resize_rig *r, uint64_t npages)
{
	struct smudge_error err;

	if (smudge_region_resize(r->region, npages, &err))
		fail_msg("%s", err.message);
}

static void open_writer_lock(struct resize_rig *r)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&r->writer, &attr);
	pthread_mutexattr_destroy(&attr);
}

static void open_over(struct resize_rig *r, uint64_t npages,
		      uint64_t max_npages)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "heap",
		.hva = r->ram,
		.size_bytes = npages * RESIZE_PAGE,
		.max_size_bytes = max_npages * RESIZE_PAGE,
	};
	const struct smudge_client_options client = {.size = sizeof(client),
						     .name = "test"};

	assert_int_equal(smudge_memory_create(&r->memory), 0);
	assert_int_equal(
		smudge_region_add(r->memory, &options, &r->region, NULL), 0);
	assert_int_equal(smudge_region_attach(r->region, r->source, 0, 0, NULL),
			 0);
	assert_int_equal(
		smudge_client_open(r->memory, &client, &r->client, NULL), 0);
	resize_rig_clean(r);
}

void resize_rig_open(struct resize_rig *r)
{
	open_writer_lock(r);
	r->source = r->make(r);
	/* far from where the kernel places what the library maps meanwhile */
	r->ram = mmap(LOW, RESIZE_MAX_NPAGES * RESIZE_PAGE, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(r->ram, MAP_FAILED);
	resize_rig_unmap(r, 0, RESIZE_MAX_NPAGES);
	resize_rig_map(r, 0, RESIZE_NPAGES, MAP_PRIVATE, -1);
	open_over(r, RESIZE_NPAGES, RESIZE_MAX_NPAGES);
}

void resize_rig_close(struct resize_rig *r)
{
	assert_int_equal(smudge_client_close(r->client), 0);
	smudge_source_destroy(r->source);
	assert_int_equal(smudge_memory_destroy(r->memory, NULL), 0);
	munmap(r->ram, RESIZE_MAX_NPAGES * RESIZE_PAGE);
	pthread_mutex_destroy(&r->writer);
}

void resize_rig_check_heap(struct resize_rig *r)
{
	static const uint64_t both[] = {3, RESIZE_NPAGES - 1, RESIZE_NPAGES,
					2999};
	static const uint64_t old[] = {3, RESIZE_NPAGES - 1};
	static const uint64_t few[] = {0, 499};

	resize_rig_open(r);
	resize_rig_touch(r, 3); /* before it grows, harvested afterwards */
	resize_rig_touch(r, RESIZE_NPAGES - 1);
	resize_rig_map(r, RESIZE_NPAGES, 3000, MAP_PRIVATE, -1);
	resize_rig_resize(r, 3000);
	resize_rig_harvest(r);
	expect_dirty(r, old, 2);
	expect_number(r, 2002);
	resize_rig_clean(r);
	for (int i = 0; i < 4; i++)
		resize_rig_touch(r, both[i]);
	resize_rig_expect(r, both, 4);
	resize_rig_expect(r, NULL, 0);
	for (int i = 0; i < 4; i++)
		resize_rig_touch(r, both[i]);
	resize_rig_resize(r, RESIZE_NPAGES);
	resize_rig_unmap(r, RESIZE_NPAGES, 3000);
	resize_rig_expect(r, old, 2);
	resize_rig_resize(r, 500);
	resize_rig_unmap(r, 500, RESIZE_NPAGES);
	resize_rig_touch(r, 0);
	resize_rig_touch(r, 499);
	resize_rig_expect(r, few, 2);
	/* memory that was there before, and is another mapping now */
	resize_rig_map(r, 500, RESIZE_MAX_NPAGES, MAP_PRIVATE, -1);
	resize_rig_resize(r, RESIZE_MAX_NPAGES);
	resize_rig_harvest(r);
	expect_number(r, RESIZE_MAX_NPAGES - 500);
	resize_rig_clean(r);
	for (int i = 0; i < 4; i++)
		resize_rig_touch(r, both[i]);
	resize_rig_expect(r, both, 4);
	resize_rig_close(r);
}

/* A hole behind the end, and memory of another source. */
void resize_rig_check_refusals(struct resize_rig *r, const char *where)
{
	static const uint64_t pages[] = {5, RESIZE_NPAGES - 1};
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "other",
		.gpa = UINT64_C(1) << 40,
		.size_bytes = 10 * RESIZE_PAGE,
	};
	struct smudge_region_options o = options;
	struct smudge_source *source;
	struct smudge_region *other;
	struct smudge_error err;

	resize_rig_open(r);
	assert_int_equal(
		smudge_region_resize(r->region, RESIZE_NPAGES + 100, &err),
		-ENOMEM);
	assert_string_equal(err.where, where);
	resize_rig_map(r, RESIZE_NPAGES, RESIZE_NPAGES + 100, MAP_PRIVATE, -1);
	o.hva = r->ram + (RESIZE_NPAGES + 50) * RESIZE_PAGE;
	assert_int_equal(smudge_region_add(r->memory, &o, &other, NULL), 0);
	source = r->make(r);
	/* The client watches it, so the source starts at once. */
	assert_int_equal(smudge_region_attach(other, source, 0, 0, NULL), 0);
	assert_int_equal(
		smudge_region_resize(r->region, RESIZE_NPAGES + 100, &err),
		-EBUSY);
	assert_int_equal(smudge_region_npages(r->region), RESIZE_NPAGES);
	smudge_source_destroy(source);
	assert_int_equal(smudge_region_remove(other, NULL), 0);
	for (int i = 0; i < 2; i++)
		resize_rig_touch(r, pages[i]);
	resize_rig_touch(r, RESIZE_NPAGES);
	resize_rig_expect(r, pages, 2);
	resize_rig_resize(r, RESIZE_NPAGES + 100);
	resize_rig_clean(r);
	resize_rig_touch(r, RESIZE_NPAGES + 99);
	resize_rig_expect(r, (const uint64_t[]){RESIZE_NPAGES + 99}, 1);
	resize_rig_close(r);
}

struct live {
	struct resize_rig *r;
	atomic_bool is_over;
	uint32_t copy[RESIZE_MAX_NPAGES]; /* the first word of each page */
};

static void write_burst(struct resize_rig *r, uint64_t first, uint32_t n)
{
	pthread_mutex_lock(&r->writer);
	for (uint64_t page = first; page < RESIZE_MAX_NPAGES; page += 37)
		racing_store(r->ram + page * RESIZE_PAGE, n);
	pthread_mutex_unlock(&r->writer);
}

/* All memory stays mapped, and is written on both sides of the end. */
static void *writer_main(void *opaque)
{
	struct live *live = opaque;

	for (uint32_t n = 1; !atomic_load(&live->is_over); n++)
		write_burst(live->r, n % 37, n);
	return NULL;
}

static void copy_all(struct live *live, struct smudge_batch *batch)
{
	struct resize_rig *r = live->r;
	struct smudge_run rest = {0, smudge_region_npages(r->region)};

	resize_rig_harvest(r);
	while (smudge_client_take_next(r->client, r->region, &rest, 512, batch,
				       NULL) > 0) {
		for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
			struct smudge_run run = smudge_batch_run(batch, i);

			for (uint64_t p = run.first_page;
			     p < run.first_page + run.npages; p++)
				live->copy[p] =
					racing_load(r->ram + p * RESIZE_PAGE);
		}
		assert_int_equal(smudge_client_commit(r->client, batch), 0);
	}
}

/* While the writer stands: what is clean after a harvest is as it was copied.
 */
static void check_nothing_lost(struct live *live)
{
	struct resize_rig *r = live->r;

	pthread_mutex_lock(&r->writer);
	resize_rig_harvest(r);
	for (uint64_t p = 0; p < smudge_region_npages(r->region); p++) {
		if (!smudge_client_test(r->client, r->region, p))
			assert_int_equal(live->copy[p],
					 racing_load(r->ram + p * RESIZE_PAGE));
	}
	pthread_mutex_unlock(&r->writer);
}

void resize_rig_check_live_writer(struct resize_rig *r)
{
	struct test_rng rng = test_rng_start("resize");
	static struct live live;
	struct smudge_batch *batch;
	pthread_t thread;

	resize_rig_open(r);
	resize_rig_map(r, RESIZE_NPAGES, RESIZE_MAX_NPAGES, MAP_PRIVATE, -1);
	assert_int_equal(smudge_batch_create(0, &batch, NULL), 0);
	live.r = r;
	assert_int_equal(pthread_create(&thread, NULL, writer_main, &live), 0);
	for (int i = 0; i < 200; i++) {
		if (i % 3 == 0)
			copy_all(&live, batch);
		resize_rig_resize(r,
				  1 + test_rng_below(&rng, RESIZE_MAX_NPAGES));
		if (i % 2 == 0)
			copy_all(&live, batch);
		check_nothing_lost(&live);
	}
	atomic_store(&live.is_over, true);
	pthread_join(thread, NULL);
	check_nothing_lost(&live);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	resize_rig_close(r);
}

/* The whole pages of 2 MiB that begin there, as far as the region has them. */
static void expect_huge(struct resize_rig *r, uint64_t first)
{
	uint64_t npages = smudge_region_npages(r->region) - first;

	npages = npages < HUGE_NPAGES ? npages : HUGE_NPAGES;
	resize_rig_harvest(r);
	assert_true(smudge_client_all(r->client, r->region, first, npages));
	assert_int_equal(smudge_client_dirty_pages(r->client), npages);
	resize_rig_clean(r);
}

void resize_rig_check_huge(struct resize_rig *r)
{
	const uint64_t huge = HUGE_NPAGES;

	r->ram = mmap(LOW, 4 * huge * RESIZE_PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1,
		      0);
	/* Before there is a source, which has a handler of signals. */
	if (r->ram == MAP_FAILED)
		test_skip_without("hugetlbfs",
				  "4 huge pages of 2 MiB are not to be had");
	open_writer_lock(r);
	r->source = r->make(r);
	open_over(r, 3 * huge, 4 * huge);
	resize_rig_resize(r, huge + 200);
	resize_rig_touch(r, huge + 199);
	expect_huge(r, huge);
	resize_rig_touch(r, 2 * huge); /* is gone */
	resize_rig_expect(r, NULL, 0);
	resize_rig_resize(r, huge + 300);
	resize_rig_clean(r);
	resize_rig_touch(r, huge + 1);
	expect_huge(r, huge);
	resize_rig_resize(r, 4 * huge);
	resize_rig_clean(r);
	resize_rig_touch(r, 5);
	expect_huge(r, 0);
	resize_rig_touch(r, 3 * huge);
	expect_huge(r, 3 * huge);
	assert_int_equal(smudge_client_close(r->client), 0);
	smudge_source_destroy(r->source);
	assert_int_equal(smudge_memory_destroy(r->memory, NULL), 0);
	munmap(r->ram, 4 * huge * RESIZE_PAGE);
	pthread_mutex_destroy(&r->writer);
}
