/* SPDX-License-Identifier: MIT */
/*
 * Uses of the shared userfaultfd, and what their ranges are registered for.
 */
#include "sys/uffd_use.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sys/uffd_ranges.h"
#include "sys/uffd_rest.h"
#include "sys/uffd_shared.h"

#define WHERE "uffd"

/* The page of a use that is alive, locked; NULL in a child. */
static struct smi_sys_uffd_shared *lock_for(const struct smi_sys_uffd_use *use)
{
	struct smi_sys_uffd_shared *page = NULL;

	if (smi_sys_uffd_use_is_alive(use))
		page = smi_sys_uffd_shared_lock();
	return page;
}

int smi_sys_uffd_use_open(struct smi_sys_uffd_use *use,
			  enum smi_sys_uffd_purpose purpose,
			  struct smudge_error *err)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_lock();
	int ret;

	if (!page)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = smi_sys_uffd_shared_open(page, purpose, err);
	if (!ret) {
		*use = (struct smi_sys_uffd_use){
			.fd = page->fd,
			.takes_kernel_faults = page->takes_kernel_faults,
			.purpose = purpose,
			.next = page->uses,
			.id = smi_sys_uffd_shared_id(page),
		};
		page->uses = use;
	}
	pthread_mutex_unlock(&page->lock);
	return ret;
}

/*
 * Lock held: until installs have ended that do not know of a use which was
 * added now (sys/uffd_missing.h).
 */
static void wait_for_installs(struct smi_sys_uffd_shared *page)
{
	unsigned int phase = page->phase;

	page->phase = !phase;
	while (page->ninstalling[phase])
		pthread_cond_wait(&page->installed, &page->lock);
}

/* Register [start, end), which @is_more of the use's range, or all of it. */
static int add_range(struct smi_sys_uffd_use *use, uint64_t start, uint64_t end,
		     bool is_more, struct smudge_error *err)
{
	struct smi_sys_uffd_shared *page = lock_for(use);
	const struct smi_sys_uffd_use *rival;
	const char *why = "another userfaultfd";
	int ret;

	if (!page)
		return smudge_error_set(err, -EPERM, WHERE,
					"the userfaultfd was opened before "
					"fork(2), in the parent");
	rival = smi_sys_uffd_find_rival(page, use, start, end);
	if (rival)
		why = "another source or reader of this process";
	ret = rival ? -EBUSY : smi_sys_uffd_add(page, use, start, end);
	if (!ret) {
		use->start = is_more ? use->start : start;
		use->end = end;
		if (use->purpose == SMI_SYS_UFFD_WRITES)
			wait_for_installs(page);
	}
	pthread_mutex_unlock(&page->lock);
	if (ret == -EBUSY)
		return smudge_error_set(err, ret, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" is registered with %s",
					start, end, why);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE,
				 "a mapping between 0x%" PRIx64
				 " and 0x%" PRIx64
				 " cannot be registered with userfaultfd: %s",
				 start, end, strerror(-ret));
	return ret;
}

int smi_sys_uffd_use_register(struct smi_sys_uffd_use *use, uint64_t start,
			      uint64_t end, struct smudge_error *err)
{
	return add_range(use, start, end, false, err);
}

int smi_sys_uffd_use_extend(struct smi_sys_uffd_use *use, uint64_t end,
			    struct smudge_error *err)
{
	return add_range(use, use->end, end, true, err);
}

void smi_sys_uffd_use_cut(struct smi_sys_uffd_use *use, uint64_t end)
{
	struct smi_sys_uffd_shared *page = lock_for(use);

	if (!page)
		return;
	smi_sys_uffd_drop(page, use, end, use->end);
	use->end = end;
	smi_sys_uffd_rest_check(page);
	pthread_mutex_unlock(&page->lock);
	smi_sys_uffd_rest_settle();
}

void smi_sys_uffd_use_close(struct smi_sys_uffd_use *use)
{
	struct smi_sys_uffd_shared *page = lock_for(use);

	if (page) {
		smi_sys_uffd_drop(page, use, use->start, use->end);
		smi_sys_uffd_forget(page, use);
		smi_sys_uffd_rest_check(page);
		pthread_mutex_unlock(&page->lock);
		smi_sys_uffd_rest_settle();
	}
	*use = (struct smi_sys_uffd_use){.fd = -1};
}

bool smi_sys_uffd_use_is_alive(const struct smi_sys_uffd_use *use)
{
	const struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_find();

	return use->id && page && smi_sys_uffd_shared_id(page) == use->id;
}

/* Registering again changes nothing, or fails: it is another descriptor's. */
uint64_t smi_sys_uffd_use_tracked(uint64_t start, uint64_t end)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_find();
	uint64_t until = start;
	unsigned int modes;

	if (page)
		page = smi_sys_uffd_shared_lock();
	if (!page)
		return start;
	modes = smi_sys_uffd_modes_at(page, NULL, start, &end);
	if (smi_sys_uffd_is_kept(page, start))
		modes = SMI_SYS_UFFD_MODE_WP;
	if (modes == SMI_SYS_UFFD_MODE_WP &&
	    smi_sys_uffd_register(page->fd, start, end - start, modes) == 0)
		until = end;
	pthread_mutex_unlock(&page->lock);
	return until;
}

bool smi_sys_uffd_use_hold(const struct smi_sys_uffd_use *use)
{
	return lock_for(use);
}

void smi_sys_uffd_use_release(void)
{
	pthread_mutex_unlock(&smi_sys_uffd_shared_find()->lock);
}

/* The page, locked, without a thread that reads for ranges that are kept. */
static struct smi_sys_uffd_shared *
lock_to_read(const struct smi_sys_uffd_use *use)
{
	struct smi_sys_uffd_shared *page = lock_for(use);

	while (page && page->has_thread) {
		pthread_mutex_unlock(&page->lock);
		smi_sys_uffd_rest_yield();
		page = lock_for(use);
	}
	return page;
}

int smi_sys_uffd_use_claim(struct smi_sys_uffd_use *use)
{
	struct smi_sys_uffd_shared *page = lock_to_read(use);
	int ret = -EPERM;

	if (!page)
		return ret;
	ret = page->reader && page->reader != use ? -EBUSY : 0;
	if (!ret)
		page->reader = use;
	pthread_mutex_unlock(&page->lock);
	return ret;
}
