/* SPDX-License-Identifier: MIT */
/*
 * The chain of a layer, wherever it is: in a folder, or on a disk behind an NBD
 * server, which has one layer.
 */
#ifndef COMMON_LAYER_PLACE_H
#define COMMON_LAYER_PLACE_H

#include <stdint.h>

#include <smudge/layers.h>

#include "common/layer_name.h"

struct nbd_disk;

/* Zeros: not open. */
struct layer_place {
	struct smudge_chain *chain;
	struct nbd_disk *disk; /* NULL: in a folder */
};

/*
 * layer_place_open - open it to read
 * @end_fd: ends waits for a server once it is readable; -1: none
 * @ret: receives it, closed by layer_place_close; unchanged by a failure
 *
 * Return: 0, or as smudge_chain_open, smudge_chain_open_disk and nbd_disk_open,
 * with one sentence.
 */
int layer_place_open(const struct layer_name *name, int end_fd,
		     struct layer_place *ret, struct smudge_error *err);
void layer_place_close(struct layer_place *place);

/*
 * layer_place_info - what the layer says of itself
 * @info: its size is set by the caller. Its file_name is "disk" of a disk
 *
 * Return: 0, or as smudge_chain_layer.
 */
int layer_place_info(const struct layer_place *place,
		     struct smudge_layer_info *info, struct smudge_error *err);

#endif
