/* SPDX-License-Identifier: MIT */
/*
 * Questions of a reader about what it reads for.
 */
#include "sys/uffd_missing.h"

#include <errno.h>
#include <stddef.h>

#include "sys/uffd_ranges.h"

bool smi_sys_uffd_install_begin(uint64_t start, uint64_t end,
				unsigned int *ret_phase)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_lock();
	bool is_tracked = smi_sys_uffd_has_tracker(page, start, end);

	*ret_phase = page->phase;
	page->ninstalling[*ret_phase]++;
	pthread_mutex_unlock(&page->lock);
	return is_tracked;
}

void smi_sys_uffd_install_end(unsigned int phase)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_lock();

	if (!--page->ninstalling[phase])
		pthread_cond_broadcast(&page->installed);
	pthread_mutex_unlock(&page->lock);
}

int smi_sys_uffd_use_page_bytes(const struct smi_sys_uffd_use *use,
				uint64_t *ret_page_bytes)
{
	struct smi_sys_uffd_shared *page;
	int ret;

	if (!smi_sys_uffd_use_is_alive(use))
		return -EPERM;
	page = smi_sys_uffd_shared_lock();
	ret = smi_sys_uffd_page_bytes(
		page->fd, use->start, use->end - use->start,
		smi_sys_uffd_modes_of(page, use), ret_page_bytes);
	pthread_mutex_unlock(&page->lock);
	return ret;
}
