/* SPDX-License-Identifier: MIT */
/*
 * A file that is not there before it is whole.
 *
 * Until then it has no name, where the file system can do that (O_TMPFILE), and
 * elsewhere a hidden one in the same folder. Only its owner may open it.
 */
#ifndef TOOLS_NEW_FILE_H
#define TOOLS_NEW_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct smudge_error;

struct new_file {
	const char *path; /* borrowed */
	bool replaces;
	int fd; /* open for reading and writing; -1: none */
	/* "" while it has no name. What it replaced, once it has its own. */
	char hidden[PATH_MAX];
};

/*
 * new_file_open - begin a file
 * @path: borrowed until the end
 * @replaces: another file of that name is replaced at the end; otherwise it is
 *      refused now, and at the end if it has appeared meanwhile
 *
 * Return: 0, -EEXIST, or another -errno, with one sentence.
 */
int new_file_open(struct new_file *file, const char *path, bool replaces,
		  struct smudge_error *err);

/*
 * new_file_name - give it its name
 * new_file_keep - the same after it was flushed to the disk
 *
 * State after failure: as before.
 * Return: 0, -EEXIST, or another -errno, with one sentence.
 */
int new_file_name(struct new_file *file, struct smudge_error *err);
int new_file_keep(struct new_file *file, struct smudge_error *err);

/* Give it a hidden name in its folder. Return: 0, or -errno, as above. */
int new_file_hide(struct new_file *file, struct smudge_error *err);

/*
 * new_files_name - give several their names: all, or none
 * new_files_keep - the same after all were flushed
 *
 * What is replaced is kept until all have their names, and put back otherwise
 * (where the file system can exchange two names; elsewhere it is lost).
 * State after failure, and return: as above.
 */
int new_files_name(struct new_file *files, size_t nfiles,
		   struct smudge_error *err);
int new_files_keep(struct new_file *files, size_t nfiles,
		   struct smudge_error *err);

/* Close it; if it was not kept, nothing is left of it. */
void new_file_close(struct new_file *file);

#endif
