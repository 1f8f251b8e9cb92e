/* SPDX-License-Identifier: MIT */
/*
 * The dirty-memory functions of emulators that descend from QEMU of 2010, over
 * smudge: then one byte of flags per page, now the bits of three clients. To
 * port such an emulator, replace cpu_physical_memory_ by phys_ram_ and pass the
 * handle as first argument:
 *
 *   cpu_physical_memory_is_dirty            phys_ram_is_dirty
 *   cpu_physical_memory_get_dirty_flags     phys_ram_get_dirty_flags
 *   cpu_physical_memory_get_dirty           phys_ram_get_dirty
 *   cpu_physical_memory_set_dirty           phys_ram_set_dirty
 *   cpu_physical_memory_set_dirty_flags     phys_ram_set_dirty_flags
 *   cpu_physical_memory_mask_dirty_range    phys_ram_mask_dirty_range
 *   cpu_physical_memory_get_dirty_range     phys_ram_get_dirty_range
 *   cpu_physical_memory_get_non_dirty_range phys_ram_get_non_dirty_range
 *   cpu_physical_memory_reset_dirty         phys_ram_reset_dirty
 *   cpu_tlb_update_dirty                    phys_ram_tlb_update_dirty
 *   cpu_physical_memory_set_dirty_tracking  phys_ram_start_tracking,
 *                                           phys_ram_stop_tracking
 *   cpu_physical_memory_get_dirty_tracking  phys_ram_get_dirty_tracking
 *   cpu_physical_sync_dirty_bitmap          phys_ram_sync_dirty_bitmap
 *
 * The rules, for every call:
 * - A RAM address is a gpa, as the regions were added.
 * - The byte of a page is 0xff if all three flags are set, otherwise the sum of
 *   those that are. Other bits of @flags are ignored, so 0xff and 0x0b are the
 *   same.
 * - A page is dirty for several flags if one of them is set, and clean if none
 *   is: as "byte & flags" was.
 * - A range begins at the start of its first page and ends at the end of its
 *   last one. Nothing outside RAM is ever dirty, and changes there are ignored;
 *   so dirty and clean runs always add up to the range.
 * - A flag that is not tracked reads as set and cannot be cleared: writes are
 * not detected for it, and no store leaves its fast path. Pages are dirty when
 *   tracking starts, so the start changes no result.
 * - Threads: one at a time, under the emulator's lock, as before. Only
 *   phys_ram_set_dirty may be called by any thread at any time.
 */
#ifndef EXAMPLES_PHYS_RAM_DIRTY_PHYS_RAM_DIRTY_H
#define EXAMPLES_PHYS_RAM_DIRTY_PHYS_RAM_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/smudge.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VGA_DIRTY_FLAG	     0x01
#define CODE_DIRTY_FLAG	     0x02
#define MIGRATION_DIRTY_FLAG 0x08
#define ALL_DIRTY_FLAGS	     0xff

struct phys_ram_dirty;

/*
 * What the adapter needs of a software TLB. A call may be NULL; the last two
 * are both NULL or neither.
 */
struct phys_ram_tlb {
	void *opaque;
	size_t nentries; /* of all vCPUs and modes, for tlb_update_dirty */
	/*
	 * The pages of [start, start + length_bytes), in one region, were
	 * reset. After this call no vCPU writes there without marking. An
	 * emulator with vCPU threads takes here the lock under which it makes
	 * an entry fast.
	 */
	void (*reset_dirty)(void *opaque, uint64_t start,
			    uint64_t length_bytes);
	/*
	 * Where in RAM does @entry write without marking? False if nowhere: it
	 * is free, read-only, a device's, or marks already.
	 */
	bool (*entry_addr)(void *opaque, size_t entry, uint64_t *ret_addr);
	/* From now on writes through @entry mark. */
	void (*entry_reset)(void *opaque, size_t entry);
};

/*
 * phys_ram_create - make the dirty flags of a memory; none is tracked yet
 * @memory: memory (borrowed) with at least one region. Its present regions are
 *      the RAM; they are held until phys_ram_destroy
 * @tlb: copied; NULL without a software TLB
 * @ret_d: receives the handle, owned by the caller
 *
 * Return: 0, -EINVAL (no region; half of the entry calls), -ENOMEM.
 */
int phys_ram_create(struct smudge_memory *memory,
		    const struct phys_ram_tlb *tlb,
		    struct phys_ram_dirty **ret_d);

/*
 * phys_ram_destroy - stop all tracking and free the handle
 * @d: may be NULL
 */
