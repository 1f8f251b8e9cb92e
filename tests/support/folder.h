/* SPDX-License-Identifier: MIT */
/*
 * Each test gets a folder of its own as its working directory. The folder and
 * its content are removed after the test.
 */
#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int folder_enter(void **state); /* cmocka's setup; *@state is its path */
int folder_leave(void **state); /* cmocka's teardown */

/* It has so many entries: nothing was left behind. */
void folder_check(const char *path, size_t nentries);

/* Change these bits of a byte of a file; once more changes them back. */
void folder_flip(const char *name, off_t at, uint8_t bits);

#endif
