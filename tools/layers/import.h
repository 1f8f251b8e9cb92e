/* SPDX-License-Identifier: MIT */
/*
 * Memory in files of other programs, as regions of a layer.
 */
#ifndef TOOLS_LAYERS_IMPORT_H
#define TOOLS_LAYERS_IMPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <smudge/layers.h>
#include <smudge/memory.h>

#include "layers/layout.h"

#define IMPORT_PAGE_BYTES UINT64_C(4096)

struct import_file {
	const char *path; /* borrowed */
	int fd;
	uint64_t nbytes;
	struct timespec written;
};

/* A region, and where its bytes are. */
struct import_region {
	char name[64];
	uint64_t gpa;
	uint64_t nbytes;
	unsigned int page_shift;
	size_t id;		  /* of the parent's regions, if there is one */
	struct import_file *file; /* borrowed */
	uint64_t file_off;
	struct import *import;
	struct smudge_region *region; /* of the memory */
};

struct import_request {
	enum layers_layout layout;
	const char *folder;
	bool is_diff; /* pages that the file has, on the newest layer */
	bool is_json;
	char *const *paths;
	size_t npaths;
	/* --region; name, gpa and nbytes are set. Owned */
	struct import_region *wanted;
	size_t nwanted;
};

struct import {
	const struct import_request *request;
	struct import_file *files;     /* request->npaths, -1 where not open */
	struct smudge_chain *parent;   /* the newest layer, or NULL */
	struct import_region *regions; /* in ascending gpa */
	size_t nregions;
	uint64_t data_bytes; /* that the files have for the regions */
	uint64_t data_edges; /* all places where data begins or ends, ORed */
	_Atomic uint64_t read_bytes;
};

/*
 * import_open - open the files, and find where in them the regions are
 * @import: zeroed but for request; closed by import_close, also after a failure
 *
 * Return: 0, -EINVAL (files and regions do not fit), or another -errno; with
 * one sentence.
 */
int import_open(struct import *import, struct smudge_error *err);
void import_close(struct import *import);

/* import_file.c: Return 0, or -errno with one sentence. */
int import_file_open(struct import_file *file, struct smudge_error *err);
int import_file_read(const struct import_file *file, uint64_t file_off,
		     uint64_t length, void *buffer, struct smudge_error *err);
/* Has it been written or cut since it was opened? -ESTALE then. */
int import_file_check(const struct import_file *file, struct smudge_error *err);

/* Of its file system; 0 if that is not known. */
uint64_t import_file_block_bytes(const struct import_file *file);

/*
 * import_file_next - the next data, what is no hole, of bytes [@first, @end)
 * @ret_end: where it ends
 * Return: where it begins, @end if there is none; all is data where nothing is
 * known.
 */
uint64_t import_file_next(const struct import_file *file, uint64_t first,
			  uint64_t end, uint64_t *ret_end);

/* import_save.c: the layer. Return: 0, or -errno with one sentence. */
int import_save(struct import *import, struct smudge_layer_info *ret_info,
		struct smudge_error *err);

#endif
