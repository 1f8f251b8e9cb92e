/* SPDX-License-Identifier: MIT */
/*
 * A pager: a thread that delivers the missing pages of a range, on the
 * userfaultfd that the address space shares.
 */
#ifndef TESTS_KERNEL_PAGER_H
#define TESTS_KERNEL_PAGER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sys/uffd_use.h"

#define PAGER_PAGE	4096
#define PAGER_MAX_PAGES 4096

/* Zeroed before it is opened for the first time. */
struct pager {
	uint8_t *ram;
	uint64_t npages;
	struct smi_sys_uffd_use missing;
	int wake; /* eventfd: the thread ends */
	pthread_t thread;
	/* The thread's; kept when the pager is opened again: */
	_Atomic uint8_t installed[PAGER_MAX_PAGES];
	uint64_t ndelivered;
};

/* Whether it was ever delivered: what is dropped later counts as written. */
bool pager_has_delivered(const struct pager *pager, uint64_t page);

/* Each 64-bit word of a page as it is delivered. */
uint64_t pager_pattern(uint64_t page);

/* Each fails the running test when it cannot. */
void pager_open(struct pager *pager, uint8_t *ram, uint64_t npages);
void pager_close(struct pager *pager);

#endif
