/* SPDX-License-Identifier: MIT */
/*
 * The pager's thread. A page is delivered clean the first time. A page that is
 * delivered again was dropped, which is a change: it is left unprotected, so it
 * counts as written.
 */
#include "pager.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "support.h"

uint64_t pager_pattern(uint64_t page)
{
	return (page + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

bool pager_has_delivered(const struct pager *pager, uint64_t page)
{
	/* Acquire: pairs with the release in deliver. */
	return atomic_load_explicit(&pager->installed[page],
				    memory_order_acquire);
}

static void deliver(struct pager *pager, uint64_t page)
{
	uint64_t content[PAGER_PAGE / sizeof(uint64_t)];
	struct uffdio_copy copy = {
		.dst = (uintptr_t)pager->ram + page * PAGER_PAGE,
		.src = (uintptr_t)content,
		.len = PAGER_PAGE,
		.mode = pager_has_delivered(pager, page) ? 0
							 : UFFDIO_COPY_MODE_WP,
	};
	struct uffdio_range wake = {.start = copy.dst, .len = PAGER_PAGE};
	int ret;

	for (size_t i = 0; i < PAGER_PAGE / sizeof(uint64_t); i++)
		content[i] = pager_pattern(page);
	do {
		ret = ioctl(pager->missing.fd, UFFDIO_COPY, &copy);
	} while (ret < 0 && errno == EAGAIN);
	if (ret < 0 && errno != EEXIST)
		abort();
	if (ret < 0)
		ioctl(pager->missing.fd, UFFDIO_WAKE, &wake);
	else
		pager->ndelivered++;
	/* Release: pairs with the acquire in pager_has_delivered. */
	atomic_store_explicit(&pager->installed[page], 1, memory_order_release);
}

static void *deliver_pages(void *opaque)
{
	struct pager *pager = opaque;
	struct pollfd fds[2] = {
		{.fd = pager->missing.fd, .events = POLLIN},
		{.fd = pager->wake, .events = POLLIN},
	};

	while (!(fds[1].revents & POLLIN)) {
		struct uffd_msg msg;

		poll(fds, 2, -1);
		if (read(pager->missing.fd, &msg, sizeof(msg)) !=
		    (ssize_t)sizeof(msg))
			continue;
		if (msg.event != UFFD_EVENT_PAGEFAULT ||
		    msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
			abort();
		deliver(pager,
			(msg.arg.pagefault.address - (uintptr_t)pager->ram) /
				PAGER_PAGE);
	}
	return NULL;
}

void pager_open(struct pager *pager, uint8_t *ram, uint64_t npages)
{
	uint64_t at = (uintptr_t)ram;

	assert_true(npages <= PAGER_MAX_PAGES);
	pager->ram = ram;
	pager->npages = npages;
	assert_int_equal(smi_sys_uffd_use_open(&pager->missing,
					       SMI_SYS_UFFD_MISSING, NULL),
			 0);
	assert_int_equal(smi_sys_uffd_use_claim(&pager->missing), 0);
	assert_int_equal(smi_sys_uffd_use_register(&pager->missing, at,
						   at + npages * PAGER_PAGE,
						   NULL),
			 0);
	pager->wake = eventfd(0, EFD_CLOEXEC);
	assert_return_code(pager->wake, errno);
	assert_int_equal(
		pthread_create(&pager->thread, NULL, deliver_pages, pager), 0);
}

void pager_close(struct pager *pager)
{
	assert_int_equal(eventfd_write(pager->wake, 1), 0);
	pthread_join(pager->thread, NULL);
	close(pager->wake);
	smi_sys_uffd_use_close(&pager->missing);
}
