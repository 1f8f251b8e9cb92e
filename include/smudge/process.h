/* SPDX-License-Identifier: MIT */
/*
 * The memory of another process, tracked from outside.
 *
 * The process knows nothing of it. Its mappings become regions of a memory:
 * the gpa of such a region is the address there, its hva is NULL, and
 * smudge_region_read reads it. Sources that detect the process's writes are
 * attached, so clients, harvests, looks and takes work as for any region.
 * Needed is the permission to trace the process (ptrace(2)): the same user with
 * all capabilities that the process has, or CAP_SYS_PTRACE, for another user's
 * process with CAP_DAC_OVERRIDE: files of /proc/PID belong to that user.
 *
 * FOLLOWING. The process maps and unmaps memory as it likes.
 * smudge_process_harvest, _look and _harvest_quiesced first compare its
 * mappings with the regions: what appeared becomes a region, with all pages
 * dirty for clients that watch every region; what is gone is removed; a mapping
 * whose end moved is resized; a mapping that replaced another of its kind at
 * the same place is found by the harvest and is all dirty. Neighbours of the
 * same object (one file, one heap) that mprotect(2) or madvise(2) divided are
 * one region. smudge_memory_harvest and smudge_region_harvest compare nothing:
 * what was mapped since is not in the memory then.
 *
 * Regions are removed and resized by these three calls only. A region that is
 * held (smudge_region_hold), or of which a client has a batch, stays as it is
 * until a later one finds it free. So a thread that uses a region while another
 * one harvests holds it.
 *
 * READING a region (smudge_region_read) fails with -ESRCH (the process has
 * ended, or executes another program), -EFAULT (no memory is there now: it was
 * unmapped since, or the file behind it ends before), -ENOMEM or -EIO. What
 * fails with -EFAULT counts as zeros: when memory is there again, it holds
 * zeros, or it is reported. So a client that keeps copies puts zeros in place
 * of such a page, or keeps the page dirty; a copy that stays as it was may be
 * wrong. A page that the process did not map is mapped there by the reading;
 * but a hole of a memfd or tmpfs file that it maps shared stays one and is
 * zeros, if the userfaultfd method tracks it.
 *
 * Reading takes no lock but, with soft-dirty bits, theirs: it waits while a
 * harvest has the process stand. With soft-dirty bits, only what is read by it
 * is known to have been read: a page whose new content was read otherwise and
 * is dropped (MADV_DONTNEED) before the next harvest or look may stay clean.
 *
 * WHAT IS NOT SEEN: writes of other processes to shared memory, to a mapped
 * file by write(2) or by another mapping of it, of devices (VFIO), of the
 * kernel into registered buffers of io_uring (of these
 * smudge_process_each_writer tells which there are), and what a tracer writes
 * by /proc/PID/mem into memory that may not be written. I/O into pinned
 * pages is reported when it is pinned: memory.h, PINNED I/O.
 *
 * THE PROCESS ITSELF stands for a moment as it is attached and let go, with the
 * soft-dirty method for each harvest, and between smudge_process_stop and
 * smudge_process_continue (process_threads.h). The first write to a page after
 * a harvest costs it a page fault. While it is tracked, it cannot use a
 * userfaultfd of its own for the same memory. If this process is killed, the
 * other one runs on, and the kernel ends the tracking.
 *
 * exec(2) of the process ends all mappings: its regions are replaced by those
 * of the new program, all dirty. A child that it forks is not tracked.
 */
#ifndef SMUDGE_PROCESS_H
#define SMUDGE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attributes.h"
#include "error.h"
#include "memory.h"
#include "process_threads.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum smudge_process_method {
	/* the first of those below that works */
	SMUDGE_PROCESS_AUTO = 0,
	/* a userfaultfd that is made in the process (Linux 6.7, x86-64) */
	SMUDGE_PROCESS_UFFD = 1,
	/* soft-dirty bits: the process stands while they are read and cleared,
	   and another user of its bits loses them */
	SMUDGE_PROCESS_SOFT_DIRTY = 2,
};

/* Which of the mappings that may be written become regions; see unwritable. */
enum smudge_process_select {
	SMUDGE_PROCESS_ALL = 0,
	/* those whose name in /proc/PID/maps matches options.pattern */
	SMUDGE_PROCESS_NAMED = 1,
	/*
	 * those that have a page in options.first_address to end_address;
	 * neighbouring mappings of one object count as one
	 */
	SMUDGE_PROCESS_RANGE = 2,
	/*
	 * RAM of the guest that this machine monitor runs, by what it looks
	 * like: mappings of a memfd, of a file in /dev/shm or of huge pages,
	 * and shared mappings of other files, of 16 MiB at least; and the
	 * largest private anonymous mapping that may not be executed, if it is
	 * as large as the largest of those; neighbouring ones count as one, but
	 * not those of less than 16 MiB at its ends, such as a thread's stack
	 */
	SMUDGE_PROCESS_GUEST_RAM = 3,
};

