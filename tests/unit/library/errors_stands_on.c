/* SPDX-License-Identifier: MIT */
/*
 * An object that another one uses is not destroyed: a call that returns int
 * returns -EBUSY and does nothing. docs/architecture.md has the table.
 */
#include "support.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/smudge.h>

#include "fake_source.h"

#define NPAGES 64

static struct smudge_memory *memory;
static struct smudge_region *region;

static int set_up(void **state)
{
	struct smudge_region_options ram = {
		.size = sizeof(ram), .name = "ram", .size_bytes = NPAGES << 12};

	ram.hva = mmap(NULL, NPAGES << 12, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return ram.hva == MAP_FAILED || smudge_memory_create(&memory) ||
	       smudge_region_add(memory, &ram, &region, NULL);
}

/* Nothing uses them any more. */
static int tear_down(void **state)
{
	void *hva = smudge_region_hva(region);

	return smudge_region_remove(region, NULL) ||
	       smudge_memory_destroy(memory, NULL) || munmap(hva, NPAGES << 12);
}

static void expect_busy(void)
{
	assert_int_equal(smudge_region_remove(region, NULL), -EBUSY);
	assert_int_equal(smudge_memory_destroy(memory, NULL), -EBUSY);
	assert_int_equal(smudge_memory_regions(memory, NULL, 0), 1);
}

static void region_under_display(void **state)
{
	const struct smudge_display_mode mode = {.size = sizeof(mode),
						 .stride_bytes = 256,
						 .width = 64,
						 .height = 64};
	struct smudge_display *display = NULL;
	struct smudge_display_mode bad = mode;
	struct smudge_rect rects[4];
	size_t nrects = 0;

	bad.width = 0;
	assert_int_equal(
		smudge_display_open(memory, region, &bad, &display, NULL),
		-EINVAL);
	assert_int_equal(
		smudge_display_open(memory, region, &mode, &display, NULL), 0);
	expect_busy();
	memset(smudge_region_hva(region), 1, 256);
	smudge_region_mark(region, 0, 1);
	assert_int_equal(
		smudge_display_refresh(display, rects, 4, &nrects, NULL), 0);
	assert_int_equal(nrects, 1);
	assert_int_equal(smudge_display_frame(display, NULL)[0], 0x01010101);
	smudge_display_close(display);
}

/* Also one that has no code yet, and so no client. */
static void region_under_code(void **state)
{
	struct smudge_region *twice[] = {region, region};
	struct smudge_code_options how = {
		.size = sizeof(how), .regions = twice, .nregions = 2};
	struct smudge_code *all, *one;

	/* one that was not opened holds nothing: tear_down would see it */
	assert_int_equal(smudge_code_open(memory, &how, &one, NULL), -EINVAL);
	how.nregions = 1;
	assert_int_equal(smudge_code_open(memory, &how, &one, NULL), 0);
	expect_busy();
	how.nregions = 0;
	assert_int_equal(smudge_code_open(memory, &how, &all, NULL), 0);
	smudge_code_close(one);
	expect_busy();
	assert_int_equal(smudge_code_add(all, 8, 8, UINT64_MAX, NULL), 0);
	expect_busy();
	assert_true(smudge_code_watches(all, 8));
	smudge_code_close(all);
}

static void memory_under_client(void **state)
{
	struct smudge_client *client = fake_client(memory, "me", false);

	assert_int_equal(smudge_memory_destroy(memory, NULL), -EBUSY);
	assert_int_equal(smudge_client_dirty_pages(client), NPAGES);
	assert_int_equal(smudge_client_close(client), 0);
}

static void all_under_a_batch(void **state)
{
	struct smudge_client *client = fake_client(memory, "me", false);
	struct smudge_batch *batch;

	assert_int_equal(smudge_batch_create(1, &batch, NULL), 0);
	assert_int_equal(
		smudge_client_take(client, region, 0, NPAGES, batch, NULL), 0);
	expect_busy();
	assert_int_equal(smudge_client_close(client), -EBUSY);
	assert_int_equal(smudge_batch_destroy(batch), -EBUSY);
	assert_int_equal(smudge_client_return(client, batch), 0);
	assert_int_equal(smudge_client_dirty_pages(client), NPAGES);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_batch_destroy(batch), 0);
}

/* A source does not keep its region: it is detached, and can be used again. */
static void region_under_source(void **state)
{
	struct smudge_region *another = fake_region(memory, 1 << 30, NPAGES);
	struct fake_source fake;

	fake_create(&fake, true);
	assert_int_equal(smudge_region_attach(another, fake.source, 0, 0, NULL),
			 0);
	assert_int_equal(smudge_region_remove(another, NULL), 0);
	assert_int_equal(smudge_region_attach(region, fake.source, 0, 0, NULL),
			 0);
	fake_destroy(&fake);
}

/* Nor does a client: its bits of the region go with it. */
static void region_under_client(void **state)
{
	struct smudge_region *another = fake_region(memory, 1 << 30, NPAGES);
	struct smudge_client *client = fake_client(memory, "me", false);

	assert_int_equal(smudge_region_remove(another, NULL), 0);
	assert_int_equal(smudge_client_dirty_pages(client), NPAGES);
	assert_int_equal(smudge_client_close(client), 0);
}

/* A batch has what it needs of a bare bitmap. */
static void bitmap_under_a_batch(void **state)
{
	struct smudge_bitmap *bitmap;
	struct smudge_batch *batch;

	assert_int_equal(smudge_bitmap_create(NPAGES, &bitmap, NULL), 0);
	assert_int_equal(smudge_batch_create(1, &batch, NULL), 0);
	smudge_bitmap_fill(bitmap);
	assert_int_equal(smudge_bitmap_take(bitmap, 0, NPAGES, batch), 0);
	smudge_bitmap_destroy(bitmap);
	assert_int_equal(smudge_batch_run(batch, 0).npages, NPAGES);
	smudge_batch_discard(batch);
	assert_int_equal(smudge_batch_destroy(batch), 0);
}

static void holds_are_counted(void **state)
{
	struct smudge_region *held[2] = {NULL, NULL};

	smudge_region_release(region); /* without a hold: nothing */
	smudge_region_hold(region);
	expect_busy();
	assert_int_equal(smudge_memory_hold_regions(memory, held, 0), 1);
	assert_int_equal(smudge_memory_hold_regions(memory, held, 2), 1);
	assert_ptr_equal(held[0], region);
	assert_null(held[1]);
	smudge_region_release(region);
	expect_busy();
	smudge_region_release(held[0]);
}

TEST_MAIN_WITH(set_up, tear_down, region_under_display, region_under_code,
	       memory_under_client, all_under_a_batch, region_under_source,
	       region_under_client, bitmap_under_a_batch, holds_are_counted)
