/* SPDX-License-Identifier: MIT */
/*
 * Regions that this process does not map, as another process's memory: pages
 * that have no memory at the moment are zeros in the layer, and any other
 * failure to read fails the save.
 */
#include <errno.h>
#include <string.h>

#include <smudge/layers.h>

#include "rig.h"

enum {
	NPAGES = 700
};

struct elsewhere {
	bool is_gone[NPAGES];
	int failure; /* of each read */
	struct smudge_region *region;
};

static uint8_t value_of(uint64_t page)
{
	return (uint8_t)(1 + page % 200);
}

static int read_there(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		      void *buffer, struct smudge_error *err)
{
	const struct elsewhere *elsewhere = opaque;

	if (elsewhere->failure)
		return smudge_error_set(err, elsewhere->failure, "there",
					"it cannot be read");
	for (size_t i = 0; i < length_bytes; i++) {
		uint64_t page = (offset_bytes + i) / 4096;

		if (elsewhere->is_gone[page])
			return smudge_error_set(err, -EFAULT, "there",
						"no memory");
		((uint8_t *)buffer)[i] = value_of(page);
	}
	return 0;
}

static void open_rig(struct rig *rig, struct elsewhere *elsewhere)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "there",
		.size_bytes = NPAGES * 4096,
		.read = read_there,
		.read_opaque = elsewhere,
	};

	memset(elsewhere, 0, sizeof(*elsewhere));
	rig_open(rig, "elsewhere");
	assert_int_equal(smudge_region_add(rig->memory, &options,
					   &elsewhere->region, NULL),
			 0);
	rig->options.folder = rig->folder;
	rig->options.look_ahead = true;
	assert_int_equal(smudge_checkpointer_create(rig->memory, &rig->options,
						    &rig->cp, NULL),
			 0);
}

static void close_rig(struct rig *rig, struct elsewhere *elsewhere)
{
	rig_destroy(rig);
	assert_int_equal(smudge_region_remove(elsewhere->region, NULL), 0);
	rig_close(rig);
}

static void save_and_compare(struct rig *rig, const struct elsewhere *elsewhere)
{
	const struct smudge_chain_options options = {.size = sizeof(options),
						     .folder = rig->folder};
	static uint8_t bytes[NPAGES * 4096];
	struct smudge_chain *chain;

	assert_int_equal(
		smudge_checkpointer_wait(rig->cp, rig_save(rig), NULL, NULL),
		0);
	assert_int_equal(smudge_chain_open(&options, &chain, NULL), 0);
	assert_int_equal(smudge_chain_read(chain, 0, 0, NPAGES, bytes, NULL),
			 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], elsewhere->is_gone[i / 4096]
						   ? 0
						   : value_of(i / 4096));
	smudge_chain_close(chain);
}

/* Also where a layer before had something. */
static void what_is_gone_is_zeros(void **state)
{
	static struct elsewhere elsewhere;
	struct rig rig;

	open_rig(&rig, &elsewhere);
	elsewhere.is_gone[5] = true;
	save_and_compare(&rig, &elsewhere);
	elsewhere.is_gone[5] = false;
	for (size_t i = 600; i < NPAGES; i++)
		elsewhere.is_gone[i] = true;
	smudge_region_mark(elsewhere.region, 0, NPAGES);
	save_and_compare(&rig, &elsewhere);
	close_rig(&rig, &elsewhere);
}

static void what_cannot_be_read_fails_the_save(void **state)
{
	static struct elsewhere elsewhere;
	struct smudge_error err;
	struct rig rig;

	open_rig(&rig, &elsewhere);
	elsewhere.failure = -ESRCH;
	assert_int_equal(smudge_checkpointer_save(rig.cp, NULL, NULL, &err),
			 -ESRCH);
	assert_int_equal(err.code, -ESRCH);
	elsewhere.failure = 0;
	save_and_compare(&rig, &elsewhere);
	close_rig(&rig, &elsewhere);
}

TEST_MAIN(what_is_gone_is_zeros, what_cannot_be_read_fails_the_save)
