/* SPDX-License-Identifier: MIT */
/*
 * The byte of flags per page, made from three clients of smudge.
 *
 * A flag is tracked while its client is open. Page numbers are those of a
 * region; addresses are gpa. The bits belong to the clients.
 */
#include "phys_ram_dirty.h"

#include <errno.h>
#include <stdlib.h>

enum {
	NFLAGS = 3
};

static const struct {
	uint8_t flag;
	const char *name;
} purposes[NFLAGS] = {
	{VGA_DIRTY_FLAG, "display"},
	{CODE_DIRTY_FLAG, "code"},
	{MIGRATION_DIRTY_FLAG, "migration"},
};

#define KNOWN_FLAGS (VGA_DIRTY_FLAG | CODE_DIRTY_FLAG | MIGRATION_DIRTY_FLAG)

struct phys_ram_dirty {
	struct smudge_memory *memory;
	struct phys_ram_tlb tlb;
	struct smudge_client *clients[NFLAGS]; /* NULL: not tracked */
	size_t nregions;
	struct smudge_region *regions[]; /* in ascending gpa */
};

/* The part of a range of addresses in one region: whole pages. */
struct piece {
	struct smudge_region *region;
	uint64_t first_page;
	uint64_t end_page;
};

static uint64_t address_of(struct smudge_region *region, uint64_t page)
{
	return smudge_region_gpa(region) +
	       (page << smudge_region_page_shift(region));
}

static uint64_t region_end(struct smudge_region *region)
{
	return address_of(region, smudge_region_npages(region));
}

/* The first region that ends after @addr; NULL if none does. */
static struct smudge_region *region_from(const struct phys_ram_dirty *d,
					 uint64_t addr)
{
	size_t low = 0, high = d->nregions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (region_end(d->regions[middle]) > addr)
			high = middle;
		else
			low = middle + 1;
	}
	return low < d->nregions ? d->regions[low] : NULL;
}

/* Find the first piece of RAM in [start, end); false if there is none. */
static bool piece_from(const struct phys_ram_dirty *d, uint64_t start,
		       uint64_t end, struct piece *ret_piece)
{
	struct smudge_region *region = region_from(d, start);
	uint64_t gpa, page_bytes;

	if (!region || start >= end || smudge_region_gpa(region) >= end)
		return false;
	gpa = smudge_region_gpa(region);
	page_bytes = UINT64_C(1) << smudge_region_page_shift(region);
	start = start > gpa ? start - gpa : 0;
	end = end < region_end(region) ? end - gpa : region_end(region) - gpa;
	ret_piece->region = region;
	ret_piece->first_page = start / page_bytes;
	ret_piece->end_page = (end + page_bytes - 1) / page_bytes;
	return true;
}

static uint8_t tracked(const struct phys_ram_dirty *d)
{
	uint8_t flags = 0;

	for (int i = 0; i < NFLAGS; i++)
		if (d->clients[i])
			flags |= purposes[i].flag;
	return flags;
}

static uint8_t untracked(const struct phys_ram_dirty *d)
{
	return (uint8_t)(KNOWN_FLAGS & ~tracked(d));
}

/* The clients of the tracked flags among @flags; returns how many. */
static int clients_for(const struct phys_ram_dirty *d, uint8_t flags,
		       struct smudge_client *ret_clients[NFLAGS])
{
	int n = 0;

	for (int i = 0; i < NFLAGS; i++)
		if (d->clients[i] && flags & purposes[i].flag)
			ret_clients[n++] = d->clients[i];
	return n;
}

/* The byte of a page that has a set of known flags. */
static uint8_t byte_of(uint8_t known)
{
	return known == KNOWN_FLAGS ? ALL_DIRTY_FLAGS : known;
}

int phys_ram_create(struct smudge_memory *memory,
		    const struct phys_ram_tlb *tlb,
		    struct phys_ram_dirty **ret_d)
{
	size_t max = smudge_memory_regions(memory, NULL, 0);
	struct phys_ram_dirty *d;
	size_t found;

	if (!max || (tlb && !tlb->entry_addr != !tlb->entry_reset))
		return -EINVAL;
	d = calloc(1, sizeof(*d) + max * sizeof(d->regions[0]));
	if (!d)
		return -ENOMEM;
	d->memory = memory;
	if (tlb)
		d->tlb = *tlb;
	found = smudge_memory_hold_regions(memory, d->regions, max);
	d->nregions = found < max ? found : max;
	*ret_d = d;
	return 0;
}

