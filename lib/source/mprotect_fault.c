/* SPDX-License-Identifier: MIT */
/*
 * The handler of faults, and what it finds. It takes no lock, needs no memory,
 * and calls mprotect(2) and marks only.
 *
 * The table is an array of pointers. An area that goes leaves an empty place,
 * which the next one takes; a table that is full is replaced by a larger one.
 * What was replaced or went is freed after a grace period. A child of fork(2)
 * has a copy of all of it, and its own page tables: its stores are found by its
 * own handler.
 *
 * TOO MANY MAPPINGS. A page of its own protection takes two mappings more. At
 * vm.max_map_count the kernel refuses, and the handler makes more writable than
 * one page, and marks it all: 2 MiB, then the whole piece. Its edges are
 * mappings' edges, unless what lies beside it may only be read too, for which
 * two mappings are spared (mprotect_spare.h). If the kernel refuses even that,
 * the store is tried again until it does not.
 *
 * LATE FAULTS. A thread may fault just before its area goes, and its handler
 * look just afterwards. Then its page is the program's again, and the store is
 * tried again: once per thread and area that went, or was cut.
 */
#include "source/mprotect_fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/range.h"
#include "source/mprotect_spare.h"
#include "sys/guard.h"
#include "sys/rcu.h"
#include "sys/segv.h"
#include "sys/space.h"

#define WHERE "mprotect"

#define BLOCK_BYTES (UINT64_C(2) << 20)

struct table {
	size_t n;
	_Atomic(struct smi_mprotect_area *) areas[]; /* NULL: it went */
};

static _Atomic(struct table *) the_table; /* RCU; changed with the lock */
static _Atomic uint64_t nclosed;	  /* areas that went, or were cut */
static size_t nsources;			  /* lock; that exist */

/* A page that faults on purpose, and what the handler found; 0: none. */
static _Atomic uintptr_t trial_page;
static atomic_int trial_answer;

/* A signal handler may not allocate it. */
static _Thread_local uint64_t retried
	__attribute__((tls_model("initial-exec")));

static const struct smi_mprotect_piece *
find_piece(const struct smi_mprotect_area *area, uint64_t at)
{
	size_t low = 0, high = area->npieces;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (area->pieces[middle].start <= at)
			low = middle;
		else
			high = middle;
	}
	return &area->pieces[low];
}

/* Make a block writable, and mark what of it that made so. */
static int open_block(const struct smi_mprotect_area *area,
		      const struct smi_mprotect_piece *piece, uint64_t at,
		      uint64_t block_bytes)
{
	uint64_t start = max_u64(at & ~(block_bytes - 1), piece->start);
	uint64_t end = min_u64((at | (block_bytes - 1)) + 1, piece->end);

	end = min_u64(end, smi_mprotect_area_end(area));
	if (mprotect((void *)(uintptr_t)start, end - start, piece->prot) < 0)
		return -errno;
	smudge_bitmap_mark_range(area->pending,
				 (start - area->start) >> area->page_shift,
				 (end - start) >> area->page_shift);
	return 0;
}

static bool open_page(struct smi_mprotect_area *area, uint64_t at)
{
	const struct smi_mprotect_piece *piece = find_piece(area, at);
	int ret;

	if (!(piece->prot & PROT_WRITE))
		return false;
	ret = open_block(area, piece, at, piece->page_bytes);
	if (ret == -ENOMEM) {
		/* Relaxed: it is for a message. */
		atomic_store_explicit(&area->is_short, true,
				      memory_order_relaxed);
		ret = open_block(area, piece, at,
				 max_u64(piece->page_bytes, BLOCK_BYTES));
	}
	if (ret == -ENOMEM)
		ret = open_block(area, piece, at, UINT64_C(1) << 63);
	if (ret == -ENOMEM && smi_mprotect_spare_give_up())
		ret = open_block(area, piece, at, UINT64_C(1) << 63);
	return !ret || ret == -ENOMEM;
}

static bool is_late(void)
{
	/* Acquire: pairs with the release in area_went. */
	uint64_t now = atomic_load_explicit(&nclosed, memory_order_acquire);

	if (now == retried)
		return false;
	retried = now;
	return true;
}

