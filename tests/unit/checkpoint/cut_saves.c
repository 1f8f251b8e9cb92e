/* SPDX-License-Identifier: MIT */
/*
 * A crash at every write, flush and change of a name of a checkpointer, on a
 * file system that loses what was not flushed: each layer that is then in the
 * folder is one of the moments that were saved as it, whole; each that was
 * reported in place is there; and a checkpointer that starts then removes what
 * was left and continues.
 *
 * Its story: layers one by one; two that overlap; one whose folder cannot be
 * flushed, and the next one, which has its pages too; a full one.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/folder.h"
#include "lossy_cuts.h"
#include "rig.h"

#define MAX_MOMENTS 16
#define PAGE	    4096

static struct {
	struct rig_moment moment;
	uint64_t number; /* of the layer that it was to be */
	size_t in_place; /* events after which it was reported; or SIZE_MAX */
} saved[MAX_MOMENTS];
static size_t nsaved;
static char cut[80]; /* the folder that a crash left */

/* Save; the layer is to be @number. */
static uint64_t save(struct rig *rig, struct test_rng *rng, uint64_t number)
{
	uint64_t ticket;

	rig_write_random(rig, rng, 30);
	ticket = rig_save(rig);
	saved[nsaved].moment = rig_take_moment(rig);
	saved[nsaved].number = number;
	saved[nsaved++].in_place = SIZE_MAX;
	return ticket;
}

static void wait_for(struct rig *rig, uint64_t ticket, size_t index)
{
	struct smudge_error err;

	if (smudge_checkpointer_wait(rig->cp, ticket, NULL, &err))
		fail_msg("%s", err.message);
	saved[index].in_place = lossy_nevents();
}

static void save_alone(struct rig *rig, struct test_rng *rng, uint64_t number)
{
	wait_for(rig, save(rig, rng, number), nsaved - 1);
}

static void save_two(struct rig *rig, struct test_rng *rng, uint64_t number)
{
	uint64_t one = save(rig, rng, number);
	uint64_t two = save(rig, rng, number + 1);

	wait_for(rig, one, nsaved - 2);
	wait_for(rig, two, nsaved - 1);
}

static void save_in_vain(struct rig *rig, struct test_rng *rng, uint64_t number)
{
	uint64_t ticket = save(rig, rng, number);

	assert_int_equal(smudge_checkpointer_wait(rig->cp, ticket, NULL, NULL),
			 -EIO);
}

static void tell(struct rig *rig, struct test_rng *rng)
{
	rig_open(rig, "cut");
	rig_add(rig, "ram", 0, 300, 300);
	rig_add(rig, "rom", UINT64_C(1) << 32, 7, 7);
	rig->options.full_every = 6;
	rig->options.nthreads = 2;
	rig_create(rig);
	lossy_record(rig->folder);
	save_alone(rig, rng, 1);
	save_alone(rig, rng, 2);
	save_two(rig, rng, 3);
	lossy_fail_folder_sync(1);
	save_in_vain(rig, rng, 5);
	save_alone(rig, rng, 5);
	rig_add(rig, "new", UINT64_C(1) << 33, 20, 20);
	save_alone(rig, rng, 6);
	save_alone(rig, rng, 7);
	lossy_stop();
}

static int set_up(void **state)
{
	static struct rig rig;
	struct test_rng rng = test_rng_start("cut_saves story");

	nsaved = 0;
	tell(&rig, &rng);
	snprintf(cut, sizeof(cut), "%.60s-cut", rig.folder);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < nsaved; i++)
		rig_free_moment(&saved[i].moment);
	lossy_clear();
	rig_close(*state);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *where)
{
	return remove(path);
}

