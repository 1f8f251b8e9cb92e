/* SPDX-License-Identifier: MIT */
/*
 * A crash at every write, flush and change of a name, on a file system that
 * loses what was not flushed: each layer that is then in the folder is whole,
 * each that was in place is there, and the next writer removes what was left
 * and continues.
 *
 * The writer's story, over a chain of two layers: a delta (3); a layer that is
 * given up; a full one (4) whose folder cannot be flushed, so that its name is
 * taken back; another moment as 4; a delta on it (5).
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/chain.h"
#include "folder.h"
#include "lossy_cuts.h"
#include "moments.h"
#include "slow.h"

#define NLAYERS 5

static struct moment kept[NLAYERS + 1]; /* of layer n */
static struct moment given_up;		/* that was layer 4 for a moment */
static size_t in_place[NLAYERS + 1];	/* event from which on the layer is */

static void keep(const struct moments *m)
{
	moment_copy(&kept[m->number], &m->now);
	in_place[m->number] = lossy_nevents();
}

static void save(struct moments *m, struct test_rng *rng, bool regions_too)
{
	moments_change(m, rng, regions_too);
	moments_save(m, false);
	keep(m);
}

static void give_up(struct moments *m)
{
	struct smi_folder_file file;
	struct smi_layer layer;

	moments_write(m, false, &file, &layer);
	smi_folder_drop(&file);
	smi_layer_clear(&layer);
}

static void fail_to_commit(struct moments *m)
{
	struct smi_folder_file file;
	struct smi_layer layer;

	moments_write(m, true, &file, &layer);
	lossy_fail_folder_sync(1);
	assert_int_equal(smi_folder_commit(&file, 4, NULL), -EIO);
	moment_copy(&given_up, &m->now);
	smi_folder_drop(&file);
	smi_layer_clear(&layer);
}

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("cut story");
	struct moments m;

	if (folder_enter(state) < 0)
		return -1;
	moments_open(&m, "chain");
	save(&m, &rng, false);
	save(&m, &rng, true);
	lossy_record("chain");
	in_place[1] = in_place[2] = 0;
	save(&m, &rng, true);
	moments_change(&m, &rng, false);
	give_up(&m);
	fail_to_commit(&m);
	moments_change(&m, &rng, true);
	moments_save(&m, true);
	keep(&m);
	save(&m, &rng, false);
	lossy_stop();
	moments_close(&m);
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i <= NLAYERS; i++)
		moment_clear(&kept[i]);
	moment_clear(&given_up);
	lossy_clear();
	return folder_leave(state);
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *where)
{
	return remove(path);
}

static bool is_region(struct smudge_chain *chain, size_t index,
		      const struct moment_region *region)
{
	uint64_t npages = region->npages >> (region->page_shift - 12);
	uint8_t *bytes = malloc(region->npages * 4096);
	bool is_it;

	assert_non_null(bytes);
	is_it = index < smudge_chain_nregions(chain) &&
		chain->layer.regions[index].id == region->id &&
		chain->layer.regions[index].size_bytes ==
			region->npages * 4096 &&
		smudge_chain_read(chain, index, 0, npages, bytes, NULL) == 0 &&
		memcmp(bytes, region->bytes, region->npages * 4096) == 0;
	free(bytes);
	return is_it;
}

static bool is_moment(struct smudge_chain *chain, const struct moment *moment)
{
	size_t n = 0;

	for (size_t i = 0; i < MOMENTS_REGIONS; i++)
		if (moment->regions[i].npages &&
		    !is_region(chain, n++, &moment->regions[i]))
			return false;
	return n == smudge_chain_nregions(chain);
}

