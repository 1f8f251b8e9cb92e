/* SPDX-License-Identifier: MIT */
/*
 * The memory of a machine: its regions, and how writes to them are tracked.
 *
 * A region is one contiguous piece of guest RAM. Sources are attached to it
 * (source.h), clients watch it (client.h), and the program marks the pages that
 * it writes itself. While no client is open nothing is allocated, no source
 * runs, and a mark costs an RCU section and a test of one pointer.
 *
 * Locks: any thread may call. The memory's lock serialises changes of topology
 * (add, remove, attach, open, close) and smudge_memory_harvest. Each region's
 * lock serialises access to the bits of that region, so takes, and harvests by
 * smudge_region_harvest, of different regions run at the same time. Marks take
 * no lock.
 *
 * A CHILD OF fork(2) does not use what was created before the fork: the sources
 * track the parent's memory. A process that forks first and creates its objects
 * then, as a daemon does, is not concerned, nor is vfork(2). In the child,
 * calls that open, close, add, remove, resize, attach, detach, harvest, look,
 * take, skip, discard or ask what is populated return -EPERM with a sentence,
 * and do not wait for locks that threads of the parent hold. Marks cost nothing
 * more: they are lost. Other calls may block for ever. smudge_source_destroy
 * frees the child's copy of a userfaultfd source. The child may create a memory
 * of its own, and exec(2) or exit.
 */
#ifndef SMUDGE_MEMORY_H
#define SMUDGE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "harvest.h"
#include "memory_stats.h"
#include "resize.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_memory;
struct smudge_region;

/* How many regions a memory has at one time; more are refused. */
#define SMUDGE_MAX_REGIONS 4096

/*
 * smudge_memory_create - a memory without regions
 * @ret_memory: receives it, owned by the caller
 *
 * Blocks: no. Threads: any. Return: 0, -ENOMEM.
 */
int smudge_memory_create(struct smudge_memory **ret_memory) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_memory_destroy - free a memory and the regions left in it
 * @memory: may be NULL
 * @err: receives the failure; may be NULL
 *
 * Sources that are still attached are detached, not destroyed.
 * Blocks: as smudge_region_remove. Threads: no other call may be running.
 * Return: 0, -EBUSY (a client is open, or a region is held: by a display, a
 * code handle, a migration that runs, or smudge_region_hold), -EPERM (in a
 * child); nothing is changed then.
 */
int smudge_memory_destroy(struct smudge_memory *memory,
			  struct smudge_error *err);

struct smudge_region_options {
	size_t size;	  /* sizeof(struct smudge_region_options) */
	const char *name; /* for messages and streams, at most 63 bytes */
	/* where this process maps it, page aligned; NULL if it has a read */
	void *hva;
	uint64_t gpa;		 /* where the guest sees it; page aligned */
	uint64_t size_bytes;	 /* a multiple of the page size, not 0 */
	unsigned int page_shift; /* 12 to 30; 0 means 12 */
	/*
	 * What smudge_region_resize may make of it; 0: size_bytes. Clients
	 * reserve address space for it, one byte per 15,000; no memory.
	 */
	uint64_t max_size_bytes;
	/*
	 * For memory that this process does not map: another process's, or one
	 * behind a socket. smudge_region_read calls it, from any number of
	 * threads at once, with bytes that lie in the region. It fills all of
	 * @buffer and returns 0, or -errno with a sentence in @err, which is
	 * never NULL; -EFAULT says that a page of it has no memory now, and
	 * counts as zeros: what is there later is zeros, or is marked.
	 * It must read each byte once, and after the call began.
	 * It may not call the library but for smudge_error_*.
	 */
	int (*read)(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		    void *buffer, struct smudge_error *err);
	void *read_opaque; /* passed to it, and to next_populated */
	/*
	 * Of a region with a read operation, or NULL: which pages hold
	 * something? smudge_region_next_populated calls it, from any number of
	 * threads at once, with a range that lies in the region and is not
	 * empty. It cuts the range to the first run of pages that hold
	 * something, or may, and returns 1; or returns 0: all of it is zeros.
	 * It may not call the library.
	 */
	int (*next_populated)(void *opaque, uint64_t *first_page,
			      uint64_t *end_page);
};

