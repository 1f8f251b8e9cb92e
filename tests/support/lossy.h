/* SPDX-License-Identifier: MIT */
/*
 * A file system that loses what was not flushed, for a test that has lossy_dep:
 * the linker puts functions before libc's that note what is done in one folder.
 * The folder is then made again as a crash might have left it after any of
 * these events.
 *
 * WHAT A CRASH LEAVES. Of a file: every write before its last fsync(2); of each
 * later write any of its sectors of 512 bytes, or none; and any length that it
 * had since. Of the folder: every name given or taken before its last fsync(2),
 * and any of the later changes, in order. Files that were there before are as
 * they were.
 */
#ifndef TESTS_SUPPORT_LOSSY_H
#define TESTS_SUPPORT_LOSSY_H

#include "support.h"

enum lossy_loss {
	LOSSY_NONE,  /* of what was done, as if the machine had not stopped */
	LOSSY_ALL,   /* that was not flushed */
	LOSSY_SOME,  /* of it, at random */
	LOSSY_FILES, /* as SOME, but all names are there */
	/* As SOME, with flushes of files that do nothing: what must be found.
	 */
	LOSSY_UNFLUSHED,
};

/* Begin to note what is done in a folder. */
void lossy_record(const char *folder);
/* End it. What was noted is kept until lossy_clear. */
void lossy_stop(void);
void lossy_clear(void);

/* So many events have been noted. */
size_t lossy_nevents(void);

/* What event @index was, for a message. */
const char *lossy_event(size_t index);

/* The @n-th flush of the folder from now on fails with EIO. */
void lossy_fail_folder_sync(unsigned int n);

/* Make @folder as a crash behind the first @nevents events leaves it. */
void lossy_crash(size_t nevents, enum lossy_loss loss, struct test_rng *rng,
		 const char *folder);

#endif