/* Why the layer is not what it was, or NULL. */
static const char *wrong_with(uint64_t number)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options), .folder = "cut", .number = number};
	static struct smudge_error err;
	struct smudge_chain *chain;
	const char *wrong = NULL;

	if (number > NLAYERS)
		return "a layer that was never made";
	if (smudge_chain_open(&options, &chain, &err) < 0)
		return err.message;
	if (smudge_chain_verify(chain, NULL, NULL, &err) < 0)
		wrong = err.message;
	else if (!is_moment(chain, &kept[number]) &&
		 (number != 4 || !is_moment(chain, &given_up)))
		wrong = "another moment";
	smudge_chain_close(chain);
	return wrong;
}

/* Return: is all well with the folder that a crash left? */
static const char *wrong_with_layers(size_t nevents)
{
	int folder_fd = smi_folder_open("cut", NULL);
	const char *wrong = NULL;
	uint64_t *numbers;
	size_t n, nplaced = 0;

	assert_int_equal(smi_folder_list(folder_fd, &numbers, &n, NULL), 0);
	close(folder_fd);
	for (size_t i = 1; i <= NLAYERS; i++)
		nplaced += in_place[i] <= nevents;
	if (n < nplaced)
		wrong = "a layer that was in place is gone";
	for (size_t i = 0; !wrong && i < n; i++)
		wrong = numbers[i] == i + 1 ? wrong_with(i + 1)
					    : "a layer is missing between";
	free(numbers);
	return wrong;
}

/* As a process does that starts after the crash: from the newest layer on. */
static void continue_from(struct test_rng *rng)
{
	struct smudge_chain *chain = moments_chain("cut", 0);
	uint64_t number = chain->number;
	struct moments m;

	moments_open(&m, "cut");
	folder_check("cut", number);
	moment_copy(&m.now, number == 4 && !is_moment(chain, &kept[4])
				    ? &given_up
				    : &kept[number]);
	m.next_id = 1000;
	moments_committed(&m, number, &chain->layer);
	memset(&chain->layer, 0, sizeof(chain->layer));
	smudge_chain_close(chain);
	moments_change(&m, rng, true);
	moments_save(&m, false);
	chain = moments_chain("cut", number + 1);
	moment_check(&m.now, chain);
	smudge_chain_close(chain);
	moments_close(&m);
}

static void end_cut(void)
{
	assert_int_equal(nftw("cut", remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static const struct lossy_cuts cuts = {
	.folder = "cut",
	.wrong = wrong_with_layers,
	.continue_from = continue_from,
	.end = end_cut,
};

/* What was noted is what is there: no way of writing is overlooked. */
static void all_is_noted(void **state)
{
	struct test_rng rng = test_rng_start("cut all");

	lossy_crash(lossy_nevents(), LOSSY_NONE, &rng, "cut");
	assert_int_equal(system("diff -r chain cut"), 0);
	folder_check("cut", NLAYERS);
	print_message("# %zu events\n", lossy_nevents());
	end_cut();
}

static void every_event_can_be_the_last(void **state)
{
	struct test_rng rng = test_rng_start("cut every");

	lossy_cut_every(&cuts, &rng);
}

static void what_was_not_flushed_is_lost_in_part(void **state)
{
	struct test_rng rng = test_rng_start("cut some");

	lossy_cut_in_part(&cuts, test_rounds(6), &rng);
}

/*
 * Without the flush of the files this test finds layers that are not whole; the
 * first is enough where the build is slow.
 */
static void a_missing_flush_is_found(void **state)
{
	struct test_rng rng = test_rng_start("cut unflushed");
	unsigned int nwrong = 0;

	for (size_t i = 0; i <= lossy_nevents(); i++) {
		if (TEST_STEP > 1 && nwrong)
			break;
		lossy_crash(i, LOSSY_UNFLUSHED, &rng, "cut");
		nwrong += wrong_with_layers(i) != NULL;
		end_cut();
	}
	assert_true(nwrong > 0);
}

TEST_MAIN_WITH(set_up, tear_down, all_is_noted, every_event_can_be_the_last,
	       what_was_not_flushed_is_lost_in_part, a_missing_flush_is_found)
