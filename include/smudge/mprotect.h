/* SPDX-License-Identifier: MIT */
/*
 * A source for any kernel: pages are made read-only, and the handler of SIGSEGV
 * marks the page and makes it writable again.
 *
 * It is for programs that store to their memory themselves (emulators,
 * interpreters, collectors of garbage) on kernels without WP_ASYNC or
 * soft-dirty. Where smudge_uffd_create works it is better in every way: the
 * kernel's own writes work, no signal is used, and a store costs less.
 *
 * This is the one part of the library that changes a signal's handler.
 */
#ifndef SMUDGE_MPROTECT_H
#define SMUDGE_MPROTECT_H

#include "attributes.h"
#include "error.h"
#include "source.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * smudge_mprotect_create - track stores by mprotect(2) and SIGSEGV
 * @ret: receives the source, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * THE HANDLER of SIGSEGV is installed as the first source of this kind is
 * created, and the program's is restored as the last one is destroyed, if ours
 * is still the installed one. A fault that is not ours is passed on to the
 * handler that was there before, with its mask, SA_SIGINFO, SA_NODEFER and
 * SA_RESETHAND; only SA_ONSTACK is always in force. It may leave by
 * siglongjmp. A handler that the program installs later gets all faults, and
 * passes on those that it does not know to the one that sigaction(2) gave it;
 * if it does not, the first store to a protected page is a crash, never a lost
 * write. Such changes are endured 8 times. Restoring ours is allowed. Detach
 * the source before it is destroyed, and destroy it when the threads that
 * stored to its memory have continued: a fault that is still on its way when
 * the handler is gone is the program's.
 *
 * NOT IN PROTECTED MEMORY, since the process ends: the stack of a thread that
 * pthread_attr_setstack(3) places there, with an alternate signal stack or
 * without, for its thread-local variables are in it, and the handler stores to
 * them; another stack of a thread without an alternate signal stack; that
 * stack; what a thread stores while it blocks SIGSEGV, as it does in a handler
 * of SIGSEGV of the program's own: where handlers of other signals store, give
 * it all signals as its mask, or SA_NODEFER.
 *
 * THE KERNEL'S WRITES into a protected page fail: read(2), recv(2), io_uring
 * and process_vm_writev(2) with -EFAULT, or they end early; a thread id that
 * the kernel clears (set_tid_address(2)) stays without an error. Give such
 * calls other memory, and copy. Writes that are not stopped are not detected:
 * I/O into pages that were pinned before, other mappings of the same memory,
 * /proc/PID/mem and ptrace(2). Dropped content is not detected: use
 * smudge_region_discard.
 *
 * A PAGER (pager.h), a lazy restore too, makes pages inaccessible if it fails:
 * while one has the memory this source does not start (-EBUSY), and the other
 * way round.
 *
 * PROTECTIONS. The program changes neither protections nor mappings of the
 * range while the source runs. A harvest finds memory that was unmapped, or is
 * writable without our doing, and fails; what was made writable, written and
 * made read-only between two harvests is lost, and so is what a mapping that is
 * read-only has replaced. Memory that may not be written
 * when the source starts is not tracked, nor touched. PROT_EXEC is kept. While
 * the source runs, memory that may be written may be read.
 *
 * MAPPINGS. A page that is writable alone costs two more mappings. If the
 * process has too many (vm.max_map_count), a handler makes 2 MiB writable, or
 * all of the mapping, and they are reported: too many pages, never too few. A
 * start that is refused for it has protected nothing.
 *
 * It reports host pages; pages of hugetlbfs are reported whole. A child of
 * fork(2) may store to its copy of the memory, and may destroy the source, and
 * nothing else. The source has a look, and follows the region's end.
 *
 * Blocks: no. Threads: any.
 * Return: 0, -EOPNOTSUPP (a processor other than x86-64 and arm64; an emulator
 * whose signals do not say whether it was a store), -EBUSY (the handler was
 * replaced too often), -ENOMEM, or the error of sigaction(2), where a filter
 * denies it.
 * Start: -EINVAL (not whole host pages, or huge pages), -ENOMEM (a hole in the
 * range, too many mappings), -EBUSY (another source of this kind tracks a
 * part), -EACCES, -ENOENT, -EMFILE, -ENFILE, -ESRCH, -EIO (/proc/self/smaps
 * cannot be read). Its growth, as the region's end moves: the same.
 * Harvest and look: -EPERM (a mapping or protection was changed; or called in a
 * child of the process that started the source), -EIO (no barrier works),
 * -ENOMEM, or those of reading /proc/self/maps.
 */
int smudge_mprotect_create(struct smudge_source **ret,
			   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
