/* SPDX-License-Identifier: MIT */
/*
 * Inside of sys/uffd_use.h: which ranges uses have, and what the kernel has
 * registered for them. The page's lock is held.
 */
#ifndef LIB_SYS_UFFD_RANGES_H
#define LIB_SYS_UFFD_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/uffd_shared.h"
#include "sys/uffd_use.h"

/* What a use's range is registered for. */
unsigned int smi_sys_uffd_modes_of(const struct smi_sys_uffd_shared *page,
				   const struct smi_sys_uffd_use *use);

/*
 * The modes that uses other than @but want at an address, and the end of the
 * piece that has the same: *ret_end is lowered to it.
 */
unsigned int smi_sys_uffd_modes_at(const struct smi_sys_uffd_shared *page,
				   const struct smi_sys_uffd_use *but,
				   uint64_t at, uint64_t *ret_end);

/* Another use of the same purpose that has a part of [start, end), or NULL. */
const struct smi_sys_uffd_use *
smi_sys_uffd_find_rival(const struct smi_sys_uffd_shared *page,
			const struct smi_sys_uffd_use *use, uint64_t start,
			uint64_t end);

/* Is any of it a use's for writes? */
bool smi_sys_uffd_has_tracker(const struct smi_sys_uffd_shared *page,
			      uint64_t start, uint64_t end);

/* Is an address in a range that is kept (uffd_rest.h)? */
bool smi_sys_uffd_is_kept(const struct smi_sys_uffd_shared *page, uint64_t at);

/*
 * Register [start, end) for @use. After a failure nothing is registered that
 * was not before.
 */
int smi_sys_uffd_add(struct smi_sys_uffd_shared *page,
		     struct smi_sys_uffd_use *use, uint64_t start,
		     uint64_t end);

/*
 * End what @use added to [start, end). A failure to register again leaves the
 * piece unregistered, which its tracker's next scan reports as an error.
 */
void smi_sys_uffd_drop(struct smi_sys_uffd_shared *page,
		       const struct smi_sys_uffd_use *use, uint64_t start,
		       uint64_t end);

/* @to gets the range of @use, which has none then, and a place in the list. */
void smi_sys_uffd_replace(struct smi_sys_uffd_shared *page,
			  struct smi_sys_uffd_use *to,
			  struct smi_sys_uffd_use *use);

/* Out of the list; the last one closes the descriptor. */
void smi_sys_uffd_forget(struct smi_sys_uffd_shared *page,
			 const struct smi_sys_uffd_use *use);

#endif
