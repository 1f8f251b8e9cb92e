/* SPDX-License-Identifier: MIT */
/*
 * Which layers of a folder are being read, by any process: so that none of them
 * is replaced or removed under its reader.
 *
 * A reader holds a read lock of its open file description (F_OFD_SETLK) on its
 * descriptor of the folder: on the byte that is the number of its layer. A
 * pruner holds one on another byte while it changes names. Each sets its own
 * lock first and then looks for the other's, so at least one sees the other: a
 * reader waits then, and a pruner leaves what is read for another time.
 *
 * A lock ends with its descriptor, so also with its process. On a file system
 * without such locks nothing is held, and no reader is seen.
 */
#ifndef LIB_CHECKPOINT_READERS_H
#define LIB_CHECKPOINT_READERS_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

/*
 * smi_readers_enter - a reader of any layers begins, before it looks at names
 * @folder_fd: of an open file description of its own
 *
 * Waits while a pruner changes names, at most for a minute.
 * Return: 0, -EBUSY (it still does).
 */
int smi_readers_enter(int folder_fd, struct smudge_error *err);

/* It reads layer @number, and what that one stands on, and no other one. */
void smi_readers_stay(int folder_fd, uint64_t number);

/*
 * smi_readers_stop - a pruner begins to change names: who enters waits
 * smi_readers_resume - it has done so
 * @folder_fd: not one of a reader
 */
void smi_readers_stop(int folder_fd);
void smi_readers_resume(int folder_fd);

/* Is a reader in, of the layer, or of any later one? Not by @folder_fd. */
bool smi_readers_are_in(int folder_fd, uint64_t number);
bool smi_readers_are_above(int folder_fd, uint64_t number);

#endif
