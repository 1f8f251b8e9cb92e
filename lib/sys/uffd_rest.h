/* SPDX-License-Identifier: MIT */
/*
 * Ranges of missing pages whose reader has ended, but which are tracked.
 *
 * The kernel cannot drop the delivery of missing pages and keep the
 * write-protection (sys/uffd_use.h: RANGES), so ending a range that a tracker
 * watches would make all of it dirty. It is kept instead, until the tracker
 * closes, and one thread brings zeros where a page was dropped, or was never
 * there. The first are unprotected, so that they count as written.
 *
 * The thread is the descriptor's reader while no use claims it; then the one
 * that does brings these zeros too.
 */
#ifndef LIB_SYS_UFFD_REST_H
#define LIB_SYS_UFFD_REST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sys/uffd_use.h"

struct smi_sys_uffd_shared;

/*
 * smi_sys_uffd_rest_keep - keep a range that is tracked
 * @use: for missing pages, open; no thread reads for it any more. Where it is
 *	kept it has no range afterwards. It is to be closed
 * @page_bytes: of its mapping
 * @brought: *brought has a bit for each page of it that was ever brought, and
 *	may have been dropped since; the others are zeros. It is allocated, and
 *	becomes NULL where it is kept too. NULL: all were
 *
 * Nothing is kept where there is no memory for it. Blocks: on the lock.
 */
void smi_sys_uffd_rest_keep(struct smi_sys_uffd_use *use, uint64_t page_bytes,
			    _Atomic uint64_t **brought);

/* Keep nothing of a range any more, since another use is to have it. */
void smi_sys_uffd_rest_forget(uint64_t start, uint64_t end);

/* When that use is closed: read for what is kept, unless there is a reader. */
void smi_sys_uffd_rest_read(void);

/*
 * smi_sys_uffd_rest_bring - bring a page of a range that is kept
 *
 * For the reader. Return: false: no range that is kept has it.
 */
bool smi_sys_uffd_rest_bring(uint64_t address);

/*
 * Inside. Lock held: a use for writes has changed; what it does not track any
 * more is not kept.
 */
void smi_sys_uffd_rest_check(struct smi_sys_uffd_shared *page);

/* Without the lock: end the thread, if it has nothing to read for. */
void smi_sys_uffd_rest_settle(void);

/* Without the lock: end the thread; another one is to read. */
void smi_sys_uffd_rest_yield(void);

#endif
