/* SPDX-License-Identifier: MIT */
/*
 * A heap that grows and shrinks while it is saved over and over: each save
 * copies what was written since the last one, and the new pages. The addresses
 * that the heap may ever have are reserved first; then memory is mapped before
 * the region grows, and the region shrinks before memory is unmapped. The
 * kernel watches (userfaultfd). Exits 77 where it cannot, 1 where the copy
 * differs.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/smudge.h>

enum {
	PAGE = 4096,
	MAX_PAGES = 4096
};

static unsigned char copy[MAX_PAGES * PAGE]; /* the heap as it was saved */
static unsigned char *heap;
static uint64_t heap_pages;
static struct smudge_region *region;
static struct smudge_client *client;
static struct smudge_batch *batch;
static struct smudge_error err;

static int grow_heap(uint64_t npages)
{
	if (mprotect(heap, npages * PAGE, PROT_READ | PROT_WRITE))
		return -errno;
	heap_pages = npages;
	return smudge_region_resize(region, npages, &err);
}

static int shrink_heap(uint64_t npages)
{
	int ret = smudge_region_resize(region, npages, &err);

	if (ret)
		return ret;
	/* The addresses stay reserved, without memory. */
	if (mmap(heap + npages * PAGE, (heap_pages - npages) * PAGE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		return -errno;
	heap_pages = npages;
	return 0;
}

/* Return: pages that were copied, or a failure. */
static int save(void)
{
	struct smudge_run rest = {0, heap_pages};
	int copied = 0, ret = smudge_region_harvest(region, &err);

	while (!ret && (ret = smudge_client_take_next(client, region, &rest, 64,
						      batch, &err)) > 0) {
		for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
			struct smudge_run run = smudge_batch_run(batch, i);

			ret = smudge_region_read(
				region, run.first_page, run.npages,
				copy + run.first_page * PAGE, &err);
			if (ret)
				return ret;
		}
		copied += (int)smudge_batch_npages(batch);
		ret = smudge_client_commit(client, batch);
	}
	return ret < 0 ? ret : copied;
}

static int check_save(const char *when, int expected)
{
	int copied = save();

	if (copied < 0)
		return copied;
	printf("%s: %d of %d pages copied\n", when, copied, (int)heap_pages);
	if (copied != expected || memcmp(heap, copy, heap_pages * PAGE) != 0)
		return smudge_error_set(&err, -EIO, "growing_heap",
					"%d pages should be copied, and the "
					"copy be the heap",
					expected);
	return 0;
}

static int run(void)
{
	int ret = check_save("at first", 256);

	heap[5 * PAGE] = 1;
	if (!ret)
		ret = grow_heap(300);
	if (!ret)
		heap[299 * PAGE] = 2;
	if (!ret) /* page 5, and those that are new */
		ret = check_save("grown", 45);
	heap[7 * PAGE] = 3;
	if (!ret)
		ret = shrink_heap(100);
	if (!ret)
		ret = check_save("shrunk", 1);
	if (!ret)
		ret = grow_heap(MAX_PAGES);
	if (!ret)
		ret = check_save("grown again", MAX_PAGES - 100);
	return ret;
}

static int watch(struct smudge_memory *memory, struct smudge_source *source)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "heap",
		.hva = heap,
		.size_bytes = 256 * PAGE,
		.max_size_bytes = MAX_PAGES * PAGE,
	};
	const struct smudge_client_options saver = {.size = sizeof(saver),
						    .name = "saver"};
	int ret = smudge_region_add(memory, &options, &region, &err);

	if (!ret) /* from page 0 to the end, wherever it is */
		ret = smudge_region_attach(region, source, 0, 0, &err);
	if (!ret)
		ret = smudge_client_open(memory, &saver, &client, &err);
	if (!ret)
		ret = smudge_batch_create(0, &batch, &err);
	return ret;
}

int main(void)
{
	struct smudge_memory *memory;
	struct smudge_source *source;
	int ret = smudge_uffd_create(&source, &err);

	if (ret) {
		printf("skipped: %s\n", err.message);
		return 77;
	}
	heap = mmap(NULL, MAX_PAGES * PAGE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (heap == MAP_FAILED || smudge_memory_create(&memory) ||
	    mprotect(heap, 256 * PAGE, PROT_READ | PROT_WRITE))
		return 1;
	heap_pages = 256;
	ret = watch(memory, source);
	if (!ret)
		ret = run();
	if (ret)
		fprintf(stderr, "%s: %s\n", err.where, err.message);
	smudge_client_close(client);
	smudge_batch_destroy(batch);
	smudge_source_destroy(source);
	smudge_memory_destroy(memory, NULL);
	return ret != 0;
}
