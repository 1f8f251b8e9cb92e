/* SPDX-License-Identifier: MIT */
/*
 * Soft-dirty bits. By hand: read a word per page from /proc/self/pagemap, and
 * write "4" to /proc/self/clear_refs, which clears the bits of the whole
 * process. The only writer is this thread, so it stands meanwhile.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sources_bits.h"
#include "sources_library.h"

#define SOFT_DIRTY   (UINT64_C(1) << 55)
#define CHUNK_PAGES  UINT64_C(8192)
#define CLEAR_SOFT   "4"
#define PAGEMAP_PATH "/proc/self/pagemap"
#define CLEAR_PATH   "/proc/self/clear_refs"

struct bare {
	struct sources_ram ram;
	int pagemap, clear_refs;
	struct sources_bits dirty;
	uint64_t words[CHUNK_PAGES];
};

static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void resume(void *opaque)
{
}

static void *library_open(const struct sources_ram *ram,
			  struct smudge_error *err)
{
	const struct smudge_soft_dirty_options options = {
		.size = sizeof(options), .quiesce = quiesce, .resume = resume};
	struct smudge_source *source;

	if (smudge_soft_dirty_create(&options, &source, err) < 0)
		return NULL;
	return sources_library_new(source, ram, err);
}

static void *bare_open(const struct sources_ram *ram, struct smudge_error *err)
{
	struct bare *bare = sources_alloc(sizeof(*bare));

	bare->ram = *ram;
	bare->pagemap = open(PAGEMAP_PATH, O_RDONLY | O_CLOEXEC);
	bare->clear_refs = open(CLEAR_PATH, O_WRONLY | O_CLOEXEC);
	sources_must(bare->pagemap, PAGEMAP_PATH);
	sources_must(bare->clear_refs, CLEAR_PATH);
	sources_bits_open(&bare->dirty, ram->npages);
	return bare;
}

static void bare_close(void *side)
{
	struct bare *bare = side;

	close(bare->pagemap);
	close(bare->clear_refs);
	free(bare->dirty.words);
	free(bare);
}

static void clear_bits(void *side)
{
	sources_must(
		pwrite(((struct bare *)side)->clear_refs, CLEAR_SOFT, 1, 0),
		CLEAR_PATH);
}

/* The bits may stay. */
static void bare_stop(void *side)
{
}

static void bare_write(void *side, uint64_t npages, uint64_t stride)
{
	sources_ram_write(&((struct bare *)side)->ram, npages, stride);
}

static void read_chunk(struct bare *bare, uint64_t first, uint64_t n)
{
	uint64_t at = (uintptr_t)bare->ram.bytes / SOURCES_PAGE + first;
	size_t bytes = n * sizeof(*bare->words);
	ssize_t got = pread(bare->pagemap, bare->words, bytes,
			    (off_t)(at * sizeof(*bare->words)));

	sources_must(got == (ssize_t)bytes ? 0 : -1, PAGEMAP_PATH);
	for (uint64_t i = 0; i < n; i++) {
		if (bare->words[i] & SOFT_DIRTY)
			sources_bits_set(&bare->dirty, first + i);
	}
}

static void bare_harvest(void *side)
{
	struct bare *bare = side;
	uint64_t npages = bare->ram.npages;

	for (uint64_t at = 0; at < npages; at += CHUNK_PAGES)
		read_chunk(bare, at,
			   npages - at < CHUNK_PAGES ? npages - at
						     : CHUNK_PAGES);
	clear_bits(bare);
}

static uint64_t bare_found(void *side)
{
	return sources_bits_count(&((struct bare *)side)->dirty);
}

static const struct sources_side library_side =
	SOURCES_LIBRARY_SIDE(library_open);

static const struct sources_side bare_side = {
	.open = bare_open,
	.close = bare_close,
	.arm = clear_bits,
	.stop = bare_stop,
	.write = bare_write,
	.harvest = bare_harvest,
	.found = bare_found,
};

const struct sources_mechanism sources_soft_dirty = {
	.name = "soft_dirty",
	.rearms_in = "harvest",
	.library = &library_side,
	.bare = &bare_side,
};