static void end_cut(void)
{
	assert_int_equal(nftw(cut, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static bool is_region(struct smudge_chain *chain, size_t index,
		      const uint8_t *expected, size_t npages)
{
	struct smudge_layer_region region = {.size = sizeof(region)};
	uint8_t *bytes = malloc(npages * PAGE);
	bool is_it;

	assert_non_null(bytes);
	is_it = smudge_chain_region(chain, index, &region) == 0 &&
		region.size_bytes == npages * PAGE &&
		smudge_chain_read(chain, index, 0, npages, bytes, NULL) == 0 &&
		memcmp(bytes, expected, npages * PAGE) == 0;
	free(bytes);
	return is_it;
}

static bool is_moment(struct smudge_chain *chain,
		      const struct rig_moment *moment)
{
	if (smudge_chain_nregions(chain) != moment->nregions)
		return false;
	for (size_t i = 0; i < moment->nregions; i++)
		if (!is_region(chain, i, moment->regions[i].bytes,
			       moment->regions[i].npages))
			return false;
	return true;
}

static struct smudge_chain *open_cut(uint64_t number, struct smudge_error *err)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options), .folder = cut, .number = number};
	struct smudge_chain *chain;

	return smudge_chain_open(&options, &chain, err) < 0 ? NULL : chain;
}

/* Why the layer is not what it was, or NULL. */
static const char *wrong_with(uint64_t number)
{
	static struct smudge_error err;
	struct smudge_chain *chain = open_cut(number, &err);
	bool is_saved = false, is_right;

	if (!chain)
		return err.message;
	is_right = smudge_chain_verify(chain, NULL, NULL, &err) == 0;
	for (size_t i = 0; i < nsaved; i++)
		is_saved |= saved[i].number == number &&
			    is_moment(chain, &saved[i].moment);
	smudge_chain_close(chain);
	if (!is_right)
		return err.message;
	return is_saved ? NULL : "another moment";
}

static const char *wrong_with_layers(size_t nevents)
{
	int folder_fd = smi_folder_open(cut, NULL);
	const char *wrong = NULL;
	uint64_t *numbers;
	size_t n;

	assert_int_equal(smi_folder_list(folder_fd, &numbers, &n, NULL), 0);
	close(folder_fd);
	for (size_t i = 0; i < nsaved; i++)
		if (saved[i].in_place <= nevents && saved[i].number > n)
			wrong = "a layer that was in place is gone";
	for (size_t i = 0; !wrong && i < n; i++)
		wrong = numbers[i] == i + 1 ? wrong_with(i + 1)
					    : "a layer is missing between";
	free(numbers);
	return wrong;
}

/* Another machine saves into the folder. */
static void continue_from(struct test_rng *rng)
{
	struct smudge_chain *chain = open_cut(0, NULL);
	struct smudge_layer_info info = {.size = sizeof(info)};
	uint64_t number = 0;
	struct rig rig;

	if (chain) {
		assert_int_equal(smudge_chain_layer(chain, 0, &info, NULL), 0);
		number = info.number;
	}
	smudge_chain_close(chain);
	rig_open(&rig, "cut");
	assert_int_equal(rmdir(rig.folder), 0);
	snprintf(rig.folder, sizeof(rig.folder), "%.63s", cut);
	rig_add(&rig, "ram", 0, 50, 50);
	rig_create(&rig);
	rig_write_random(&rig, rng, 10);
	rig_checkpoint(&rig, &info);
	assert_int_equal(info.number, number + 1);
	rig_write_random(&rig, rng, 10);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
	/* which removed it */
	assert_int_equal(mkdir(cut, 0700), 0);
}

static const struct lossy_cuts cuts = {
	.folder = cut,
	.wrong = wrong_with_layers,
	.continue_from = continue_from,
	.end = end_cut,
};

static void all_is_noted(void **state)
{
	struct test_rng rng = test_rng_start("cut_saves all");
	struct rig *rig = *state;
	char command[200];

	lossy_crash(lossy_nevents(), LOSSY_NONE, &rng, cut);
	snprintf(command, sizeof(command), "diff -r %s %s", rig->folder, cut);
	assert_int_equal(system(command), 0);
	assert_null(wrong_with_layers(lossy_nevents()));
	print_message("# %zu events\n", lossy_nevents());
	end_cut();
}

static void every_event_can_be_the_last(void **state)
{
	struct test_rng rng = test_rng_start("cut_saves every");

	lossy_cut_every(&cuts, &rng);
}

static void what_was_not_flushed_is_lost_in_part(void **state)
{
	struct test_rng rng = test_rng_start("cut_saves some");

	lossy_cut_in_part(&cuts, test_rounds(4), &rng);
}

TEST_MAIN_WITH(set_up, tear_down, all_is_noted, every_event_can_be_the_last,
	       what_was_not_flushed_is_lost_in_part)