struct smudge_process_options {
	size_t size; /* sizeof(struct smudge_process_options) */
	enum smudge_process_method method;
	enum smudge_process_select select;
	/*
	 * For fnmatch(3), where * matches / too; or the name itself, such as
	 * [heap], which fnmatch takes for one of four letters. A name is what
	 * the kernel prints: a path, [heap], [stack], [anon:NAME], or nothing;
	 * a newline in it is \012. " (deleted)" at its end need not be in the
	 * pattern.
	 */
	const char *pattern;
	uint64_t first_address;
	uint64_t end_address; /* exclusive */
	/* how long the process may take to stop; 0: 1000 */
	unsigned int stop_timeout_ms;
	/*
	 * Also private mappings that may not be written now but hold pages of
	 * the process's own (what the loader relocated, memory that was made
	 * read-only): from the first such page to the last. Before Linux 6.7
	 * mappings of at most 1 GiB.
	 */
	bool unwritable;
};

/*
 * smudge_process_open - attach to a process, and make its mappings regions
 * @memory: memory (borrowed; must outlive the process). Regions of other
 *      processes, or others in the way of the addresses, may not be in it
 * @pid: of the process (not of one of its other threads)
 * @options: copied; NULL: all mappings, by the method that works
 * @ret_process: receives it, closed by smudge_process_close
 * @err: receives the failure; may be NULL
 *
 * The name of a region is its first address in hexadecimal digits, a space and
 * the name of the mapping, cut to 63 bytes, with '?' for what cannot be
 * printed. Its pages are the host's. Nothing is write-protected before a client
 * opens.
 *
 * Blocks: while the process is stopped, at most stop_timeout_ms, not counting
 * time in which what stops it had no processor; on the memory's lock. Threads:
 * any.
 * State after failure: the process and the memory are as before.
 * Return: 0, -EINVAL (options; this process itself), -E2BIG (the options have
 * fields that this library does not know), -ESRCH (no such process, or it has
 * ended), -EPERM (it may not be traced, or another tracer has it; the
 * library's child of fork), -EBUSY (it is tracked already, or what was asked
 * for is registered with a userfaultfd of its own), -EOPNOTSUPP (the kernel has
 * no method that was asked for, or the process is of a kind that cannot be
 * attached), -ENOENT (no mapping matches, or no /proc), -ENOSPC (more mappings
 * than SMUDGE_MAX_REGIONS: select fewer), -EEXIST (a region of the memory is in
 * the way), -ETIMEDOUT (it did not stop in time), -ENOSYS (no userfaultfd),
 * -EIO, -EMFILE, -ENFILE, -ENOMEM.
 */
int smudge_process_open(struct smudge_memory *memory, pid_t pid,
			const struct smudge_process_options *options,
			struct smudge_process **ret_process,
			struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 4);

/*
 * smudge_process_harvest - compare the mappings with the regions, then harvest
 *      these
 * smudge_process_look - the same with looks: nothing is re-armed
 * smudge_process_harvest_quiesced - the same with quiesced harvests
 * @process: process (borrowed)
 * @err: receives the first failure; may be NULL
 *
 * The rules of harvest.h hold: SMUDGE_REARM_QUIESCED turns a harvest into
 * looks, and in a quiesced harvest no I/O of the process into pinned pages is
 * in flight.
 *
 * Blocks: on the locks, and in calls of the kernel that read and protect the
 * process's page tables: 1 to 3 ns for each page. Where the process executes
 * another program or ends meanwhile, also for an attachment, and for a second.
 * Threads: any; calls for one process wait for each other. Not from a source's
 * operation.
 * State after failure: unknown means dirty: what could not be harvested is
 * dirty for every client; the other regions were harvested.
 * Return: 0, -ESRCH (the process has ended; its regions stay until the close,
 * and cannot be read), -EPERM (it executes a program that may not be traced; a
 * child of fork), the errors of an attachment after exec(2) as
 * smudge_process_open, -EMFILE, -ENFILE, -ENOMEM, -EIO.
 */
int smudge_process_harvest(struct smudge_process *process,
			   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);
int smudge_process_look(struct smudge_process *process,
			struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);
