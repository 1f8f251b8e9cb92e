/* SPDX-License-Identifier: MIT */
/*
 * A disk that checkpoints go to, and the moment that it shows.
 */
#ifndef VM_CHECKPOINT_DISK_H
#define VM_CHECKPOINT_DISK_H

#include <smudge/layers.h>

#include "checkpoint/saver.h"

struct nbd_disk;

/*
 * checkpoint_disk_open - connect to the server of a place, to write
 * @end_fd: ends all waits once it is readable
 * @ret: receives it, closed by nbd_disk_close
 * @ret_last_number: of the last snapshot; 0: there is none, or it is not known
 *
 * Return: 0, or as nbd_disk_open and commit_last_number, with one sentence.
 */
int checkpoint_disk_open(const struct saver_place *place, int end_fd,
			 struct nbd_disk **ret, uint64_t *ret_last_number,
			 struct smudge_error *err);

/*
 * checkpoint_disk_find - open what the disk shows, if it is that moment: only
 *	then may the next checkpoint onto it be a delta
 * @moment: of the layer that was restored, from this disk, a snapshot of it, or
 *      a file made of one
 * @ret_chain: receives it, closed by smudge_chain_close
 *
 * Return: 0, -ESTALE (another moment, or none), or as read.
 */
int checkpoint_disk_find(struct nbd_disk *disk,
			 const struct smudge_layer_info *moment,
			 struct smudge_chain **ret_chain,
			 struct smudge_error *err);

#endif
