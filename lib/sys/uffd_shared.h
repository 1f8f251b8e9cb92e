/* SPDX-License-Identifier: MIT */
/*
 * Inside of sys/uffd_use.h: the page that holds the descriptor.
 */
#ifndef LIB_SYS_UFFD_SHARED_H
#define LIB_SYS_UFFD_SHARED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "sys/uffd.h"

struct smi_sys_uffd_use;

/*
 * Alone in a page of memory that the kernel fills with zeros at first, and
 * again in each child of fork(2). In every C library of Linux a mutex of zeros
 * is unlocked, and a condition of zeros has no waiters.
 */
struct smi_sys_uffd_shared {
	pthread_mutex_t lock;
	_Atomic uint64_t id; /* changed under the lock; 0: no descriptor */
	int fd;		     /* lock, and so on: */
	bool takes_kernel_faults;
	uint64_t features; /* agreed on */
	struct smi_sys_uffd_use *uses;
	const struct smi_sys_uffd_use *reader;
	/* uffd_missing.h's: installs that began in either of two phases. */
	unsigned int phase;
	unsigned int ninstalling[2];
	pthread_cond_t installed;
	/* uffd_rest.h's: ranges whose reader has ended. */
	struct smi_sys_uffd_kept *kept;
	bool has_thread; /* that reads for them; it is the reader then */
	int thread_end;	 /* eventfd */
	pthread_t thread;
};

/* The page if it was mapped, without a lock; or NULL. */
struct smi_sys_uffd_shared *smi_sys_uffd_shared_find(void);

/* The page, locked; NULL: it cannot be mapped. */
struct smi_sys_uffd_shared *smi_sys_uffd_shared_lock(void);

/*
 * Lock held. Open the descriptor unless it is open, and check that it has what
 * the purpose needs. Return: as smi_sys_uffd_use_open.
 */
int smi_sys_uffd_shared_open(struct smi_sys_uffd_shared *page,
			     enum smi_sys_uffd_purpose purpose,
			     struct smudge_error *err);

static inline uint64_t
smi_sys_uffd_shared_id(const struct smi_sys_uffd_shared *page)
{
	/* Relaxed: while a use is open the id does not change. */
	return atomic_load_explicit(&page->id, memory_order_relaxed);
}

#endif
