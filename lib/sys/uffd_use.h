/* SPDX-License-Identifier: MIT */
/*
 * The one userfaultfd of this address space.
 *
 * The kernel lets a mapping be registered with one userfaultfd only. Tracking
 * of writes and delivery of missing pages may want the same mapping at the same
 * time, so both use one descriptor. It is opened for the first use and closed
 * after the last one. Its features are agreed on once, for all uses: all of
 * those below that the kernel has.
 *
 * WHY A STATIC. The descriptor belongs to the address space, as the kernel's
 * registrations do, and two parts of a program that do not know each other must
 * find the same one. So there is one static pointer, to a page that is mapped
 * at the first use and stays mapped. It needs no constructor.
 *
 * FORK. The page is wiped in a child (MADV_WIPEONFORK), its lock included, so
 * a child finds no descriptor and opens one of its own. The parent's descriptor
 * stays bound to the parent's memory: a child that registered or unregistered
 * with its copy would change the parent. A use that a child inherits is
 * therefore dead: smi_sys_uffd_use_is_alive is false, and closing it touches
 * nothing. The child's copy of the descriptor stays open until the child ends
 * or executes a program: the child may have closed it, and its number may be
 * another file's.
 *
 * RANGES. A use registers one range, whose end may move. At most one use of
 * each purpose may have a page: what one of two trackers fetched the other
 * would never see. A use that closes drops only its own mode of its range;
 * modes of other uses stay. The kernel cannot drop one mode of two:
 *
 *   - Write-protection stays where missing pages are still delivered. The
 *     kernel resolves its faults itself, so this costs a fault per page.
 *   - Missing pages must end, or a fault would wait for ever. The range is
 *     unregistered and registered again, and loses all write-protection with
 *     it. That is safe: a page that is not protected counts as written, so the
 *     tracker's next scan finds the whole range. A scan between the two calls
 *     fails with -EPERM, and a call that protects with -ENOENT. What does may
 *     ask again while none comes between (smi_sys_uffd_use_hold).
 *     Who wants to spare the tracker that keeps the range instead
 *     (uffd_rest.h).
 *
 * WHO READS. The descriptor has one queue. Tracking puts nothing into it, and
 * no EVENT_* feature is agreed on, so fork, mremap and madvise never wait for a
 * reader. Only a fault on a missing page does. A message can be read once and
 * does not name a use, so one use may read: the one that claimed it. A use that
 * delivers missing pages claims first, and serves all ranges that are
 * registered for missing pages. Reads do not block; poll(2) waits for messages.
 *
 * INSTALLING PAGES. The reader may install a page protected
 * (UFFDIO_COPY_MODE_WP), hence clean, once: nothing has changed it before. A
 * page that is missing again was dropped. That is a change, and the kernel
 * forgets it when the page returns. So the reader installs such a page
 * unprotected, and it counts as written. The same holds for every page of a
 * private mapping of a file, since trackers rely on a report of each copy
 * (source/drops.h).
 *
 * LOCKS. One, in the page, innermost. Threads: any, but one at a time for one
 * use.
 */
#ifndef LIB_SYS_UFFD_USE_H
#define LIB_SYS_UFFD_USE_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "sys/uffd.h"

/* Zeroed before it is opened, and after it was closed. */
struct smi_sys_uffd_use {
	int fd; /* for calls about the range; another thread's too */
	bool takes_kernel_faults; /* system calls and KVM wait for pages too */
	enum smi_sys_uffd_purpose purpose;
	bool is_kept;		       /* uffd_rest.h's */
	struct smi_sys_uffd_use *next; /* the page's lock */
	uint64_t start, end;	       /* the page's lock; the range */
	uint64_t id;		       /* of the descriptor; 0: not open */
};

/*
 * smi_sys_uffd_use_open - open the descriptor, or share the one that is open
 * @use: written; closed by smi_sys_uffd_use_close. Its place stays the same
 * @err: receives the failure, which names the missing ability
 *
 * Blocks: on the lock.
 * Return: 0, -ENOSYS (no userfaultfd), -EPERM (not allowed), -EOPNOTSUPP (a
 * feature that the purpose needs), -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_sys_uffd_use_open(struct smi_sys_uffd_use *use,
			  enum smi_sys_uffd_purpose purpose,
			  struct smudge_error *err);

/*
 * smi_sys_uffd_use_register - register the use's range
 * @use: open, and without a range
 * @start, @end: addresses, whole pages. Holes are skipped
 *
 * Nothing is protected yet. After a failure nothing is registered that was not
 * before. Blocks: on the lock, and on the kernel's of the address space.
 * Return: 0, -EBUSY (another use of the purpose has a part of it, or another
 * userfaultfd has), -EINVAL, -EPERM (memory that cannot be registered, or a
 * use that is not alive),
 * -ENOMEM.
 */
int smi_sys_uffd_use_register(struct smi_sys_uffd_use *use, uint64_t start,
			      uint64_t end, struct smudge_error *err);

/*
 * smi_sys_uffd_use_extend - register more, from the range's end on
 * smi_sys_uffd_use_cut - let the range end earlier; cannot fail
 * @use: with a range
 * @end: the range's new end
 *
 * As smi_sys_uffd_use_register and smi_sys_uffd_use_close, for the part that is
 * added or dropped.
 */
int smi_sys_uffd_use_extend(struct smi_sys_uffd_use *use, uint64_t end,
			    struct smudge_error *err);
void smi_sys_uffd_use_cut(struct smi_sys_uffd_use *use, uint64_t end);

/* smi_sys_uffd_use_close - drop the range and the use; not open is a no-op */
void smi_sys_uffd_use_close(struct smi_sys_uffd_use *use);

/* Is it this address space's? False in a child that inherited it. */
bool smi_sys_uffd_use_is_alive(const struct smi_sys_uffd_use *use);

/*
 * smi_sys_uffd_use_tracked - which part of a registered range is registered for
 *	writes only, and with this descriptor? Where missing pages are only kept
 *	(uffd_rest.h) they are zeros, which counts as writes only
 *
 * Return: the end of the part from @start on; @start if there is none.
 */
uint64_t smi_sys_uffd_use_tracked(uint64_t start, uint64_t end);

/*
 * smi_sys_uffd_use_hold - no other thread changes a registration until
 *	smi_sys_uffd_use_release, which the caller is to call soon
 *
 * Waits for those that are doing so.
 * Return: is it held? Not for a use that is not alive.
 */
bool smi_sys_uffd_use_hold(const struct smi_sys_uffd_use *use);
void smi_sys_uffd_use_release(void);

/*
 * smi_sys_uffd_use_claim - become the one that reads the descriptor
 * @use: open, for missing pages; the claim ends when it is closed. What is read
 *	may be of a range that is kept (smi_sys_uffd_rest_bring)
 *
 * Return: 0, -EBUSY (another use reads), -EPERM (a use that is not alive).
 */
int smi_sys_uffd_use_claim(struct smi_sys_uffd_use *use);

#endif
