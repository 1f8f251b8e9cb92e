/* SPDX-License-Identifier: MIT */
/*
 * Make calls on files fail, in a test that has fail_files_dep: the linker puts
 * the functions here before libc's. Of the calling thread only.
 */
#ifndef TESTS_SUPPORT_FAIL_FILES_H
#define TESTS_SUPPORT_FAIL_FILES_H

enum fail_files_call {
	FAIL_FSYNC,
	FAIL_RENAMEAT2,
	FAIL_UNLINKAT,
	FAIL_LINKAT,
	FAIL_FILES_CALLS,
};

/* The @n-th such call from now on fails with @error; 0: none does. */
void fail_files_at(enum fail_files_call call, unsigned int n, int error);

/* All such calls fail from now on, or with 0 none. */
void fail_files_always(enum fail_files_call call, int error);

#endif
