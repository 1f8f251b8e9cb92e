/* SPDX-License-Identifier: MIT */
/*
 * Layers: moments of a memory on disk, and chains of them
 * (libsmudge-checkpoint).
 *
 * A layer is a qcow2 image that holds the pages that changed since its parent,
 * which is its backing file. Any tool that reads qcow2 reads it; docs/layers.md
 * says where on the image's disk the memory is. A chain is a layer and all that
 * it stands on, in one folder. smudge_checkpointer_create (checkpoint.h) writes
 * layers, and smudge_restore brings one back; the calls here read them.
 *
 * Everything read is verified before it is returned: each page by its digest,
 * the tables by the digest of the moment.
 *
 * Layers are untrusted: a damaged or malicious one gives an error that names
 * the file, and no more memory is used than its own length justifies.
 */
#ifndef SMUDGE_LAYERS_H
#define SMUDGE_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "batch.h"
#include "disk.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_chain;

/*
 * What identifies the content of a moment. In one chain, moments with equal
 * digests have equal memory; but equal memory has another digest where it lies
 * at another place of the layer's disk, as after regions came and went.
 */
struct smudge_digest {
	uint8_t bytes[16];
};

struct smudge_chain_options {
	size_t size;	    /* sizeof(struct smudge_chain_options) */
	const char *folder; /* path; required */
	uint64_t number;    /* the layer to open; 0: the newest */
};

/*
 * smudge_chain_open - open a layer and all that it stands on, to read
 * @options: copied
 * @ret_chain: receives it, closed by smudge_chain_close
 * @err: receives the first failure, which names the file; may be NULL
 *
 * Reads headers, the layer's region table, blobs and statistics; verifies them,
 * and the digest of each parent where a backing file is named. Layers may be
 * added to the folder meanwhile, and others be removed by pruning (prune.h),
 * which leaves alone what a chain that is open stands on.
 * Blocks: on the files, and while a pruner changes names. Threads: any.
 * Return: 0, -EINVAL (options), -E2BIG (the options have fields that this
 * library does not know), -ENOENT (no folder, no layer, a parent is missing),
 * -ENOTDIR, -EMEDIUMTYPE (no qcow2 image, or a feature that is not read),
 * -ENODATA (an image, but no layer), -EBADMSG (damaged), -ESTALE (a parent is
 * not the one that the layer was made on), -EPROTONOSUPPORT (a later version),
 * -ELOOP, -EMLINK (more than 4096 layers), -EXDEV (a backing file outside the
 * folder), -EBUSY (a pruner has been changing names for a minute), -EACCES,
 * -EIO, -EMFILE, -ENFILE, -ENOMEM.
 */
