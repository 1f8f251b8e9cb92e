/* SPDX-License-Identifier: MIT */
/*
 * The destination refuses, and its sentence reaches the source: a state it
 * cannot load, a memory of another shape.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>

static void refused(struct rig *rig, const char *words, int error)
{
	memset(rig->source.hva[0], 0x11, rig->npages[0] << rig->page_shift);
	rig_start_writer(rig);
	rig_start_receiver(rig);
	rig_start_sender(rig);
	rig_join_sender(rig);
	rig_join_receiver(rig);
	rig_assert_went_back(rig, -EREMOTEIO, words);
	assert_int_equal(rig->receive_error, error);
	rig_end_writer(rig);
	rig_close(rig);
}

static void state_is_not_loaded(void **state)
{
	struct rig rig = {.rounds_wanted = 2, .load_error = -EINVAL};

	rig_open(&rig, "state_is_not_loaded");
	refused(&rig,
		"the destination refused: this state is of another machine",
		-EINVAL);
}

static void replace_memory(struct rig *rig, uint64_t npages, const char *name)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = name,
		.hva = rig->destination.hva[0],
		.size_bytes = npages << 12,
		.page_shift = 12,
	};

	assert_int_equal(
		smudge_region_remove(rig->destination.regions[0], NULL), 0);
	assert_int_equal(smudge_region_add(rig->destination.memory, &options,
					   &rig->destination.regions[0], NULL),
			 0);
}

static void less_memory(void **state)
{
	struct rig rig = {.rounds_wanted = 2};

	rig_open(&rig, "less_memory");
	replace_memory(&rig, 1024, "ram");
	refused(&rig,
		"memory differs: the source has 'ram' (8192 KiB at 0x0, page "
		"shift 12), the destination 'ram' (4096 KiB",
		-ENXIO);
}

static void another_name(void **state)
{
	struct rig rig = {.rounds_wanted = 2};

	rig_open(&rig, "another_name");
	replace_memory(&rig, 2048, "flash");
	refused(&rig, "the destination 'flash' (8192 KiB", -ENXIO);
}

static void fewer_regions(void **state)
{
	struct rig rig = {.rounds_wanted = 2};
	struct smudge_region *gone;

	rig_open(&rig, "fewer_regions");
	gone = rig.destination.regions[1];
	assert_int_equal(smudge_region_remove(gone, NULL), 0);
	memset(rig.source.hva[0], 0x11, rig.npages[0] << rig.page_shift);
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	rig_join_sender(&rig);
	rig_join_receiver(&rig);
	rig_assert_went_back(&rig, -EREMOTEIO,
			     "the source has 2 regions of 8 MiB together, the "
			     "destination 1 of 8 MiB");
	rig.destination.regions[1] = NULL;
	replace_memory(&rig, 2048, "ram");
	assert_int_equal(
		smudge_region_add(
			rig.destination.memory,
			&(struct smudge_region_options){
				.size = sizeof(struct smudge_region_options),
				.name = "vram",
				.hva = rig.destination.hva[1],
				.gpa = UINT64_C(1) << 40,
				.size_bytes = rig.npages[1] << 12},
			&rig.destination.regions[1], NULL),
		0);
	rig_close(&rig);
}

/* While the source sends pages, not as the answer to a record. */
static void in_the_middle_of_a_round(void **state)
{
	struct rig rig = {.rounds_wanted = 2};
	struct smi_link link;

	rig_open(&rig, "in_the_middle_of_a_round");
	memset(rig.source.hva[0], 0x11, rig.npages[0] << 12);
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, SMI_WIRE_PAGES, 1);
	smi_link_send_final(&link, SMI_WIRE_REFUSE, 6, "the disk is full");
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, -EREMOTEIO,
			     "the destination refused: the disk is full");
	rig_assert_was_prompt(&rig);
	smi_link_close(&link);
	rig_close(&rig);
}

TEST_MAIN(state_is_not_loaded, less_memory, another_name, fewer_regions,
	  in_the_middle_of_a_round)