void phys_ram_destroy(struct phys_ram_dirty *d);

/*
 * phys_ram_start_tracking - open the clients of @flags, with all pages dirty
 * phys_ram_stop_tracking - close them, and free their bitmaps
 * @d: handle (borrowed)
 * @flags: a flag that is tracked (or not) already stays as it is
 * @err: receives the failure; may be NULL
 *
 * Blocks: as smudge_client_open and _close.
 * State after failure: as before the call.
 * Return: 0, or the error of smudge_client_open.
 */
int phys_ram_start_tracking(struct phys_ram_dirty *d, uint8_t flags,
			    struct smudge_error *err);
void phys_ram_stop_tracking(struct phys_ram_dirty *d, uint8_t flags);

/* The flags that are tracked now: 0xff for all three. */
uint8_t phys_ram_get_dirty_tracking(const struct phys_ram_dirty *d);

/*
 * phys_ram_sync_dirty_bitmap - fetch what the kernel detected (KVM,
 * userfaultfd)
 *
 * Blocks, fails and returns as smudge_memory_harvest.
 */
int phys_ram_sync_dirty_bitmap(struct phys_ram_dirty *d,
			       struct smudge_error *err);

/*
 * phys_ram_is_dirty - test whether every flag of the page is set
 * phys_ram_get_dirty_flags - read the page's byte
 * phys_ram_get_dirty - read those of @flags that are set
 * @addr: a RAM address within the page
 *
 * Block: on the region's lock.
 */
bool phys_ram_is_dirty(struct phys_ram_dirty *d, uint64_t addr);
uint8_t phys_ram_get_dirty_flags(struct phys_ram_dirty *d, uint64_t addr);
uint8_t phys_ram_get_dirty(struct phys_ram_dirty *d, uint64_t addr,
			   uint8_t flags);

/*
 * phys_ram_set_dirty - set every flag of a page, after it was written
 *
 * Blocks: no, lock-free. Threads: any number, at any time.
 */
void phys_ram_set_dirty(struct phys_ram_dirty *d, uint64_t addr);

/*
 * phys_ram_set_dirty_flags - add flags, and return the page's new byte
 *
 * Blocks: on the region's lock.
 */
uint8_t phys_ram_set_dirty_flags(struct phys_ram_dirty *d, uint64_t addr,
				 uint8_t flags);

/*
 * phys_ram_mask_dirty_range - drop flags in [start, start + length_bytes)
 * phys_ram_reset_dirty - drop flags in [start, end), then reset the TLB's
 * entries
 * @err: receives the first failure; may be NULL
 *
 * Both re-arm the sources' writers; only a reset re-arms the emulator's own
 * stores, so call it before the pages are read. The TLB is reset after the bits
 * are cleared: a fast store in between ends before the pages are read. It is
 * called with whole pages, once per region that the range touches.
 *
 * Block: as smudge_client_skip.
 * State after failure: some flags may still be set; the whole range was tried
 * all the same, and the TLB was reset.
 * Return: 0, -EIO (a source could not be re-armed), -ENOMEM.
 */
int phys_ram_mask_dirty_range(struct phys_ram_dirty *d, uint64_t start,
			      uint64_t length_bytes, uint8_t flags,
			      struct smudge_error *err);
int phys_ram_reset_dirty(struct phys_ram_dirty *d, uint64_t start, uint64_t end,
			 uint8_t flags, struct smudge_error *err);

/*
 * phys_ram_get_dirty_range - count the dirty bytes from @start on
 * phys_ram_get_non_dirty_range - count the clean bytes from @start on
 * @start, @end: RAM addresses; at most @end - @start is returned
 *
 * Block: on the region's lock.
 * Return: the length of the run at @start; 0 if the page of @start is clean, or
 * dirty for the second call.
 */
uint64_t phys_ram_get_dirty_range(struct phys_ram_dirty *d, uint64_t start,
				  uint64_t end, uint8_t flags);
uint64_t phys_ram_get_non_dirty_range(struct phys_ram_dirty *d, uint64_t start,
				      uint64_t end, uint8_t flags);

/*
 * phys_ram_tlb_update_dirty - look up all TLB entries again: those that write
 * to a page with a clear flag must mark from now on
 *
 * Call it after bits were cleared without a reset of the TLB, by
 * mask_dirty_range or an accelerator. Without the entry calls it does nothing.
 */
void phys_ram_tlb_update_dirty(struct phys_ram_dirty *d);

#ifdef __cplusplus
}
#endif

#endif
