/* SPDX-License-Identifier: MIT */
/*
 * A block device of the program's: what a live image is written to, and a layer
 * is read from (libsmudge-checkpoint).
 *
 * The library knows no block device itself. The program gives it five functions
 * over whatever it has: an NBD export, a logical volume, an RBD image, a file.
 * The live image on it is the newest moment, and it is overwritten by the next
 * one; the engine behind the device keeps the moments before, as snapshots
 * (checkpoint.h: committed). docs/layers.md says where on the device the memory
 * is; smudge_chain_open_disk (layers.h) reads it.
 *
 * All offsets and lengths that the library passes are multiples of 4096 bytes
 * and lie on the device. So do the buffers of writes in memory; those of reads
 * may be anywhere.
 */
#ifndef SMUDGE_DISK_H
#define SMUDGE_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * What is done with a device. Several threads call at once, all of them threads
 * of the library, with signals blocked; ranges of calls that write never
 * overlap. Each returns 0, or -errno with a sentence in @err, which is never
 * NULL; -EIO stands for what no errno is. A call that fails may have done any
 * part of its work.
 */
struct smudge_disk_ops {
	size_t size; /* sizeof(struct smudge_disk_ops) */
	int (*read)(void *disk, uint64_t offset, void *bytes,
		    size_t length_bytes, struct smudge_error *err);
	/* At most 4 MiB. @bytes are borrowed until it returns. */
	int (*write)(void *disk, uint64_t offset, const void *bytes,
		     size_t length_bytes, struct smudge_error *err);
	/*
	 * The range reads as zeros afterwards; at most 64 MiB. NULL, or when it
	 * returns -EOPNOTSUPP: zeros are written, from then on.
	 */
	int (*zero)(void *disk, uint64_t offset, uint64_t length_bytes,
		    struct smudge_error *err);
	/* What was written before is on stable storage when it returns 0. */
	int (*flush)(void *disk, struct smudge_error *err);
	/*
	 * What is in flight fails soon, with -ECANCELED for instance. Called
	 * while other calls are under way, perhaps several times for the same;
	 * it returns at once, and does nothing to calls that begin later. NULL:
	 * calls are waited for.
	 */
	void (*cancel)(void *disk);
};

struct smudge_disk {
	const struct smudge_disk_ops *ops; /* copied by who is given the disk */
	void *disk;			   /* passed to them; the program's */
	uint64_t size_bytes;		   /* of the device; does not change */
};

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