int smudge_process_harvest_quiesced(struct smudge_process *process,
				    struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_process_close - let the process go, and remove its regions
 * @process: may be NULL; invalid afterwards, unless the call fails
 * @err: receives the failure; may be NULL
 *
 * Nothing is left in the process; if it stands, it runs on. A region that is
 * held, or of which a client has a batch, cannot be removed: the process is let
 * go all the same, the other regions are gone, and the call is made again when
 * the region is free.
 * Blocks: on the locks and RCU grace periods. Threads: no other call may use
 * @process or its regions.
 * Return: 0, -EBUSY (a region is held or has a batch), -EPERM (in a child of
 * fork, where nothing has happened), -ENOMEM.
 */
int smudge_process_close(struct smudge_process *process,
			 struct smudge_error *err);

/* What tracking a process costs and finds. Totals since it was opened. */
struct smudge_process_stats {
	size_t size;			   /* set by the caller: sizeof */
	enum smudge_process_method method; /* in force, never AUTO */
	bool has_ended;
	uint64_t stops;	     /* how often the process was stopped */
	uint64_t stopped_ns; /* until now, if it stands */
	uint64_t longest_stop_ns;
	uint64_t nregions;	   /* now */
	uint64_t regions_appeared; /* those of the open included */
	uint64_t regions_gone;
	uint64_t regions_resized;
	uint64_t mappings_replaced; /* found new at the place of another */
	uint64_t execs;
	/*
	 * Now: mappings that were selected and are not tracked, and their
	 * pages; smudge_process_each_untracked names them.
	 */
	uint64_t untracked_mappings;
	uint64_t untracked_pages;
};

/*
 * smudge_process_stats - read the statistics
 * @process: process (borrowed)
 * @stats: size is set by the caller; fields beyond it are not written
 *
 * Blocks: on the locks. Threads: any.
 * Return: 0, -EINVAL (size is smaller than the first version's).
 */
int smudge_process_stats(struct smudge_process *process,
			 struct smudge_process_stats *stats)
	SMUDGE_NONNULL(1, 2);

/* A mapping that was selected and is not tracked; valid during the call. */
struct smudge_process_untracked {
	size_t size; /* set by the library */
	uint64_t first_address;
	uint64_t end_address; /* exclusive */
	const char *name;     /* as the kernel prints it, unfiltered */
	const char *reason;   /* half a sentence */
	/* true: it is a region, and each harvest makes all of it dirty;
	   false: it is no region */
	bool is_dirty;
};

/*
 * smudge_process_each_untracked - list the mappings that are not tracked, as of
 *      the last harvest, look or open
 * @process: process (borrowed)
 * @each: called for each, in ascending order of those with a region, then of
 *      those without; it makes no call of the library for this process or its
 *      memory
 * @opaque: passed to @each
 *
 * They are: memory of devices and of the kernel's rings (io_uring, AIO), secret
 * memory, mappings larger than 256 GiB (to protect them, 2 MiB of page tables
 * per GiB would be allocated in the process), mappings that the kernel refuses
 * to register, and those beyond SMUDGE_MAX_REGIONS.
 * Blocks: on the locks. Threads: any.
 */
void smudge_process_each_untracked(
	struct smudge_process *process,
	void (*each)(void *opaque,
		     const struct smudge_process_untracked *untracked),
	void *opaque) SMUDGE_NONNULL(1, 2);

/* Who may write to a process's memory without being detected, or while it
   stands. */
enum smudge_process_writer_kind {
	/* another process, but not the caller's, which maps memory of a region
	   too, shared, and may write to it: a back end of vhost-user, a forked
	   child */
	SMUDGE_PROCESS_WRITER_PROCESS = 0,
	/* a device that the process has (VFIO, IOMMUFD, vDPA) */
	SMUDGE_PROCESS_WRITER_DEVICE = 1,
	/* an io_uring: I/O that is in flight has its pages pinned, and buffers
	   that are registered stay pinned */
	SMUDGE_PROCESS_WRITER_IO_URING = 2,
	/* a context of AIO: the same for I/O that is in flight */
	SMUDGE_PROCESS_WRITER_AIO = 3,
	/* the process itself: it has a descriptor open for writing of a file
	   that a region maps, or maps the same bytes at another address too,
	   shared, and may write there */
	SMUDGE_PROCESS_WRITER_FILE = 4,
	/* another process, but not the caller's, with the same address space
	   (clone(2) with CLONE_VM): what it writes is detected, but
	   smudge_process_stop does not stop it */
	SMUDGE_PROCESS_WRITER_TWIN = 5,
};

/* Valid during the call. */
struct smudge_process_writer {
	size_t size; /* set by the library */
	enum smudge_process_writer_kind kind;
	pid_t pid;	  /* of the other process, or of this one */
	const char *name; /* the other process's, or what /proc calls the
			     descriptor or the mapping */
	/* What it may write to, end exclusive; 0 to 0: any memory. */
	uint64_t first_address;
	uint64_t end_address;
};

/*
 * smudge_process_each_writer - list who may write undetected, as /proc shows it
 *      now
 * @process: process (borrowed)
 * @each: called for each, a process once for each region that it maps, a file
 *      once for each descriptor or mapping and region; it makes no call of the
 *      library for this process or its memory
 * @opaque: passed to @each
 * @err: receives the failure; may be NULL
 *
 * What they wrote must be marked by the program, or counted as dirty. It asks
 * of every process whether it has the same address space, and if a region is
 * shared memory reads the mappings of each. Nothing of the process is touched.
 * Not listed: who else has such a file open, and one that opened it, wrote, and
 * closed it again.
 * Blocks: on the lock, and while /proc is read. Threads: any.
 * State after failure: @each was called for what was found until then.
 * Return: the number of processes whose mappings may not be read (each may be a
 * writer; 0 if no region is shared memory), -ESRCH (the process has ended),
 * -EPERM (its descriptors may not be read, or in a child of fork), -ENOENT (no
 * /proc), -EIO, -EMFILE, -ENFILE, -ENOMEM.
 */
int smudge_process_each_writer(
	struct smudge_process *process,
	void (*each)(void *opaque, const struct smudge_process_writer *writer),
	void *opaque, struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