/*
 * smudge_region_add - add a piece of guest RAM, also while writers run
 * @memory: memory (borrowed; must outlive the region)
 * @options: copied; the memory at hva remains the caller's
 * @ret_region: receives the region, valid until smudge_region_remove
 * @err: receives the failure, which names the region in the way; may be NULL
 *
 * Clients that watch every region watch it from now on, with all pages dirty.
 * Blocks: on the memory's lock, and on an RCU grace period. Threads: any.
 * Return: 0, -EINVAL (alignment, size, page_shift or name, or a gpa or hva
 * range that ends beyond 2^64 - 1, or both hva and read, or none), -EEXIST
 * (overlaps another region's gpa range, or the name is taken), -ENOSPC
 * (SMUDGE_MAX_REGIONS), -E2BIG (the options have fields that this library does
 * not know), -EPERM (in a child), -ENOMEM. On failure nothing has changed.
 */
int smudge_region_add(struct smudge_memory *memory,
		      const struct smudge_region_options *options,
		      struct smudge_region **ret_region,
		      struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3);

/*
 * smudge_region_remove - remove a piece of guest RAM
 * @region: invalid afterwards, unless the call fails
 * @err: receives the failure; may be NULL
 *
 * Sources are harvested a last time and detached. The clients' bits of the
 * region are dropped with it: a client that still needs its content must take
 * it before. The call waits for marks of other threads that are under way.
 * Blocks: on the locks and an RCU grace period.
 * Threads: any, but no other call may use @region any more.
 * Return: 0, -EBUSY (a client has a batch of the region, or it is held: by a
 * display, a code handle, a migration that runs, or smudge_region_hold),
 * -EPERM (in a child), -ENOMEM; on failure nothing has changed.
 */
int smudge_region_remove(struct smudge_region *region, struct smudge_error *err)
	SMUDGE_NONNULL(1);

/*
 * smudge_region_hold - keep a region from being removed or resized
 * smudge_region_release - allow it again
 * @region: region (borrowed)
 *
 * For a program that keeps a pointer to a region which another thread may
 * remove. Holds are counted; while there is one, smudge_region_remove,
 * smudge_region_resize and smudge_memory_destroy return -EBUSY. A release
 * without a hold does nothing. Blocks: on the memory's lock. Threads: any.
 */
void smudge_region_hold(struct smudge_region *region) SMUDGE_NONNULL(1);
void smudge_region_release(struct smudge_region *region) SMUDGE_NONNULL(1);

/*
 * What a region was created with, its size now, and its id: a number that is
 * unique in its memory, and not used again while the memory exists. The hva of
 * a region with a read operation is NULL. Threads: any. Blocks: no.
 */
uint32_t smudge_region_id(const struct smudge_region *region) SMUDGE_NONNULL(1);
const char *smudge_region_name(const struct smudge_region *region)
	SMUDGE_NONNULL(1);
void *smudge_region_hva(const struct smudge_region *region) SMUDGE_NONNULL(1);
uint64_t smudge_region_gpa(const struct smudge_region *region)
	SMUDGE_NONNULL(1);
uint64_t smudge_region_npages(const struct smudge_region *region)
	SMUDGE_NONNULL(1);
unsigned int smudge_region_page_shift(const struct smudge_region *region)
	SMUDGE_NONNULL(1);

/*
 * smudge_memory_regions - list the regions, in ascending gpa
 * @memory: memory (borrowed)
 * @regions: array of @max pointers to fill; valid until removed
 *
 * Blocks: on the memory's lock. Threads: any.
 * Return: the number of regions, which may be more than @max.
 */