/* The area that has a part of [start, end). In an RCU section, or locked. */
static struct smi_mprotect_area *find(uint64_t start, uint64_t end)
{
	/* Acquire: pairs with the release in grow. */
	struct table *table =
		atomic_load_explicit(&the_table, memory_order_acquire);

	for (size_t i = 0; table && i < table->n; i++) {
		/* Acquire: pairs with the release in smi_mprotect_publish. */
		struct smi_mprotect_area *area = atomic_load_explicit(
			&table->areas[i], memory_order_acquire);

		if (area && area->start < end &&
		    start < smi_mprotect_area_end(area))
			return area;
	}
	return NULL;
}

/* Relaxed, all: it is the thread's own fault. */
static bool is_trial(uint64_t at, const void *context)
{
	uintptr_t page =
		atomic_load_explicit(&trial_page, memory_order_relaxed);

	if (!page || page != at)
		return false;
	atomic_store_explicit(&trial_answer, smi_sys_segv_is_store(context),
			      memory_order_relaxed);
	return mprotect((void *)page, 1, PROT_READ | PROT_WRITE) == 0;
}

static bool on_fault(const siginfo_t *info, const void *context)
{
	uint64_t at = (uintptr_t)info->si_addr;
	struct smi_mprotect_area *area;
	struct smi_sys_rcu_slot *slot;
	bool is_ours;

	if (is_trial(at, context))
		return true;
	if (smi_sys_segv_is_store(context) != 1)
		return false;
	slot = smi_sys_rcu_read_lock();
	area = find(at, at + 1);
	is_ours = area ? open_page(area, at) : is_late();
	smi_sys_rcu_read_unlock(slot);
	return is_ours;
}

static pthread_mutex_t *lock(void)
{
	return smi_sys_space_mutex(SMI_SYS_SPACE_SEGV);
}

/* What the handler found; the fault comes before, for the compiler too. */
static int answer_of_trial(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	/* Relaxed: it is this thread's own fault. */
	return atomic_load_explicit(&trial_answer, memory_order_relaxed);
}

/* Lock held. Does the handler find a store to be one, and a load not? */
static bool is_told_apart(volatile uint8_t *page)
{
	if (mprotect((void *)(uintptr_t)page, 1, PROT_READ) < 0)
		return false;
	*page = 1;
	if (answer_of_trial() != 1 ||
	    mprotect((void *)(uintptr_t)page, 1, PROT_NONE) < 0)
		return false;
	(void)*page;
	return answer_of_trial() == 0;
}

/*
 * Lock held, and the handler is installed. Emulators of system calls may leave
 * out of a signal's frame what says whether it was a store.
 */
static int try_handler(struct smudge_error *err)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	sigset_t segv, before;
	bool is_good;

	if (page == MAP_FAILED)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	sigemptyset(&segv);
	sigaddset(&segv, SIGSEGV);
	pthread_sigmask(SIG_UNBLOCK, &segv, &before);
	/* Relaxed, both: it is this thread's own fault. */
	atomic_store_explicit(&trial_page, (uintptr_t)page,
			      memory_order_relaxed);
	is_good = is_told_apart(page);
	atomic_store_explicit(&trial_page, 0, memory_order_relaxed);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(page, bytes);
	if (is_good)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, WHERE,
				"the signal of a fault does not say here "
				"whether it was a store");
}

/* Lock held. */
static int install(struct smudge_error *err)
{
	int ret = smi_sys_segv_install(on_fault);

	if (ret == -EBUSY)
		return smudge_error_set(err, ret, WHERE,
					"the program replaced the handler of "
					"SIGSEGV too often");
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"cannot install a handler of SIGSEGV: "
					"%s",
					strerror(-ret));
	ret = try_handler(err);
	if (ret < 0)
		smi_sys_segv_remove();
	return ret;
}

int smi_mprotect_hold(struct smudge_error *err)
{
	int ret = 0;

	if (!smi_sys_space_id())
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	SMI_SYS_GUARD(lock());
	if (smi_mprotect_spare_map() < 0)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	if (nsources == 0)
		ret = install(err);
	if (ret < 0)
		return ret;
	smi_mprotect_spare_keep();
	nsources++;
	return 0;
}

