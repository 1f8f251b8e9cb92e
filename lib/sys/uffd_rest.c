/* SPDX-License-Identifier: MIT */
/*
 * A kept range is a use like others, in the list of uses. The thread has a
 * descriptor of its own, since the shared one is closed with the last use. It
 * is joined by the call that makes it needless, so it never outlives the need.
 */
#include "sys/uffd_rest.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/uffd_ranges.h"
#include "sys/uffd_shared.h"
#include "sys/uffd_zeros.h"
#include "common/thread.h"

#define WHERE "uffd"

struct smi_sys_uffd_kept {
	struct smi_sys_uffd_use use;
	struct smi_sys_uffd_kept *next; /* the page's lock */
	uint64_t page_bytes;
	void *zeros;
	_Atomic uint64_t *brought; /* the page's lock; or NULL: all were */
};

static void free_kept(struct smi_sys_uffd_kept *kept)
{
	smi_sys_uffd_zeros_unmap(kept->zeros, kept->page_bytes);
	free((void *)kept->brought);
	free(kept);
}

static struct smi_sys_uffd_kept *create_kept(uint64_t page_bytes)
{
	struct smi_sys_uffd_kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return NULL;
	kept->page_bytes = page_bytes;
	kept->zeros = smi_sys_uffd_zeros_map(page_bytes);
	if (kept->zeros)
		return kept;
	free(kept);
	return NULL;
}

void smi_sys_uffd_rest_keep(struct smi_sys_uffd_use *use, uint64_t page_bytes,
			    _Atomic uint64_t **brought)
{
	struct smi_sys_uffd_kept *kept = create_kept(page_bytes);
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_lock();

	if (kept && smi_sys_uffd_has_tracker(page, use->start, use->end)) {
		smi_sys_uffd_replace(page, &kept->use, use);
		kept->use.is_kept = true;
		if (brought) {
			kept->brought = *brought;
			*brought = NULL;
		}
		kept->next = page->kept;
		page->kept = kept;
		kept = NULL;
	}
	pthread_mutex_unlock(&page->lock);
	if (kept)
		free_kept(kept);
}

/* Was the page at @start brought before? It is now. Lock held. */
static bool was_brought(const struct smi_sys_uffd_kept *kept, uint64_t start)
{
	uint64_t page = (start - kept->use.start) / kept->page_bytes;
	uint64_t bit = UINT64_C(1) << (page % 64);

	/* Relaxed: the lock orders it. */
	return !kept->brought ||
	       atomic_fetch_or_explicit(&kept->brought[page / 64], bit,
					memory_order_relaxed) &
		       bit;
}

/* A page that was dropped has changed; one that was never there is clean. */
static void bring_page(const struct smi_sys_uffd_shared *page,
		       const struct smi_sys_uffd_kept *kept, uint64_t start)
{
	bool protects = !was_brought(kept, start);

	/* A thread that waits tries again, whatever comes of it. */
	if (smi_sys_uffd_bring_zeros(page->fd, start, kept->page_bytes,
				     kept->zeros, protects) < 0)
		smi_sys_uffd_wake(page->fd, start, kept->page_bytes);
}

bool smi_sys_uffd_rest_bring(uint64_t address)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_lock();
	struct smi_sys_uffd_kept *kept = page->kept;

	while (kept && (address < kept->use.start || address >= kept->use.end))
		kept = kept->next;
	if (kept)
		bring_page(page, kept, address & ~(kept->page_bytes - 1));
	pthread_mutex_unlock(&page->lock);
	return kept;
}

struct reading {
	int uffd, end; /* closed by the thread */
};

static void *read_for_kept(void *opaque)
{
	struct reading *reading = opaque;
	struct pollfd fds[2] = {
		{.fd = reading->uffd, .events = POLLIN},
		{.fd = reading->end, .events = POLLIN},
	};
	uint64_t address;

	while (!(fds[1].revents & POLLIN)) {
		if (poll(fds, 2, -1) > 0 && fds[0].revents &&
		    smi_sys_uffd_read(reading->uffd, &address) == 1)
			smi_sys_uffd_rest_bring(address);
	}
	close(reading->uffd);
	free(reading);
	return NULL;
}

/* Lock held. Return: does the thread run? */
static bool begin(struct smi_sys_uffd_shared *page)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return false;
	reading->uffd = fcntl(page->fd, F_DUPFD_CLOEXEC, 0);
	reading->end = eventfd(0, EFD_CLOEXEC);
	page->thread_end = reading->end;
	if (reading->uffd >= 0 && reading->end >= 0 &&
	    thread_start(&page->thread, read_for_kept, reading) == 0) {
		page->has_thread = true;
		return true;
	}
	if (reading->uffd >= 0)
		close(reading->uffd);
	if (reading->end >= 0)
		close(reading->end);
	free(reading);
	return false;
}

/* Lock held. */
static void drop_kept(struct smi_sys_uffd_shared *page,
		      struct smi_sys_uffd_kept **link)
{
	struct smi_sys_uffd_kept *kept = *link;

	*link = kept->next;
	smi_sys_uffd_drop(page, &kept->use, kept->use.start, kept->use.end);
	smi_sys_uffd_forget(page, &kept->use);
	free_kept(kept);
}

void smi_sys_uffd_rest_forget(uint64_t start, uint64_t end)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_lock();
	struct smi_sys_uffd_kept **link = &page->kept;

	while (*link) {
		if ((*link)->use.start < end && start < (*link)->use.end)
			drop_kept(page, link);
		else
			link = &(*link)->next;
	}
	pthread_mutex_unlock(&page->lock);
}

void smi_sys_uffd_rest_read(void)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_find();

	if (page)
		page = smi_sys_uffd_shared_lock();
	if (!page)
		return;
	if (page->kept && !page->reader && !page->has_thread && !begin(page)) {
		SMI_SYS_LOG(SMUDGE_LOG_WARNING, WHERE,
			    "no thread to bring dropped pages: all of a range "
			    "whose pages came in is reported as written");
		while (page->kept)
			drop_kept(page, &page->kept);
	}
	pthread_mutex_unlock(&page->lock);
}

void smi_sys_uffd_rest_check(struct smi_sys_uffd_shared *page)
{
	struct smi_sys_uffd_kept **link = &page->kept;

	while (*link) {
		if (smi_sys_uffd_has_tracker(page, (*link)->use.start,
					     (*link)->use.end))
			link = &(*link)->next;
		else
			drop_kept(page, link);
	}
}

static void end_thread(bool is_needless)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_find();
	pthread_t thread;
	bool ends;
	int end;

	if (page)
		page = smi_sys_uffd_shared_lock();
	if (!page)
		return;
	ends = page->has_thread && (!is_needless || !page->kept);
	thread = page->thread;
	end = page->thread_end;
	if (ends)
		page->has_thread = false;
	pthread_mutex_unlock(&page->lock);
	if (!ends)
		return;
	eventfd_write(end, 1);
	pthread_join(thread, NULL);
	close(end);
}

void smi_sys_uffd_rest_settle(void)
{
	end_thread(true);
}

void smi_sys_uffd_rest_yield(void)
{
	end_thread(false);
}
