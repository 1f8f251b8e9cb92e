/* SPDX-License-Identifier: MIT */
/*
 * The calls of errors_begin_afresh for a checkpointer, of a memory of one page
 * and a folder of their own.
 */
#include "afresh_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <smudge/checkpoint.h>
#include <smudge/prune.h>

#include "support.h"

struct saved {
	struct smudge_memory *memory;
	struct smudge_checkpointer *checkpointer;
	char folder[32];
};

static uint8_t page[4096] __attribute__((aligned(4096)));

static int create(struct saved *s, struct smudge_error *err)
{
	const struct smudge_checkpointer_options options = {
		.size = sizeof(options), .folder = s->folder, .nthreads = 1};

	return smudge_checkpointer_create(s->memory, &options, &s->checkpointer,
					  err);
}

static void open_saved(struct saved *s, struct smudge_error *err)
{
	const struct smudge_region_options options = {.size = sizeof(options),
						      .name = "ram",
						      .hva = page,
						      .size_bytes = 4096};
	struct smudge_region *region;

	*s = (struct saved){.folder = "/tmp/smudge-afresh-XXXXXX"};
	assert_non_null(mkdtemp(s->folder));
	assert_int_equal(smudge_memory_create(&s->memory), 0);
	assert_int_equal(smudge_region_add(s->memory, &options, &region, NULL),
			 0);
	assert_int_equal(create(s, err), 0);
}

static void close_saved(struct saved *s)
{
	char path[80];

	assert_int_equal(smudge_checkpointer_destroy(s->checkpointer), 0);
	assert_int_equal(smudge_memory_destroy(s->memory, NULL), 0);
	snprintf(path, sizeof(path), "%s/layer-00000001.qcow2", s->folder);
	unlink(path);
	assert_int_equal(rmdir(s->folder), 0);
}

int afresh_checkpointer_create(bool fails, struct smudge_error *err)
{
	struct saved s;
	int ret = 0;

	open_saved(&s, fails ? NULL : err);
	if (fails) { /* the folder has a writer */
		struct saved other = s;

		ret = create(&other, err);
	}
	close_saved(&s);
	return ret;
}

int afresh_checkpointer_save(bool fails, struct smudge_error *err)
{
	const struct smudge_save_options too_short = {.size = 1};
	struct saved s;
	int ret;

	open_saved(&s, NULL);
	ret = smudge_checkpointer_save(s.checkpointer,
				       fails ? &too_short : NULL, NULL, err);
	close_saved(&s);
	return ret;
}

int afresh_checkpointer_wait(bool fails, struct smudge_error *err)
{
	uint64_t ticket;
	struct saved s;
	int ret;

	open_saved(&s, NULL);
	assert_int_equal(
		smudge_checkpointer_save(s.checkpointer, NULL, &ticket, NULL),
		0);
	ret = smudge_checkpointer_wait(s.checkpointer, ticket + fails, NULL,
				       err);
	close_saved(&s);
	return ret;
}

int afresh_checkpointer_prune(bool fails, struct smudge_error *err)
{
	const struct smudge_prune_options options = {.size = sizeof(options),
						     .keep_last = !fails};
	struct saved s;
	int ret;

	open_saved(&s, NULL);
	ret = smudge_checkpointer_prune(s.checkpointer, &options, NULL, err);
	close_saved(&s);
	return ret;
}

int afresh_checkpoint_add_blob(bool fails, struct smudge_error *err)
{
	struct saved s;
	int ret;

	open_saved(&s, NULL);
	ret = smudge_checkpoint_add_blob(s.checkpointer, fails ? "" : "blob",
					 "x", 1, err);
	close_saved(&s);
	return ret;
}