size_t smudge_memory_regions(struct smudge_memory *memory,
			     struct smudge_region **regions, size_t max)
	SMUDGE_NONNULL(1);

/*
 * smudge_memory_hold_regions - list the regions and hold each one listed
 * @memory, @regions, @max: as for smudge_memory_regions; a pointer is valid
 *      until smudge_region_release
 *
 * Blocks: on the memory's lock. Threads: any.
 * Return: the number of regions; also if it is more than @max, the first @max
 * are held.
 */
size_t smudge_memory_hold_regions(struct smudge_memory *memory,
				  struct smudge_region **regions, size_t max)
	SMUDGE_NONNULL(1);

/*
 * smudge_region_mark - the program wrote pages of a region
 * @region: region (borrowed)
 * @first_page, @npages: pages written before this call; what lies outside
 *      the region is ignored
 *
 * I/O into the pages by the kernel or a device (O_DIRECT, AIO, io_uring...) has
 * written them when its completion is reaped: mark then, not when the I/O is
 * submitted. Each client gets a mark once, also after a look.
 *
 * Cannot fail: needs no memory but the bitmaps' own, and no system call.
 * Blocks: no, lock-free. Threads: any number, at any time, and signal handlers.
 */
void smudge_region_mark(struct smudge_region *region, uint64_t first_page,
			uint64_t npages) SMUDGE_NONNULL(1);

/*
 * smudge_memory_mark_gpa - the program wrote guest physical memory
 * @memory: memory (borrowed)
 * @gpa, @length_bytes: range written before this call; parts in no region are
 *      ignored, and a range may span regions
 *
 * I/O is marked when its completion is reaped, as for smudge_region_mark.
 * Finds the regions by binary search. Cannot fail, as smudge_region_mark.
 * Blocks: no, lock-free. Threads: any number, at any time, also while regions
 * come and go, and signal handlers.
 */
void smudge_memory_mark_gpa(struct smudge_memory *memory, uint64_t gpa,
			    uint64_t length_bytes) SMUDGE_NONNULL(1);

/*
 * smudge_region_read - copy pages that others may be writing
 * smudge_region_read_bytes - the same for any bytes of the region
 * @region: region (borrowed)
 * @first_page, @npages: pages of the region
 * @offset_bytes, @length_bytes: counted from the region's first byte
 * @buffer: receives the bytes, owned by the caller
 * @err: receives the first failure; may be NULL
 *
 * Every byte is loaded once, so the bytes that are tested (zero? changed?) are
 * the bytes that are sent or stored. If a page is taken first and then read,
 * nothing is lost: a writer's concurrent store may be in the copy wholly, in
 * part or not at all, and makes the page dirty again. Compare, compress and
 * send the copy, never the memory.
 *
 * Memory at hva is read as the program itself would read it: where a file that
 * is mapped there was cut off, SIGBUS is raised.
 * Blocks: only on page faults: a page that was never touched is populated; or
 * as the region's read operation does. Threads: any.
 * State after failure: @buffer is unchanged, but for what a read operation that
 * failed has put into it.
 * Return: 0, -EINVAL (a range outside the region), or what the region's read
 * operation returned (-EIO for what it may not return): for a region of
 * another process process.h lists it.
 */
int smudge_region_read(const struct smudge_region *region, uint64_t first_page,
		       uint64_t npages, void *buffer,
		       struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);
