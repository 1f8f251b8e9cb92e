/* SPDX-License-Identifier: MIT */
/*
 * Three pages of which the middle one may be read and the others may not: it
 * becomes like them, and they are one mapping.
 */
#include "source/mprotect_spare.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t *pages;	    /* the lock's; stays for ever */
static atomic_bool is_kept; /* the middle one may be read */

int smi_mprotect_spare_map(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *at;

	if (pages)
		return 0;
	at = mmap(NULL, 3 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	pages = at;
	return 0;
}

static bool protect(int prot)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);

	return mprotect(pages + bytes, bytes, prot) == 0;
}

/* Release, pairs with the exchange below: what is given up is there. */
void smi_mprotect_spare_keep(void)
{
	if (!atomic_load_explicit(&is_kept, memory_order_acquire) &&
	    protect(PROT_READ))
		atomic_store_explicit(&is_kept, true, memory_order_release);
}

bool smi_mprotect_spare_give_up(void)
{
	return atomic_exchange_explicit(&is_kept, false,
					memory_order_acq_rel) &&
	       protect(PROT_NONE);
}