void phys_ram_destroy(struct phys_ram_dirty *d)
{
	if (!d)
		return;
	phys_ram_stop_tracking(d, ALL_DIRTY_FLAGS);
	for (size_t i = 0; i < d->nregions; i++)
		smudge_region_release(d->regions[i]);
	free(d);
}

int phys_ram_start_tracking(struct phys_ram_dirty *d, uint8_t flags,
			    struct smudge_error *err)
{
	uint8_t opened = 0;

	smudge_error_clear(err);
	for (int i = 0; i < NFLAGS; i++) {
		struct smudge_client_options options = {
			.size = sizeof(options),
			.name = purposes[i].name,
			.regions = d->regions,
			.nregions = d->nregions,
		};
		int ret;

		if (!(flags & purposes[i].flag) || d->clients[i])
			continue;
		ret = smudge_client_open(d->memory, &options, &d->clients[i],
					 err);
		if (ret < 0) {
			phys_ram_stop_tracking(d, opened);
			return ret;
		}
		opened |= purposes[i].flag;
	}
	return 0;
}

void phys_ram_stop_tracking(struct phys_ram_dirty *d, uint8_t flags)
{
	for (int i = 0; i < NFLAGS; i++) {
		if (!(flags & purposes[i].flag))
			continue;
		/* No batch is left after a call here: never -EBUSY. */
		(void)smudge_client_close(d->clients[i]);
		d->clients[i] = NULL;
	}
}

uint8_t phys_ram_get_dirty_tracking(const struct phys_ram_dirty *d)
{
	return byte_of(tracked(d));
}

int phys_ram_sync_dirty_bitmap(struct phys_ram_dirty *d,
			       struct smudge_error *err)
{
	return smudge_memory_harvest(d->memory, err);
}

bool phys_ram_is_dirty(struct phys_ram_dirty *d, uint64_t addr)
{
	return phys_ram_get_dirty_flags(d, addr) == ALL_DIRTY_FLAGS;
}

uint8_t phys_ram_get_dirty_flags(struct phys_ram_dirty *d, uint64_t addr)
{
	return phys_ram_get_dirty(d, addr, ALL_DIRTY_FLAGS);
}

uint8_t phys_ram_get_dirty(struct phys_ram_dirty *d, uint64_t addr,
			   uint8_t flags)
{
	uint8_t set = flags & untracked(d);
	struct piece piece;

	if (addr == UINT64_MAX || !piece_from(d, addr, addr + 1, &piece))
		return 0;
	for (int i = 0; i < NFLAGS; i++)
		if (d->clients[i] && flags & purposes[i].flag &&
		    smudge_client_test(d->clients[i], piece.region,
				       piece.first_page))
			set |= purposes[i].flag;
	return byte_of(set) & flags;
}

void phys_ram_set_dirty(struct phys_ram_dirty *d, uint64_t addr)
{
	smudge_memory_mark_gpa(d->memory, addr, 1);
}

uint8_t phys_ram_set_dirty_flags(struct phys_ram_dirty *d, uint64_t addr,
				 uint8_t flags)
{
	struct smudge_client *clients[NFLAGS];
	int n = clients_for(d, flags, clients);
	struct piece piece;

	if (addr == UINT64_MAX || !piece_from(d, addr, addr + 1, &piece))
		return 0;
	for (int i = 0; i < n; i++)
		(void)smudge_client_mark(clients[i], piece.region,
					 piece.first_page, 1);
	return phys_ram_get_dirty_flags(d, addr);
}

/* Mask [start, end), and reset the entries of @tlb unless it is NULL. */
static int mask(struct phys_ram_dirty *d, uint64_t start, uint64_t end,
		uint8_t flags, const struct phys_ram_tlb *tlb,
		struct smudge_error *err)
{
	struct smudge_client *clients[NFLAGS];
	int n = clients_for(d, flags, clients), first_error = 0;
	struct piece piece;