void smi_mprotect_release(void)
{
	SMI_SYS_GUARD(lock());
	if (--nsources == 0)
		smi_sys_segv_remove();
}

/* Lock held. The table's place that holds the area, or NULL. */
static _Atomic(struct smi_mprotect_area *) *
place_of(const struct smi_mprotect_area *area)
{
	/* Relaxed, both: the lock orders them. */
	struct table *table =
		atomic_load_explicit(&the_table, memory_order_relaxed);

	for (size_t i = 0; table && i < table->n; i++) {
		if (atomic_load_explicit(&table->areas[i],
					 memory_order_relaxed) == area)
			return &table->areas[i];
	}
	return NULL;
}

/* Lock held. Put the area into a table of its own size plus one. */
static int grow(struct smi_mprotect_area *area)
{
	/* Relaxed: the lock orders it. */
	struct table *old =
		atomic_load_explicit(&the_table, memory_order_relaxed);
	size_t n = old ? old->n : 0;
	struct table *table =
		malloc(sizeof(*table) + (n + 1) * sizeof(table->areas[0]));

	if (!table)
		return -ENOMEM;
	table->n = n + 1;
	/* Relaxed, all: the release below publishes them. */
	for (size_t i = 0; i < n; i++)
		atomic_init(&table->areas[i],
			    atomic_load_explicit(&old->areas[i],
						 memory_order_relaxed));
	atomic_init(&table->areas[n], area);
	/* Release: pairs with the acquire in find. */
	atomic_store_explicit(&the_table, table, memory_order_release);
	if (smi_sys_rcu_synchronize())
		free(old);
	return 0;
}

/* Before it goes, or a part of it: its pages are the program's again. */
static void area_went(void)
{
	/* Release: pairs with the acquire in is_late. */
	atomic_fetch_add_explicit(&nclosed, 1, memory_order_release);
}

/* Lock held. */
static int check_free(uint64_t start, uint64_t end, struct smudge_error *err)
{
	if (!find(start, end))
		return 0;
	return smudge_error_set(
		err, -EBUSY, WHERE,
		"another source of this kind tracks a part of it");
}

int smi_mprotect_publish(struct smi_mprotect_area *area,
			 struct smudge_error *err)
{
	_Atomic(struct smi_mprotect_area *) *place;
	int ret;

	SMI_SYS_GUARD(lock());
	ret = check_free(area->start, smi_mprotect_area_end(area), err);
	if (ret < 0)
		return ret;
	place = place_of(NULL);
	if (place)
		/* Release: pairs with the acquire in find. */
		atomic_store_explicit(place, area, memory_order_release);
	else
		ret = grow(area);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE, "out of memory");
	return ret;
}

void smi_mprotect_put_back(struct smi_mprotect_area *from,
			   struct smi_mprotect_area *to)
{
	SMI_SYS_GUARD(lock());
	area_went();
	/* Release: pairs with the acquire in find. */
	atomic_store_explicit(place_of(from), to, memory_order_release);
}

int smi_mprotect_replace(struct smi_mprotect_area *from,
			 struct smi_mprotect_area *to, struct smudge_error *err)
{
	int ret;

	SMI_SYS_GUARD(lock());
	ret = check_free(smi_mprotect_area_end(from), smi_mprotect_area_end(to),
			 err);
	if (ret == 0)
		/* Release: pairs with the acquire in find. */
		atomic_store_explicit(place_of(from), to, memory_order_release);
	return ret;
}

void smi_mprotect_cut(struct smi_mprotect_area *area, uint64_t end)
{
	SMI_SYS_GUARD(lock());
	area_went();
	/* Relaxed: the grace period orders it. */
	atomic_store_explicit(&area->end, end, memory_order_relaxed);
	smi_sys_rcu_synchronize();
}

bool smi_mprotect_unpublish(struct smi_mprotect_area *area)
{
	SMI_SYS_GUARD(lock());
	area_went();
	/* Relaxed: the grace period orders it. */
	atomic_store_explicit(place_of(area), NULL, memory_order_relaxed);
	return smi_sys_rcu_synchronize();
}