int smudge_chain_open(const struct smudge_chain_options *options,
		      struct smudge_chain **ret_chain,
		      struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_chain_open_disk - open the layer that a block device shows, to read
 * @disk: copied; what its ops are passed must stay valid until
 *      smudge_chain_close. Only read is called
 * @ret_chain: receives it, closed by smudge_chain_close
 * @err: receives the first failure; may be NULL
 *
 * A live image that a checkpointer wrote (checkpoint.h), or a snapshot of one:
 * a chain of one layer, with the name "disk" in errors, and the number 0. All
 * other calls are as for layers in files; what they return besides is what
 * read returned. Nothing may write the device while the chain is open: every
 * page is verified, so what changed shows as -EBADMSG.
 * Blocks: on read, for which there is no deadline here. Threads: any.
 * Return: 0, -EINVAL (no ops, no read), -E2BIG (the ops have members that this
 * library does not know), -ENODATA (no layer: the live image is torn, since a
 * checkpoint onto it did not end, or there never was one), -EBADMSG (damaged),
 * -EPROTONOSUPPORT (a later version), -ENOMEM, or what read returned.
 */
int smudge_chain_open_disk(const struct smudge_disk *disk,
			   struct smudge_chain **ret_chain,
			   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_chain_close - end reading a chain
 * @chain: may be NULL; invalid afterwards
 *
 * Blocks: no. Threads: no other call may use it.
 */
void smudge_chain_close(struct smudge_chain *chain);

struct smudge_layer_info {
	size_t size; /* sizeof(struct smudge_layer_info), set by the caller */
	char file_name[64]; /* "disk" of a disk */
	uint64_t number;    /* 0: a file that was renamed, or a disk's */
	/*
	 * Stands on no other layer. Of a save onto a disk: all pages were
	 * written.
	 */
	bool is_full;
	uint64_t file_bytes; /* of a disk: of the device; of a save onto it:
				that were written */
	struct smudge_digest digest;
	uint64_t time_ns;    /* CLOCK_REALTIME of the moment */
	uint64_t pause_ns;   /* how long the machine was paused for the copy */
	uint64_t harvest_ns; /* of it: finding what is dirty */
	uint64_t copy_ns;    /* of it: copying it */
	uint64_t write_ns;   /* afterwards: until the layer was in place */
	uint64_t pages;	     /* of 4 KiB that it stores */
	uint64_t zero_pages; /* of them zeros */
	uint64_t nregions;
	uint64_t nblobs;
	uint64_t memory_bytes; /* of all regions */
	uint64_t pauses;       /* of the save; several if it looked ahead */
	uint64_t paused_ns;    /* all of them */
	uint64_t longest_pause_ns;
};

/*
 * smudge_chain_nlayers - how many layers the chain has, the open one included
 * smudge_chain_layer - one of them
 * @index: 0: the open one; 1: its parent, and so on
 *
 * Blocks: on the file, for @index > 0. Threads: any.
 * Return: 0, -EINVAL (no such layer; a struct that is too short), or as
 * smudge_chain_open.
 */
size_t smudge_chain_nlayers(const struct smudge_chain *chain) SMUDGE_NONNULL(1);
int smudge_chain_layer(struct smudge_chain *chain, size_t index,
		       struct smudge_layer_info *info, struct smudge_error *err)
	SMUDGE_NONNULL(1, 3);

struct smudge_layer_region {
	size_t size; /* sizeof(struct smudge_layer_region), set by the caller */
	char name[64];
	uint32_t id; /* in the memory that it was taken from */
	unsigned int page_shift;
	uint64_t gpa;
	uint64_t size_bytes;
};

/*
 * smudge_chain_nregions, smudge_chain_region - the regions of the open layer,
 *      in ascending gpa
 *
 * Blocks: no. Threads: any. Return: 0, -EINVAL.
 */
size_t smudge_chain_nregions(const struct smudge_chain *chain)
	SMUDGE_NONNULL(1);
int smudge_chain_region(const struct smudge_chain *chain, size_t index,
			struct smudge_layer_region *region)
	SMUDGE_NONNULL(1, 3);

/*
 * smudge_chain_read - read pages of a region, as they were at the moment
 * @region: index
 * @first_page, @npages: in pages of the region
 * @buffer: receives them
 *
 * Blocks: on the files. Threads: any number; each call opens and closes files,
 * so read megabytes at once.
 * State after failure: @buffer holds anything; do not use it.
 * Return: 0, -EINVAL (range), -EBADMSG (a page is not what was written; the
 * error names region and page), -ESTALE (a file was replaced meanwhile), or as
 * smudge_chain_open.
 */
int smudge_chain_read(struct smudge_chain *chain, size_t region,
		      uint64_t first_page, uint64_t npages, void *buffer,
		      struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 5);

/*
 * smudge_chain_next_data - the next run of pages that are not zeros
 * @ret_run: receives it
 *
 * Blocks: on the files. Threads: any number.
 * Return: 1, 0 (none before @end_page), or as smudge_chain_read.
 */
int smudge_chain_next_data(struct smudge_chain *chain, size_t region,
			   uint64_t first_page, uint64_t end_page,
			   struct smudge_run *ret_run,
			   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 5);

/*
 * smudge_chain_blob - a blob of the open layer
 * @name: of the blob; or NULL: the one of @index
 * @ret_bytes, @ret_length_bytes: valid until the chain is closed
 * @ret_name: receives the name; may be NULL
 *
 * Blocks: no. Threads: any. Return: 0, -ENOENT.
 */
int smudge_chain_blob(const struct smudge_chain *chain, const char *name,
		      size_t index, const void **ret_bytes,
		      size_t *ret_length_bytes, const char **ret_name)
	SMUDGE_NONNULL(1, 4, 5);

/*
 * smudge_chain_verify - read everything and compare it with its digests
 * @progress: called now and then, from the calling thread or one that the
 *      call started, never by two at once: done of total bytes are verified.
 *      Another value than 0 ends the call with -ECANCELED. May be NULL
 * @opaque: passed to it
 *
 * All pages of all regions of the open layer, wherever in the chain they are,
 * the sum of the digests against the moment's, and each parent's head.
 * Blocks: as long as reading takes; starts threads of its own, and ends them.
 * Threads: one call per chain at a time.
 * Return: 0 (all is well), -ECANCELED, or the first failure, as
 * smudge_chain_read.
 */
int smudge_chain_verify(struct smudge_chain *chain,
			int (*progress)(void *opaque, uint64_t done_bytes,
					uint64_t total_bytes),
			void *opaque,
			struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/* A run of pages that differs, as smudge_chain_diff finds it. */
struct smudge_difference {
	size_t size; /* the library's */
	const char *region_name;
	uint64_t gpa; /* of the run's first page */
	struct smudge_run run;
	bool is_new;  /* @from has no such region, or it was shorter */
	bool is_gone; /* @to has not */
};

/*
 * smudge_chain_diff - pages that differ between two moments
 * @from, @to: chains of the same memory, any two layers; regions are matched by
 *      name, gpa and page size
 * @found: called for each run, in ascending order per region: region names a
 *      region of @to, or of @from if @to has none of it (then is_gone). Another
 *      value than 0 ends the call with -ECANCELED
 *
 * Compares digests, not pages.
 * Blocks: on the files. Threads: one call per chain at a time.
 * Return: 0, -ECANCELED, -ENOMEM, or as smudge_chain_read.
 */
int smudge_chain_diff(struct smudge_chain *from, struct smudge_chain *to,
		      int (*found)(void *opaque,
				   const struct smudge_difference *difference),
		      void *opaque, struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3);

/*
 * smudge_layers_each - every layer of a folder, in ascending order
 * @folder: path
 * @found: called for each; @why is NULL, or says why the layer cannot be read:
 *      then @info has file_name, number and file_bytes only. Another value than
 *      0 ends the call with -ECANCELED
 *
 * Reads each layer's own head and tail, not the pages.
 * Blocks: on the files. Threads: any.
 * Return: 0 (also for a folder without layers), -ECANCELED, -EBUSY (as
 * smudge_chain_open), -ENOENT, -ENOTDIR, -EACCES, -EIO, -EMFILE, -ENFILE,
 * -ENOMEM.
 */
int smudge_layers_each(const char *folder,
		       int (*found)(void *opaque,
				    const struct smudge_layer_info *info,
				    const struct smudge_error *why),
		       void *opaque, struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
