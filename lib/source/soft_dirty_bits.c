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
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/range.h"
#include "sys/guard.h"
#include "sys/pagemap.h"
#include "sys/space.h"

#define WHERE "soft_dirty"

/* Pages whose words are read by one call. */
#define NREAD 512

struct fds {
	int pagemap, clear_refs; /* or -1 */
};

/* Both are the lock's. The canary's mapping is inherited by children. */
static struct smi_soft_dirty_use *uses;
static volatile uint8_t *canary;

static pthread_mutex_t *lock(void)
{
	return smi_sys_space_mutex(SMI_SYS_SPACE_SOFT_DIRTY);
}

static int cannot_open(struct smudge_error *err, int code, const char *name)
{
	if (code == -EACCES)
		code = -EPERM;
	if (code == -ENOENT)
		return smudge_error_set(err, -ENOSYS, WHERE,
					"no /proc/self/%s: %s", name,
					access("/proc/self", F_OK) < 0
						? "/proc is not mounted"
						: "this kernel has no "
						  "CONFIG_PROC_PAGE_MONITOR");
	return smudge_error_set(err, code, WHERE,
				"cannot open /proc/self/%s: %s", name,
				strerror(-code));
}

static void close_fds(struct fds *fds)
{
	if (fds->pagemap >= 0)
		close(fds->pagemap);
	if (fds->clear_refs >= 0)
		close(fds->clear_refs);
}

/* Anew each time: a descriptor stays bound to the process that opened it. */
static int open_fds(struct fds *fds, struct smudge_error *err)
{
	fds->clear_refs = -1;
	fds->pagemap = smi_sys_pagemap_open();
	if (fds->pagemap < 0)
		return cannot_open(err, fds->pagemap, "pagemap");
	fds->clear_refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	if (fds->clear_refs < 0) {
		int ret = cannot_open(err, -errno, "clear_refs");

		close_fds(fds);
		return ret;
	}
	return 0;
}

static int clear(const struct fds *fds)
{
	ssize_t n = write(fds->clear_refs, "4", 1);

	if (n == 1)
		return 0;
	return n < 0 ? -errno : -EIO;
}

/* OR the bits of [first, first + n) into @words, from bit 0 on. */
static int read_bits(const struct fds *fds, uint64_t first, uint64_t npages,
		     uint64_t *words)
{
	uint64_t of_page[NREAD];

	for (uint64_t at = 0; at < npages; at += NREAD) {
		uint64_t n = min_u64(npages - at, NREAD);
		int ret = smi_sys_pagemap_words(fds->pagemap, first + at, n,
						of_page);

		if (ret < 0)
			return ret;
		for (uint64_t i = 0; i < n; i++) {
			uint64_t page = at + i;

			if (of_page[i] & SMI_SYS_PAGEMAP_SOFT_DIRTY)
				((uint8_t *)words)[page / 8] |=
					(uint8_t)(1u << page % 8);
		}
	}
	return 0;
}

static uint64_t page_of(const volatile void *at)
{
	return (uintptr_t)at / (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Return: 1 or 0: the canary's bit; or -errno. */
static int read_canary(const struct fds *fds)
{
	uint64_t bit = 0;
	int ret = read_bits(fds, page_of(canary), 1, &bit);

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
	struct fds fds;
	int ret;

	if (!smi_sys_space_id())
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	SMI_SYS_GUARD(lock());
	ret = open_fds(&fds, err);
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
	close_fds(&fds);
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

static void collect(const struct fds *fds)
{
	bool is_unknown = read_canary(fds) != 1;

	for (struct smi_soft_dirty_use *u = uses; u; u = u->next) {
		if (!is_live(u))
			continue;
		if (is_unknown ||
		    read_bits(fds, u->first_page, u->npages, u->pending) < 0)
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
static int clear_all(const struct fds *fds, struct smudge_error *err)
{
	int ret = clear(fds);
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

static int fetch_locked(const struct fds *fds, struct smudge_error *err)
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
	struct fds fds;
	int ret = open_fds(&fds, err);

	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(lock());
	ret = fetch_locked(&fds, err);
	close_fds(&fds);
	return ret;
}

int smi_soft_dirty_look(struct smi_soft_dirty_use *use, uint64_t *words,
			struct smudge_error *err)
{
	struct fds fds;
	int ret = open_fds(&fds, err);

	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(lock());
	memcpy(words, use->pending, use->nwords * sizeof(*words));
	/* Before: what another clears later has been read then. */
	ret = read_bits(&fds, use->first_page, use->npages, words);
	if (ret == 0 && read_canary(&fds) != 1)
		memset(words, 0xff, use->nwords * sizeof(*words));
	close_fds(&fds);
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

static bool is_tracked(const struct smi_soft_dirty_use *use)
{
	for (const struct smi_soft_dirty_use *u = uses; u; u = u->next) {
		if (is_live(u) &&
		    u->first_page < use->first_page + use->npages &&
		    use->first_page < u->first_page + u->npages)
			return true;
	}
	return false;
}

/* Lock held. The first bits are cleared with the use in the list. */
static int add(struct smi_soft_dirty_use *use, const struct fds *fds,
	       struct smudge_error *err)
{
	int ret;

	if (is_tracked(use))
		return smudge_error_set(err, -EBUSY, WHERE,
					"another source of this kind tracks a "
					"part of it");
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
	struct fds fds;
	int ret;

	use->space = smi_sys_space_id();
	use->nwords = (size_t)((use->npages + 63) / 64);
	use->pending = calloc(use->nwords, sizeof(uint64_t));
	if (!use->pending)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = open_fds(&fds, err);
	if (!ret) {
		SMI_SYS_GUARD(lock());
		ret = add(use, &fds, err);
		close_fds(&fds);
	}
	if (ret) {
		free(use->pending);
		use->pending = NULL;
	}
	return ret;
}

void smi_soft_dirty_close(struct smi_soft_dirty_use *use)
{
	pthread_mutex_lock(lock());
	unlink_use(use);
	pthread_mutex_unlock(lock());
	free(use->pending);
	use->pending = NULL;
}
