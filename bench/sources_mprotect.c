/* SPDX-License-Identifier: MIT */
/*
 * mprotect(2) and a handler of SIGSEGV. The bare handler makes the page
 * writable and sets its bit; a harvest protects what has a bit. Each writable
 * page costs two mappings, so beyond vm.max_map_count both sides make 2 MiB
 * writable at once, and report them.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sources_bits.h"
#include "sources_library.h"

#define BLOCK_PAGES UINT64_C(512)

struct bare {
	struct sources_ram ram;
	struct sources_bits dirty;
	uint64_t found;
	struct sigaction before;
};

static struct bare *the_bare; /* the handler's, between arm and stop */

static void *library_open(const struct sources_ram *ram,
			  struct smudge_error *err)
{
	struct smudge_source *source;

	if (smudge_mprotect_create(&source, err) < 0)
		return NULL;
	return sources_library_new(source, ram, err);
}

static void *bare_open(const struct sources_ram *ram, struct smudge_error *err)
{
	struct bare *bare = sources_alloc(sizeof(*bare));

	bare->ram = *ram;
	sources_bits_open(&bare->dirty, ram->npages);
	return bare;
}

static void bare_close(void *side)
{
	struct bare *bare = side;

	free(bare->dirty.words);
	free(bare);
}

static int protect(const struct bare *bare, uint64_t first_page,
		   uint64_t npages, int prot)
{
	return mprotect(bare->ram.bytes + first_page * SOURCES_PAGE,
			npages * SOURCES_PAGE, prot);
}

static void open_block(struct bare *bare, uint64_t page)
{
	uint64_t first = page / BLOCK_PAGES * BLOCK_PAGES;
	uint64_t n = bare->ram.npages - first;

	n = n < BLOCK_PAGES ? n : BLOCK_PAGES;
	if (protect(bare, first, n, PROT_READ | PROT_WRITE) < 0)
		abort();
	for (uint64_t i = 0; i < n; i++)
		sources_bits_set(&bare->dirty, first + i);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	struct bare *bare = the_bare;
	uint64_t offset =
		(uint64_t)((uint8_t *)info->si_addr - bare->ram.bytes);
	uint64_t page = offset / SOURCES_PAGE;

	if (page >= bare->ram.npages)
		abort();
	if (protect(bare, page, 1, PROT_READ | PROT_WRITE) < 0)
		open_block(bare, page);
	else
		sources_bits_set(&bare->dirty, page);
}

static void bare_arm(void *side)
{
	struct bare *bare = side;
	struct sigaction action = {.sa_sigaction = on_fault,
				   .sa_flags = SA_SIGINFO};

	the_bare = bare;
	sources_must(sigaction(SIGSEGV, &action, &bare->before), "sigaction");
	sources_must(protect(bare, 0, bare->ram.npages, PROT_READ), "mprotect");
}

static void bare_stop(void *side)
{
	struct bare *bare = side;

	sources_must(protect(bare, 0, bare->ram.npages, PROT_READ | PROT_WRITE),
		     "mprotect");
	sources_must(sigaction(SIGSEGV, &bare->before, NULL), "sigaction");
}

static void bare_write(void *side, uint64_t npages, uint64_t stride)
{
	sources_ram_write(&((struct bare *)side)->ram, npages, stride);
}

static void bare_harvest(void *side)
{
	struct bare *bare = side;
	uint64_t first = 0, n = 0; /* the run so far */

	bare->found = 0;
	for (uint64_t i = 0; i < bare->dirty.nwords; i++) {
		uint64_t word = bare->dirty.words[i];

		bare->dirty.words[i] = 0;
		for (; word; word &= word - 1) {
			uint64_t page =
				i * 64 + (unsigned int)__builtin_ctzll(word);

			if (n && page != first + n) {
				sources_must(protect(bare, first, n, PROT_READ),
					     "mprotect");
				n = 0;
			}
			first = n++ ? first : page;
			bare->found++;
		}
	}
	if (n)
		sources_must(protect(bare, first, n, PROT_READ), "mprotect");
}

static uint64_t bare_found(void *side)
{
	return ((struct bare *)side)->found;
}

static const struct sources_side library_side =
	SOURCES_LIBRARY_SIDE(library_open);

static const struct sources_side bare_side = {
	.open = bare_open,
	.close = bare_close,
	.arm = bare_arm,
	.stop = bare_stop,
	.write = bare_write,
	.harvest = bare_harvest,
	.found = bare_found,
};

const struct sources_mechanism sources_mprotect = {
	.name = "mprotect",
	.rearms_in = "harvest",
	.library = &library_side,
	.bare = &bare_side,
};
