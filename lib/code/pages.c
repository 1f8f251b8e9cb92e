/* SPDX-License-Identifier: MIT */
/*
 * The pages of a region: is each watched, and how many blocks does it hold?
 */
#include "code/code.h"

#include <errno.h>
#include <sys/mman.h>

#define WHERE "code"

struct smi_code_region *smi_code_find(struct smudge_code *code, uint64_t gpa,
				      uint64_t length_bytes)
{
	for (size_t i = 0; i < code->nregions; i++) {
		struct smi_code_region *r = &code->regions[i];
		uint64_t bytes = r->npages << r->page_shift;

		if (gpa >= r->gpa && gpa - r->gpa < bytes && length_bytes &&
		    length_bytes <= bytes - (gpa - r->gpa))
			return r;
	}
	return NULL;
}

static size_t counter_bytes(const struct smi_code_region *r)
{
	return r->npages * sizeof(struct smi_code_page);
}

static int reserve(struct smi_code_region *r)
{
	void *pages = mmap(NULL, counter_bytes(r), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int ret;

	if (pages == MAP_FAILED)
		return -ENOMEM;
	ret = smudge_bitmap_create(r->npages, &r->watched, NULL);
	if (ret < 0) {
		munmap(pages, counter_bytes(r));
		return ret;
	}
	/* the first counter must not populate a huge page of 2 MiB */
	madvise(pages, counter_bytes(r), MADV_NOHUGEPAGE);
	r->pages = pages;
	return 0;
}

static void unreserve(struct smi_code_region *r)
{
	smudge_bitmap_destroy(r->watched);
	if (r->pages)
		munmap(r->pages, counter_bytes(r));
	r->watched = NULL;
	r->pages = NULL;
}

int smi_code_begin_region(struct smudge_code *code, struct smi_code_region *r,
			  struct smudge_error *err)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = code->name,
		.regions = &r->region,
		.nregions = 1,
		.marks_only = code->marks_only,
	};
	int ret = reserve(r);

	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"no memory to watch region %s",
					smudge_region_name(r->region));
	ret = smudge_client_open(code->memory, &options, &r->client, err);
	if (ret == 0)
		return 0;
	unreserve(r);
	/* -EAGAIN means "add the block again"; a source's means failure. */
	if (ret == -EAGAIN)
		ret = -EIO;
	if (err && err->code)
		err->code = ret;
	return ret;
}

void smi_code_end_region(struct smi_code_region *r)
{
	smudge_client_close(r->client);
	unreserve(r);
}

/* Clear the client's bits and re-arm the writers of one run. */
static int take(struct smudge_code *code, struct smi_code_region *r,
		struct smudge_run run, struct smudge_error *err)
{
	int ret = smudge_client_take(r->client, r->region, run.first_page,
				     run.npages, code->batch, err);

	if (ret == 0)
		ret = smudge_client_commit(r->client, code->batch);
	return ret;
}

static int begin_watch(struct smudge_code *code, struct smi_code_region *r,
		       struct smudge_run run, struct smudge_error *err)
{
	int ret = take(code, r, run, err);

	if (ret < 0)
		return ret;
	smudge_bitmap_set_range(r->watched, run.first_page, run.npages);
	code->now++;
	for (uint64_t i = 0; i < run.npages; i++)
		r->pages[run.first_page + i].since = code->now;
	code->stats.watched_pages += run.npages;
	return 0;
}

int smi_code_watch(struct smudge_code *code, struct smi_code_region *r,
		   struct smudge_run run, uint64_t since,
		   struct smudge_error *err)
{
	uint64_t end = run.first_page + run.npages;
	struct smudge_run new;

	while (smudge_bitmap_next_clean(r->watched, run.first_page, end,
					&new)) {
		int ret = begin_watch(code, r, new, err);

		if (ret < 0)
			return ret;
	}
	for (uint64_t page = run.first_page; page < end; page++) {
		if (r->pages[page].since > since)
			return -EAGAIN;
	}
	return 0;
}

void smi_code_count(struct smudge_code *code, struct smi_code_region *r,
		    struct smudge_run run)
{
	struct smi_code_page *page = &r->pages[run.first_page];

	page->nblocks++;
	if (run.npages == 2) {
		page->nto_next++;
		page[1].nblocks++;
	}
	code->stats.blocks++;
	code->stats.added_blocks++;
}

/* The page has no code any more: its writes do not matter. */
static void unwatch(struct smudge_code *code, struct smi_code_region *r,
		    uint64_t page)
{
	smudge_bitmap_clear_range(r->watched, page, 1);
	smudge_client_mark(r->client, r->region, page, 1);
	code->stats.watched_pages--;
}

/* @n blocks that the page shared with a stale neighbour are gone. */
static void lose(struct smudge_code *code, struct smi_code_region *r,
		 uint64_t page, uint64_t n)
{
	r->pages[page].nblocks -= n;
	if (n && !r->pages[page].nblocks)
		unwatch(code, r, page);
}

static uint64_t invalidate_page(struct smudge_code *code,
				struct smi_code_region *r, uint64_t page)
{
	struct smi_code_page *stale = &r->pages[page];
	uint64_t nblocks = stale->nblocks;

	if (page && r->pages[page - 1].nto_next) {
		uint64_t n = r->pages[page - 1].nto_next;

		r->pages[page - 1].nto_next = 0;
		lose(code, r, page - 1, n);
	}
	if (stale->nto_next)
		lose(code, r, page + 1, stale->nto_next);
	*stale = (struct smi_code_page){0};
	unwatch(code, r, page);
	code->stats.blocks -= nblocks;
	return nblocks;
}

uint64_t smi_code_invalidate(struct smudge_code *code,
			     struct smi_code_region *r, struct smudge_run run)
{
	uint64_t end = run.first_page + run.npages;
	uint64_t nblocks = 0;

	for (uint64_t page = run.first_page; page < end; page++) {
		/* invalidating its neighbour may have unwatched it */
		if (smudge_bitmap_test(r->watched, page))
			nblocks += invalidate_page(code, r, page);
	}
	return nblocks;
}
