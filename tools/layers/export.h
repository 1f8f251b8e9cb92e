/* SPDX-License-Identifier: MIT */
/*
 * The forms of smudge layers export, and what they share. Files are there only
 * when they are whole.
 */
#ifndef TOOLS_LAYERS_EXPORT_H
#define TOOLS_LAYERS_EXPORT_H

#include <smudge/layers.h>

#include "common/layer_place.h"
#include "core/layout.h"
#include "layers/copy.h"
#include "layers/layers.h"
#include "layers/layout.h"
#include "new_file.h"
#include "work.h"

struct layers_export {
	const struct layers_request *request;
	enum layers_layout layout; /* if the request has one */
	struct layer_name since;   /* with its folder, if there is a diff */
	struct layer_place place;
	struct smudge_chain *chain;    /* of the place */
	struct smudge_layer_info info; /* of its open layer */
	struct work work;
};

/*
 * Each makes files and prints what they are. Return: 0, or -errno with one
 * sentence.
 */
int layers_export_process(struct layers_export *export,
			  struct smudge_error *err);
int layers_export_guest(struct layers_export *export, struct smudge_error *err);
int layers_export_layout(struct layers_export *export,
			 struct smudge_error *err);

static inline bool layers_export_is_diff(const struct layers_export *export)
{
	return export->since.folder[0] != '\0';
}

/* For layers_copying: show progress; a signal ends it. */
int layers_export_progress(void *opaque, uint64_t done_bytes,
			   uint64_t total_bytes);

/*
 * layers_export_put - write bytes at a place of a file
 * layers_export_stretch - a file's length
 *
 * Return: 0, or -errno with one sentence.
 */
int layers_export_put(const struct new_file *file, const void *bytes,
		      size_t length, uint64_t file_off,
		      struct smudge_error *err);
int layers_export_stretch(const struct new_file *file, uint64_t nbytes,
			  struct smudge_error *err);

/*
 * layers_export_segments - copy the segments of a core that are of regions
 * @copying: how; the rest of it is set here
 *
 * Return: as layers_copy.
 */
int layers_export_segments(struct layers_export *export,
			   const struct core_layout *layout,
			   const struct new_file *file,
			   struct layers_copying copying,
			   struct smudge_error *err);

#endif
