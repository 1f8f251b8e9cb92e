/* SPDX-License-Identifier: MIT */
/*
 * The page that a child of fork(2) finds empty.
 */
#include "sys/space.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* In every C library of Linux a mutex of zeros is unlocked. */
struct page {
	_Atomic uint64_t id;
	pthread_mutex_t locks[SMI_SYS_SPACE_NLOCKS];
};

static _Atomic(struct page *) the_page;

/* Copied by fork, so a child's numbers differ from its ancestors'. */
static _Atomic uint64_t nids;

static struct page *find(void)
{
	/* Acquire: pairs with the release in map_page. */
	return atomic_load_explicit(&the_page, memory_order_acquire);
}

static struct page *map_page(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct page *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct page *first = NULL;

	if (page == MAP_FAILED)
		return NULL;
	/* A kernel without it (before 4.14) takes a child for its parent. */
	madvise(page, bytes, MADV_WIPEONFORK);
	/* Release pairs with the acquires here and in find. */
	if (atomic_compare_exchange_strong_explicit(&the_page, &first, page,
						    memory_order_acq_rel,
						    memory_order_acquire))
		return page;
	munmap(page, bytes);
	return first;
}

uint64_t smi_sys_space_id(void)
{
	struct page *page = find();
	uint64_t none = 0;

	if (!page)
		page = map_page();
	if (!page)
		return 0;
	/* Relaxed, all: it is a number that never changes once it is set. */
	if (!atomic_load_explicit(&page->id, memory_order_relaxed))
		atomic_compare_exchange_strong_explicit(
			&page->id, &none,
			1 + atomic_fetch_add_explicit(&nids, 1,
						      memory_order_relaxed),
			memory_order_relaxed, memory_order_relaxed);
	return atomic_load_explicit(&page->id, memory_order_relaxed);
}

bool smi_sys_space_is(uint64_t id)
{
	struct page *page = find();

	/* Relaxed: as in smi_sys_space_id. */
	return id && page &&
	       atomic_load_explicit(&page->id, memory_order_relaxed) == id;
}

int smi_sys_space_check(uint64_t id, const char *where, const char *what,
			struct smudge_error *err)
{
	if (!id || smi_sys_space_is(id))
		return 0;
	return smudge_error_set(err, -EPERM, where,
				"the %s was created before fork(2), by the "
				"parent process: a child creates its own",
				what);
}

pthread_mutex_t *smi_sys_space_mutex(enum smi_sys_space_lock which)
{
	return &find()->locks[which];
}