int smudge_region_read_bytes(const struct smudge_region *region,
			     uint64_t offset_bytes, size_t length_bytes,
			     void *buffer,
			     struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_region_discard - drop the content of pages, then mark them
 * @region: region (borrowed) of this process's memory
 * @first_page, @npages: pages of the region, not 0
 * @fd: descriptor (borrowed), open for writing, of the file that the region
 *      maps shared; -1 without one. Private memory ignores it
 * @err: receives the first failure; may be NULL
 *
 * For balloons, free page reporting, hot-unplug and resets. This order loses
 * nothing; sources do not detect every discard (source.h). The call looks up
 * the kind of each mapping in the range. The content afterwards is:
 *
 *   private anonymous memory, with huge pages or without: zeros
 *   private mapping of a file or memfd: what the file has there; the file is
 *      not touched
 *   shared mapping of a file or memfd, shared anonymous memory: zeros, in the
 *      file and in all its mappings; with @fd by fallocate(PUNCH_HOLE), without
 *      by MADV_REMOVE, which needs a mapping that is writable and not locked
 *   hugetlbfs: the same, in whole huge pages. In a private mapping, a part of
 *      a huge page at the end of the range keeps its content; a range that
 *      begins within a huge page is -EINVAL
 *
 * Writers may run: a page that is written meanwhile has the old or the new
 * content, and is dirty. MADV_FREE is never used, since it drops content later
 * or not at all. Do not discard pages that a device has pinned (VFIO): the
 * device keeps using the old ones.
 *
 * Blocks: in two kernel calls per mapping, and while it reads the mappings from
 * /proc/self/maps. Threads: any, at any time.
 * State after failure: unknown means dirty: the whole range is marked for every
 * client, discarded or not, except after -EINVAL for the range, and in a region
 * without hva.
 * Return: 0, -EINVAL (range outside the region or empty; @fd is not of the
 * file mapped there, by fstat and /proc/self/maps, which differ on btrfs: pass
 * -1; locked memory; not whole host or huge pages), -ENOMEM (a part is not
 * mapped), -EBADF (@fd is not open for writing), -EACCES (a shared
 * mapping that may not be written, and no @fd), -EPERM (a sealed memfd, or in a
 * child: then nothing happened),
 * -EOPNOTSUPP (the file system punches no holes; a region without hva: only
 * the process that maps the memory can discard it), -ENODEV, -ESPIPE (not a
 * regular file), -ETXTBSY, -ENOSPC, -EIO (the file system's), -ENOENT (no
 * /proc), -ESRCH (the process's first thread has ended, and /proc/self with
 * it), -EMFILE, -ENFILE.
 */
int smudge_region_discard(struct smudge_region *region, uint64_t first_page,
			  uint64_t npages, int fd,
			  struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * PINNED I/O. A source detects that a page is made writable. I/O that pins a
 * page (O_DIRECT, AIO, io_uring, process_vm_writev(2), /proc/PID/mem, RDMA,
 * VFIO) makes it writable first and writes it later. A harvest in between
 * re-arms the page, and the write is lost. Follow one of two rules:
 *
 * 1. Mark the pages that the I/O wrote when it has completed
 *    (smudge_region_mark). I/O that failed may have written some: mark all.
 * 2. Re-arm only while no such I/O is in flight: harvest then, with
 *    smudge_memory_harvest_quiesced, and at other times only look
 *    (smudge_memory_look).
 *
 * Pages that stay pinned between two transfers (registered buffers of io_uring,
 * memory regions of RDMA, VFIO) always count as in flight: mark them by rule 1,
 * or mark all of them before each take. docs/kernel-support.md lists the calls.
 *
 * A harvest re-arms for every client of the region, so a client that follows
 * rule 2 is opened with SMUDGE_REARM_QUIESCED. While it is open, the harvests
 * of all other clients are looks.
 */
enum smudge_rearm_policy {
	SMUDGE_REARM_ALWAYS = 0,   /* every harvest re-arms */
	SMUDGE_REARM_QUIESCED = 1, /* only a quiesced harvest does */
};

/*
 * smudge_region_rearm_policy - the policy in force: that of the strictest
 *      client that watches the region now
 * @region: region (borrowed)
 *
 * Blocks: on the region's lock. Threads: any.
 */
enum smudge_rearm_policy
smudge_region_rearm_policy(struct smudge_region *region) SMUDGE_NONNULL(1);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
