/* SPDX-License-Identifier: MIT */
/*
 * Snapshots within the image of a block node, by QMP of the program that has
 * it: qemu-storage-daemon, or QEMU.
 */
#ifndef COMMON_BLOCK_SNAPSHOT_H
#define COMMON_BLOCK_SNAPSHOT_H

#include <stdint.h>

struct smudge_error;

struct block_snapshot {
	const char *socket_path; /* of QMP; no other client is connected */
	const char *node;	 /* its node-name */
	int end_fd;		 /* ends waits once it is readable; -1: none */
	uint64_t timeout_ns;	 /* of all of a call; 0: none */
};

/*
 * block_snapshot_take - take one with the name smudge-NUMBER
 *
 * Blocks: until it is in the image. Threads: any.
 * State after failure: of a timeout or a cancel, it may be taken all the same.
 * Return: 0, -ETIMEDOUT, -ECANCELED, -EREMOTEIO (refused: the other side's
 * sentence), -EPROTO (no QMP), -ENOENT, -ECONNREFUSED, -ENAMETOOLONG, -ENOMEM,
 * or another -errno, with one sentence.
 */
int block_snapshot_take(const struct block_snapshot *snapshot, uint64_t number,
			struct smudge_error *err);

/*
 * block_snapshot_last - the highest number that one of the node's has
 * @ret_number: receives it; 0: it has none
 *
 * Return: 0, -ENODEV (there is no such node), or as block_snapshot_take.
 */
int block_snapshot_last(const struct block_snapshot *snapshot,
			uint64_t *ret_number, struct smudge_error *err);

#endif
