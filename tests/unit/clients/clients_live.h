/* SPDX-License-Identifier: MIT */
/*
 * Threads write while a migration, a display and a translator each use the
 * same memory on a thread of their own, and one more client comes and goes.
 * What a page holds is a counter in one of its pixels: at the end each of the
 * three must have seen every single write, and in between lose none
 * (support/loss.h has the invariants).
 */
#ifndef TESTS_UNIT_CLIENTS_CLIENTS_LIVE_H
#define TESTS_UNIT_CLIENTS_CLIENTS_LIVE_H

#include "support.h"

/*
 * @with_uffd: without marks, by userfaultfd. @nmarks: writes in all, of
 * @total that the calling file makes.
 */
void clients_live_run(const char *name, bool with_uffd, uint64_t nmarks,
		      uint64_t total);

#endif
