/* SPDX-License-Identifier: MIT */
/*
 * The layer that is in place, on which the next one will stand, seen from
 * outside: other programs may remove, replace or change its file, and make
 * layers of their own in the folder.
 */
#ifndef LIB_CHECKPOINT_IN_PLACE_H
#define LIB_CHECKPOINT_IN_PLACE_H

#include <stdbool.h>

#include <smudge/error.h>

#include "checkpoint/checkpointer_objects.h"

/* Of a file as it is now; all zeros, which no file has, if it is not there. */
struct smi_stamp smi_stamp_of(int folder_fd, const char *name);
bool smi_stamp_is_same(const struct smi_stamp *a, const struct smi_stamp *b);

/* Remember which file the layer has. */
void smi_in_place_stamp(int folder_fd, struct smi_moment *moment);

/*
 * smi_in_place_check - is the moment still what its file shows?
 * @stamp: of the moment, read under the lock
 *
 * A file that is as it was remembered is not read. Of another one, or one that
 * was written since, the footer decides: tools may convert a layer and keep its
 * moment.
 * Return: 0, -ENOENT (no), -EACCES, -EIO, -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_in_place_check(int folder_fd, const struct smi_moment *moment,
		       const struct smi_stamp *stamp, struct smudge_error *err);

/*
 * smi_in_place_next_number - above all layers of the folder, other programs'
 *      too: the newest moment has the highest number
 * @last: number of the last layer, as far as known
 * Return: 0, -EEXIST (there is none above), or as smi_folder_list.
 */
int smi_in_place_next_number(int folder_fd, uint64_t last, uint64_t *ret_number,
			     struct smudge_error *err);

#endif
