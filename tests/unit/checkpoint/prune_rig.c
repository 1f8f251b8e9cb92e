/* SPDX-License-Identifier: MIT */
/*
 * Layers that are saved, pruned and compared.
 */
#include "prune_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "checkpoint/chain.h"
#include "checkpoint/prune.h"

#define PAGE 4096

void prune_rig_open(struct prune_rig *rig, const char *folder)
{
	memset(rig, 0, sizeof(*rig));
	snprintf(rig->folder, sizeof(rig->folder), "%s", folder);
	moments_open(&rig->m, folder);
	rig->m.step_ns = PRUNE_RIG_STEP_NS;
}

void prune_rig_close(struct prune_rig *rig)
{
	for (size_t i = 0; i <= PRUNE_RIG_MAX; i++)
		moment_clear(&rig->kept[i]);
	moments_close(&rig->m);
}

void prune_rig_save(struct prune_rig *rig, struct test_rng *rng,
		    bool regions_too, bool is_full)
{
	moments_change(&rig->m, rng, regions_too);
	if (!regions_too)
		moments_keep_first(&rig->m);
	moments_save(&rig->m, is_full);
	assert_true(rig->m.number <= PRUNE_RIG_MAX);
	moment_copy(&rig->kept[rig->m.number], &rig->m.now);
	rig->is_full[rig->m.number] = is_full || rig->m.number == 1;
}

int prune_rig_prune(struct prune_rig *rig,
		    const struct smudge_prune_options *options,
		    struct smudge_prune_result *ret_result,
		    struct smudge_error *err)
{
	const struct smi_prune_writer none = {.next_parent = UINT64_MAX};

	smudge_error_clear(err);
	return smi_prune_folder(rig->m.folder_fd, options, &none, ret_result,
				err);
}

size_t prune_rig_numbers(const char *folder, uint64_t numbers[PRUNE_RIG_MAX])
{
	int folder_fd = smi_folder_open(folder, NULL);
	uint64_t *found;
	size_t n;

	assert_true(folder_fd >= 0);
	assert_int_equal(smi_folder_list(folder_fd, &found, &n, NULL), 0);
	close(folder_fd);
	assert_true(n <= PRUNE_RIG_MAX);
	for (size_t i = 0; i < n; i++)
		numbers[i] = found[i];
	free(found);
	return n;
}

static bool is_region(struct smudge_chain *chain, size_t index,
		      const struct moment_region *region)
{
	uint64_t npages = region->npages >> (region->page_shift - 12);
	uint8_t *bytes = malloc(region->npages * PAGE);
	bool is_it;

	assert_non_null(bytes);
	is_it = index < smudge_chain_nregions(chain) &&
		chain->layer.regions[index].id == region->id &&
		chain->layer.regions[index].size_bytes ==
			region->npages * PAGE &&
		smudge_chain_read(chain, index, 0, npages, bytes, NULL) == 0 &&
		memcmp(bytes, region->bytes, region->npages * PAGE) == 0;
	free(bytes);
	return is_it;
}

/* The blob and the time are what moments_write made of the number. */
static bool is_state(struct smudge_chain *chain, uint64_t number)
{
	uint64_t time_ns = number * PRUNE_RIG_STEP_NS;
	const void *bytes;
	size_t length;

	return chain->layer.stats.time_ns == time_ns &&
	       smudge_chain_blob(chain, "devices", 0, &bytes, &length, NULL) ==
		       0 &&
	       length == 100 + (number - 1) % 100 &&
	       *(const uint8_t *)bytes == (uint8_t)number;
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

const char *prune_rig_wrong(struct prune_rig *rig, const char *folder,
			    uint64_t number)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options), .folder = folder, .number = number};
	static struct smudge_error err;
	struct smudge_chain *chain;
	const char *wrong = NULL;

	if (!number || number > PRUNE_RIG_MAX)
		return "a layer that was never made";
	if (smudge_chain_open(&options, &chain, &err) < 0)
		return err.message;
	if (smudge_chain_verify(chain, NULL, NULL, &err) < 0)
		wrong = err.message;
	else if (!is_moment(chain, &rig->kept[number]))
		wrong = "another moment";
	else if (!is_state(chain, number))
		wrong = "another state";
	smudge_chain_close(chain);
	return wrong;
}

void prune_rig_check(struct prune_rig *rig)
{
	uint64_t numbers[PRUNE_RIG_MAX];
	size_t n = prune_rig_numbers(rig->folder, numbers);

	for (size_t i = 0; i < n; i++) {
		const char *wrong =
			prune_rig_wrong(rig, rig->folder, numbers[i]);

		if (wrong)
			fail_msg("layer %ju: %s", (uintmax_t)numbers[i], wrong);
	}
}
