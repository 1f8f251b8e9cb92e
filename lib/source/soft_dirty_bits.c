/* SPDX-License-Identifier: MIT */
/*
 * Reading, carrying over and clearing the soft-dirty bits.
 *
 * A fetch: all writers stand; the bits of every use are ORed into its pending
 * pages; all bits are cleared; the canary is written; the writers continue. So
 * each write is in some use's pending pages, or sets a bit after the clear. If
 * the bits of a use cannot be read, all of it is pending. If they cannot be
 * cleared, they have been read, and stay.
 */
#include "source/soft_dirty_bits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/soft_dirty_fds.h"
#include "sys/guard.h"
#include "sys/space.h"

#define WHERE "soft_dirty"

/* Both are the lock's. The canary's mapping is inherited by children. */
static struct smi_soft_dirty_use *uses;
static volatile uint8_t *canary;

static pthread_mutex_t *lock(void)
{
	return smi_sys_space_mutex(SMI_SYS_SPACE_SOFT_DIRTY);
}

static uint64_t page_of(const volatile void *at)
{
	return (uintptr_t)at / (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Return: 1 or 0: the canary's bit; or -errno. */
static int read_canary(const struct smi_soft_dirty_fds *fds)
{
	uint64_t bit = 0;
	int ret = smi_soft_dirty_fds_read(fds, page_of(canary), 1, &bit);

	return ret < 0 ? ret : bit != 0;
}

static int map_canary(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *at;

	if (canary)
		return 0;
	at = mmap(NULL, 3 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	if (mprotect(at + bytes, bytes, PROT_READ | PROT_WRITE) < 0) {
		munmap(at, 3 * bytes);
		return -ENOMEM;
	}
	canary = at + bytes;
	*canary = 1;
	return 0;
}

int smi_soft_dirty_probe(struct smudge_error *err)
{
	struct smi_soft_dirty_fds fds;
	int ret;

	if (!smi_sys_space_id())
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	SMI_SYS_GUARD(lock());
	ret = smi_soft_dirty_fds_open(&fds, err);
	if (ret < 0)
		return ret;
	ret = map_canary();
	if (!ret && !uses) {
		/* what others cleared before does not matter */
		*canary = 1;
		ret = read_canary(&fds);
	} else if (!ret) {
		ret = 1; /* they run */
	}
	smi_soft_dirty_fds_close(&fds);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"cannot read a page's soft-dirty bit: "
					"%s",
					strerror(-ret));
	if (!ret)
		return smudge_error_set(err, -EOPNOTSUPP, WHERE,
					"this kernel has no soft-dirty bits "
					"(CONFIG_MEM_SOFT_DIRTY)");
	return 0;
}

/* One of the parent's, in a child, has nothing to do here. */
static bool is_live(const struct smi_soft_dirty_use *use)
{
	return smi_sys_space_is(use->space);
}

/* Another use whose writers stand already has the same callbacks. */
static bool stands(const struct smi_soft_dirty_use *use)
{
	for (const struct smi_soft_dirty_use *u = uses; u; u = u->next) {
		if (u->was_quiesced &&
		    u->options->quiesce == use->options->quiesce &&
		    u->options->resume == use->options->resume &&
		    u->options->opaque == use->options->opaque)
			return true;
	}
	return false;
}

static void resume_all(void)
{
	for (struct smi_soft_dirty_use *u = uses; u; u = u->next) {
		if (u->was_quiesced)
			u->options->resume(u->options->opaque);
		u->was_quiesced = false;
	}
}

static int quiesce_all(struct smudge_error *err)
{
	int ret = 0;

	for (struct smi_soft_dirty_use *u = uses; u && !ret; u = u->next) {
		if (!is_live(u) || stands(u))
			continue;
		ret = u->options->quiesce(u->options->opaque, err);
		u->was_quiesced = !ret;
	}
	if (ret)
		resume_all();
	return ret;
}

static void collect(const struct smi_soft_dirty_fds *fds)
{
	bool is_unknown = read_canary(fds) != 1;

	for (struct smi_soft_dirty_use *u = uses; u; u = u->next) {
		if (!is_live(u))
			continue;
		if (is_unknown ||
		    smi_soft_dirty_fds_read(fds, u->first_page, u->npages,
					    u->pending) < 0)
			memset(u->pending, 0xff, u->nwords * sizeof(uint64_t));
	}
}

static int clear_failed(int code, struct smudge_error *err)
{
	return smudge_error_set(err, code, WHERE,
				"cannot clear the soft-dirty bits by "
				"/proc/self/clear_refs: %s",
				strerror(-code));
}

/* Lock held, and all stand. The canary shows whether clearing works. */
static int clear_all(const struct smi_soft_dirty_fds *fds,
		     struct smudge_error *err)
{
	int ret = smi_soft_dirty_fds_clear(fds);
	int left;

	if (ret < 0)
		return clear_failed(ret, err);
	left = read_canary(fds);
	*canary = 1;
	if (left == 0)
		return 0;
	return smudge_error_set(err, left < 0 ? left : -EOPNOTSUPP, WHERE,
				"a clear by /proc/self/clear_refs leaves "
				"soft-dirty bits");
}

static int fetch_locked(const struct smi_soft_dirty_fds *fds,
			struct smudge_error *err)
{
	int ret = quiesce_all(err);

	if (ret)
		return ret;
	collect(fds);
	ret = clear_all(fds, err);
	resume_all();
	return ret;
}

int smi_soft_dirty_fetch(struct smi_soft_dirty_use *use,
			 struct smudge_error *err)
{
	struct smi_soft_dirty_fds fds;
	int ret = smi_soft_dirty_fds_open(&fds, err);

	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(lock());
	ret = fetch_locked(&fds, err);
	smi_soft_dirty_fds_close(&fds);
	return ret;
}

int smi_soft_dirty_look(struct smi_soft_dirty_use *use, uint64_t *words,
			struct smudge_error *err)
{
	struct smi_soft_dirty_fds fds;
	int ret = smi_soft_dirty_fds_open(&fds, err);

	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(lock());
	memcpy(words, use->pending, use->nwords * sizeof(*words));
	/* Before: what another clears later has been read then. */
	ret = smi_soft_dirty_fds_read(&fds, use->first_page, use->npages,
				      words);
	if (ret == 0 && read_canary(&fds) != 1)
		memset(words, 0xff, use->nwords * sizeof(*words));
	smi_soft_dirty_fds_close(&fds);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE,
				 "cannot read /proc/self/pagemap: %s",
				 strerror(-ret));
	return ret;
}

void smi_soft_dirty_take(struct smi_soft_dirty_use *use, uint64_t *words)
{
	SMI_SYS_GUARD(lock());
	memcpy(words, use->pending, use->nwords * sizeof(*words));
	memset(use->pending, 0, use->nwords * sizeof(*words));
}

/* Lock held. */
static void unlink_use(struct smi_soft_dirty_use *use)
{
	struct smi_soft_dirty_use **link = &uses;

	while (*link != use)
		link = &(*link)->next;
	*link = use->next;
}

/* Lock held. */
static int check_free(uint64_t first_page, uint64_t end_page,
		      struct smudge_error *err)
{
	for (const struct smi_soft_dirty_use *u = uses; u; u = u->next) {
		if (is_live(u) && u->first_page < end_page &&
		    first_page < u->first_page + u->npages)
			return smudge_error_set(err, -EBUSY, WHERE,
						"another source of this kind "
						"tracks a part of it");
	}
	return 0;
}

/* Lock held. The first bits are cleared with the use in the list. */
static int add(struct smi_soft_dirty_use *use,
	       const struct smi_soft_dirty_fds *fds, struct smudge_error *err)
{
	int ret =
		check_free(use->first_page, use->first_page + use->npages, err);

	if (ret)
		return ret;
	use->next = uses;
	uses = use;
	ret = fetch_locked(fds, err);
	memset(use->pending, 0, use->nwords * sizeof(uint64_t));
	if (ret)
		unlink_use(use);
	return ret;
}

int smi_soft_dirty_open(struct smi_soft_dirty_use *use,
			struct smudge_error *err)
{
	struct smi_soft_dirty_fds fds;
	int ret;

	use->space = smi_sys_space_id();
	use->nwords = (size_t)((use->npages + 63) / 64);
	use->pending = calloc(use->nwords, sizeof(uint64_t));
	if (!use->pending)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = smi_soft_dirty_fds_open(&fds, err);
	if (!ret) {
		SMI_SYS_GUARD(lock());
		ret = add(use, &fds, err);
		smi_soft_dirty_fds_close(&fds);
	}
	if (ret) {
		free(use->pending);
		use->pending = NULL;
	}
	return ret;
}

/* Lock held. */
static void set_npages(struct smi_soft_dirty_use *use, uint64_t npages)
{
	use->npages = npages;
	use->nwords = (size_t)((npages + 63) / 64);
}

int smi_soft_dirty_grow(struct smi_soft_dirty_use *use, uint64_t npages,
			struct smudge_error *err)
{
	uint64_t *pending =
		calloc((size_t)((npages + 63) / 64), sizeof(*pending));
	int ret;

	if (!pending)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	SMI_SYS_GUARD(lock());
	ret = check_free(use->first_page + use->npages,
			 use->first_page + npages, err);
	if (ret < 0) {
		free(pending);
		return ret;
	}
	memcpy(pending, use->pending, use->nwords * sizeof(*pending));
	free(use->pending);
	use->pending = pending;
	set_npages(use, npages);
	return 0;
}

void smi_soft_dirty_cut(struct smi_soft_dirty_use *use, uint64_t npages)
{
	SMI_SYS_GUARD(lock());
	set_npages(use, npages);
}

void smi_soft_dirty_close(struct smi_soft_dirty_use *use)
{
	pthread_mutex_lock(lock());
	unlink_use(use);
	pthread_mutex_unlock(lock());
	free(use->pending);
	use->pending = NULL;
}
