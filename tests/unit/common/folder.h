/* SPDX-License-Identifier: MIT */
/*
 * A folder of its own for each test, which is the working directory
 * meanwhile and is removed with what is in it.
 */
#ifndef TESTS_UNIT_COMMON_FOLDER_H
#define TESTS_UNIT_COMMON_FOLDER_H

#include <stddef.h>

int folder_enter(void **state); /* cmocka's setup; *@state is its path */
int folder_leave(void **state); /* cmocka's teardown */

/* It has so many entries: nothing was left behind. */
void folder_check(const char *path, size_t nentries);

#endif
