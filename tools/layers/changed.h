/* SPDX-License-Identifier: MIT */
/*
 * Which pages of 4 KiB of a guest's memory differ between two moments, as bits
 * of the files that they are written into.
 */
#ifndef TOOLS_LAYERS_CHANGED_H
#define TOOLS_LAYERS_CHANGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layers/copy.h"
#include "layers/guest.h"

/* A file, and the pieces of memory that are in it. */
struct layers_file {
	char *path; /* owned, and so the arrays */
	uint64_t nbytes;
	struct layers_piece *pieces;
	size_t npieces;
	uint64_t *wanted; /* NULL: all that is not zeros (layers/copy.h) */
	uint64_t nwanted; /* pages */
};

/*
 * layers_changed_find - mark the pages of the files that differ
 * @since, @now: guests of the same memory
 * @files: of @now; wanted and nwanted are set
 *
 * Where regions are the same, digests are compared, and pages elsewhere.
 * Return: 0, -EINVAL (memory came or went), -ECANCELED, -ENOMEM, or as
 * smudge_chain_read, with one sentence.
 */
int layers_changed_find(const struct layers_guest *since,
			const struct layers_guest *now,
			struct layers_file *files, size_t nfiles,
			struct smudge_error *err);

/*
 * layers_changed_check - is the file's data the wanted pages, and nothing else?
 * @fd: all was written and flushed
 *
 * A file system with larger blocks has zeros around a page, which a reader of
 * the diff would take for memory.
 * Return: 0, -EOPNOTSUPP, or another -errno, with one sentence.
 */
int layers_changed_check(const struct layers_file *file, int fd,
			 struct smudge_error *err);

#endif
