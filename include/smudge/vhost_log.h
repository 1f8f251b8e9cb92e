/* SPDX-License-Identifier: MIT */
/*
 * The log of vhost and vhost-user back ends, from both sides.
 *
 * A back end is a process (or the kernel) that carries out a device's I/O
 * straight into guest memory, so the VMM cannot mark what it wrote. While
 * VHOST_F_LOG_ALL is on, the back end sets a bit in shared memory for each page
 * of 4096 bytes that it wrote: bit gpa / 4096, little-endian, from gpa 0 on.
 *
 * The VMM makes a source of the log (smudge_vhost_log_create). A back end marks
 * what it wrote (smudge_vhost_log_mark).
 */
#ifndef SMUDGE_VHOST_LOG_H
#define SMUDGE_VHOST_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "source.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Bytes of guest memory that one bit stands for, whatever the host's pages. */
#define SMUDGE_VHOST_LOG_PAGE_BYTES 4096

struct smudge_vhost_log_options {
	size_t size;	    /* sizeof(struct smudge_vhost_log_options) */
	void *log;	    /* the log, mapped shared; a multiple of 8 */
	uint64_t log_bytes; /* its size; a multiple of 8 */
	/*
	 * Switch the logging of the back ends on and off (VHOST_F_LOG_ALL), as
	 * the source starts and stops; with locks of the library held, as for
	 * the operations of source_ops.h. start returns 0 or -errno, when all
	 * back ends log: what they wrote without logging is in memory then.
	 * Sources of one log call it each. NULL: they log all the time.
	 */
	int (*start)(void *opaque, struct smudge_error *err);
	void (*stop)(void *opaque);
	void *opaque; /* passed to start and stop */
};

/*
 * smudge_vhost_log_create - the part of a vhost log that is a region's
 * @options: copied; the log stays mapped until the source is destroyed
 * @ret: receives the source, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * A harvest exchanges each word of the log with 0, so bits that a back end sets
 * meanwhile are in this harvest or the next one. Only the bits of the attached
 * range are touched: regions share a log, each with a source of its own, and at
 * most one source has a page. There is nothing to re-arm. The source has a
 * look, which leaves the bits, and follows the region's end: bits that new
 * pages have already are reported once more.
 *
 * A back end sets a bit after it wrote, at a moment of its choice: what is
 * still on its way is in a later harvest. The last harvest comes after the back
 * ends have stopped (VHOST_USER_GET_VRING_BASE was answered).
 *
 * A memfd that a back end has is sealed before it is mapped (F_SEAL_SHRINK): a
 * back end that shortens it would end this process with SIGBUS.
 *
 * A child of fork(2) may destroy the source, and nothing else.
 * Blocks: no. Threads: any.
 * Return: 0, -EINVAL (@options: no log, or not a multiple of 8; one of start
 * and stop without the other), -E2BIG (the options have fields that this
 * library does not know), -ENOMEM.
 * Start: also -EINVAL (the log ends before the range does, or the range begins
 * within a page of the log), -ENOMEM, or what start returned. Its growth, as
 * the region's end moves: -EINVAL (the log ends before). Harvest and look:
 * -EPERM (called in a child of the process that started the source).
 */
int smudge_vhost_log_create(const struct smudge_vhost_log_options *options,
			    struct smudge_source **ret,
			    struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(2);

/*
 * smudge_vhost_log_mark - a back end wrote guest memory
 * @log: the log (borrowed), as mapped by the back end, at any alignment
 * @log_bytes: its size
 * @gpa, @length_bytes: range that was written before this call
 *
 * The bits are set by atomic ORs with release order, so what finds a bit finds
 * the content. It sets bits that are set already, too: a check instead would
 * lose the write when the VMM clears the bit at that moment and reads the page.
 *
 * With VHOST_VRING_F_LOG the used ring is logged too, at the log_guest_addr of
 * VHOST_USER_SET_VRING_ADDR (an address of the guest, though the back end
 * writes the ring elsewhere): after an element i was written, offset 4 + 8 * i
 * and 8 bytes; after the index, offset 2 and 2 bytes; in this order.
 *
 * Needs no other call of the library, and no memory. Blocks: no, lock-free.
 * Threads: any number, of any process that maps the log, and signal handlers.
 * State after failure: the part within the log is marked.
 * Return: 0, -EINVAL (a part has no bit in the log).
 */
int smudge_vhost_log_mark(void *log, uint64_t log_bytes, uint64_t gpa,
			  uint64_t length_bytes) SMUDGE_NONNULL(1);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
