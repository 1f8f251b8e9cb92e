/* SPDX-License-Identifier: MIT */
/*
 * A layer that is in place, for people and for programs.
 *
 * As an object it has the names of query-x-smudge-checkpoints of smudge-vm:
 * file, full, pages, file-bytes, pause-ns, total-ns and so on.
 */
#ifndef TOOLS_CHECKPOINT_REPORT_H
#define TOOLS_CHECKPOINT_REPORT_H

#include <stdint.h>

#include <jansson.h>

#include <smudge/layers.h>

/* A member's number, or 0. */
double checkpoint_number(const json_t *layer, const char *name);
/* A member's text, or "". */
const char *checkpoint_word(const json_t *layer, const char *name);

/*
 * checkpoint_layer_json - what a layer says of itself
 * @total_ns: from the begin of the checkpoint until the layer was in place
 * Return: a new reference; NULL: out of memory.
 */
json_t *checkpoint_layer_json(const struct smudge_layer_info *info,
			      uint64_t total_ns);

struct work;

/*
 * checkpoint_show_awaited - say what runs after the layer was written
 * @awaited: of commit_awaited (common/commit.h), perhaps of a later smudge-vm
 */
void checkpoint_show_awaited(struct work *work, const char *awaited);

/* One line on stdout. */
void checkpoint_print_line(const json_t *layer);

#endif
