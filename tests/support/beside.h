/* SPDX-License-Identifier: MIT */
/*
 * Files that are built with a test: they are found from the test's own place,
 * so that a build may be copied to another machine.
 */
#ifndef TESTS_SUPPORT_BESIDE_H
#define TESTS_SUPPORT_BESIDE_H

#include <limits.h>

/* @relative, from the folder of the program that runs; fails if it is long */
void test_beside(const char *relative, char ret_path[PATH_MAX]);

#endif
