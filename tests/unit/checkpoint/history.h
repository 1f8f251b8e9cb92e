/* SPDX-License-Identifier: MIT */
/*
 * Layers of a memory that changes at random, in the current folder, to be
 * handled by other tools; and what each moment's disk must show.
 */
#ifndef TESTS_UNIT_CHECKPOINT_HISTORY_H
#define TESTS_UNIT_CHECKPOINT_HISTORY_H

#include "moments.h"

#define HISTORY_MAX   16 /* moments */
#define HISTORY_FILES 32
#define HISTORY_NONE  SIZE_MAX

/* A moment, and the parts of its disk that belong to it. */
struct history_moment {
	struct moment memory;
	struct smi_qcow2_digest digest;
	uint64_t time_ns;
	uint8_t *disk;	    /* npages of it */
	uint16_t *relevant; /* how many bytes of each page, from its first */
	uint64_t npages;
};

struct history {
	struct moments memory;
	struct test_rng rng;
	struct history_moment moments[HISTORY_MAX];
	size_t nmoments;
	uint64_t nfiles; /* layer-00000001.qcow2 to this one, some removed */
	/* By file number: the backing file, or 0; and what QEMU found last. */
	uint64_t parents[HISTORY_FILES + 1];
	size_t shown[HISTORY_FILES + 1];
	bool has_unread; /* some file has a feature that smudge does not read */
};

void history_begin(struct history *h, uint64_t seed);
/* Removes the files too. */
void history_end(struct history *h);

#define HISTORY_NAME_BYTES SMI_FOLDER_NAME_BYTES
void history_name(uint64_t number, char name[HISTORY_NAME_BYTES]);
bool history_has(uint64_t number);

/*
 * history_save - the memory of moment @moment, changed at random, as a new file
 * @parent: file that shows @moment; 0: a full layer, of memory that is new
 * Return: the file's number; its moment is the last one.
 */
uint64_t history_save(struct history *h, uint64_t parent, size_t moment,
		      bool regions_too);

/* Which moment a raw image shows, or HISTORY_NONE. */
size_t history_shown_raw(struct history *h, const char *raw_name);

/*
 * history_check - smudge reads from a file what QEMU finds in it, or refuses it
 *      with a sentence if QEMU finds no moment
 * @what: was done, for a failure
 * Return: the moment, or HISTORY_NONE. Also if smudge names a feature of the
 * file that it does not read; @h->shown[number] has what QEMU found.
 */
size_t history_check(struct history *h, uint64_t number, const char *what);

#endif