	smudge_error_clear(err);
	while (piece_from(d, start, end, &piece)) {
		uint64_t from = address_of(piece.region, piece.first_page);

		for (int i = 0; i < n; i++) {
			struct smudge_error why = SMUDGE_ERROR_INIT;
			int ret = smudge_client_skip(
				clients[i], piece.region, piece.first_page,
				piece.end_page - piece.first_page, &why);

			if (ret < 0 && !first_error) {
				first_error = ret;
				if (err)
					*err = why;
			}
		}
		start = address_of(piece.region, piece.end_page);
		if (tlb && tlb->reset_dirty)
			tlb->reset_dirty(tlb->opaque, from, start - from);
	}
	return first_error;
}

int phys_ram_mask_dirty_range(struct phys_ram_dirty *d, uint64_t start,
			      uint64_t length_bytes, uint8_t flags,
			      struct smudge_error *err)
{
	uint64_t end = length_bytes < UINT64_MAX - start ? start + length_bytes
							 : UINT64_MAX;

	return mask(d, start, end, flags, NULL, err);
}

int phys_ram_reset_dirty(struct phys_ram_dirty *d, uint64_t start, uint64_t end,
			 uint8_t flags, struct smudge_error *err)
{
	return mask(d, start, end, flags, &d->tlb, err);
}

/* The end of the run of dirty pages at @page; @page if that is clean. */
static uint64_t client_run_end(struct smudge_client *client,
			       const struct piece *piece, uint64_t page)
{
	struct smudge_run run;

	if (smudge_client_test(client, piece->region, page) &&
	    smudge_client_next_dirty(client, piece->region, page,
				     piece->end_page, &run) &&
	    run.first_page == page)
		return page + run.npages;
	return page;
}

/* The first page of the piece that is not dirty for @flags, or its end. */
static uint64_t dirty_until(struct phys_ram_dirty *d, const struct piece *piece,
			    uint8_t flags)
{
	struct smudge_client *clients[NFLAGS];
	int n = clients_for(d, flags, clients);
	uint64_t page = piece->first_page, before;

	if (flags & untracked(d))
		return piece->end_page;
	/* one client's run may begin where another's ends */
	do {
		before = page;
		for (int i = 0; i < n; i++)
			page = client_run_end(clients[i], piece, page);
	} while (page != before);
	return page;
}

/* The first page of the piece that is dirty for @flags, or its end. */
static uint64_t clean_until(struct phys_ram_dirty *d, const struct piece *piece,
			    uint8_t flags)
{
	struct smudge_client *clients[NFLAGS];
	int n = clients_for(d, flags, clients);
	uint64_t end = piece->end_page;
	struct smudge_run run;

	if (flags & untracked(d))
		return piece->first_page;
	for (int i = 0; i < n; i++)
		if (smudge_client_next_dirty(clients[i], piece->region,
					     piece->first_page, end, &run))
			end = run.first_page;
	return end;
}

/* Outside RAM all is clean: a clean run continues there, a dirty one ends. */
static uint64_t run_bytes(struct phys_ram_dirty *d, uint64_t start,
			  uint64_t end, uint8_t flags, bool dirty)
{
	uint64_t addr = start;
	struct piece piece;

	while (piece_from(d, addr, end, &piece)) {
		bool hole = smudge_region_gpa(piece.region) > addr;
		uint64_t page, stop;

		if (dirty && hole)
			return addr - start;
		page = dirty ? dirty_until(d, &piece, flags)
			     : clean_until(d, &piece, flags);
		stop = address_of(piece.region, page);
		/* the pages are whole, the result is in bytes */
		if (stop > addr)
			addr = stop < end ? stop : end;
		if (page < piece.end_page)
			return addr - start;
	}
	if (!dirty && addr < end)
		addr = end;
	return addr - start;
}

uint64_t phys_ram_get_dirty_range(struct phys_ram_dirty *d, uint64_t start,
				  uint64_t end, uint8_t flags)
{
	return run_bytes(d, start, end, flags, true);
}

uint64_t phys_ram_get_non_dirty_range(struct phys_ram_dirty *d, uint64_t start,
				      uint64_t end, uint8_t flags)
{
	return run_bytes(d, start, end, flags, false);
}

void phys_ram_tlb_update_dirty(struct phys_ram_dirty *d)
{
	const struct phys_ram_tlb *tlb = &d->tlb;
	uint64_t addr;

	if (!tlb->entry_addr)
		return;
	for (size_t i = 0; i < tlb->nentries; i++)
		if (tlb->entry_addr(tlb->opaque, i, &addr) &&
		    !phys_ram_is_dirty(d, addr))
			tlb->entry_reset(tlb->opaque, i);
}
