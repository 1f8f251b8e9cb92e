/* SPDX-License-Identifier: MIT */
/*
 * Make writes of layers fail, on any thread: the linker puts fail_writes.c
 * before libc's pwritev, fsync, renameat2 and pthread_create.
 */
#ifndef TESTS_UNIT_CHECKPOINT_FAIL_WRITES_H
#define TESTS_UNIT_CHECKPOINT_FAIL_WRITES_H

enum fail_write {
	FAIL_WRITE_PWRITEV,
	FAIL_WRITE_FSYNC,
	FAIL_WRITE_RENAME,
	FAIL_WRITE_THREAD,
	FAIL_WRITE_CALLS,
};

/* Call @n from now on, and the @times - 1 after it, fail with @error. */
void fail_writes_at(enum fail_write call, unsigned int n, unsigned int times,
		    int error);
/* @see is called before each pwritev, on its thread; NULL: no more. */
void fail_writes_watch(void (*see)(void *opaque), void *opaque);
/* How many such calls there were since. */
unsigned int fail_writes_calls(enum fail_write call);

#endif
