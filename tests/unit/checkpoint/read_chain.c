/* SPDX-License-Identifier: MIT */
/*
 * Chains of random moments: every layer reads back as its moment was, whatever
 * came later; the list of layers has each of them; and two moments differ by
 * the pages that differ, where places on the disk are the same or are not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "folder.h"
#include "moments.h"
#include "slow.h"

#define NLAYERS 12
#define PAGE	4096

static struct moments memory;
static struct moment kept[NLAYERS];

static void save_all(struct test_rng *rng, const char *folder)
{
	moments_open(&memory, folder);
	for (size_t i = 0; i < NLAYERS; i++) {
		moments_change(&memory, rng, i % 3 == 2);
		moments_save(&memory, i == 0 || i == 7);
		moment_copy(&kept[i], &memory.now);
	}
}

static void clear_all(void)
{
	for (size_t i = 0; i < NLAYERS; i++)
		moment_clear(&kept[i]);
	moments_close(&memory);
}

static void check_layers(struct smudge_chain *chain, uint64_t number)
{
	size_t n = smudge_chain_nlayers(chain);

	assert_int_equal(n, number > 7 ? number - 7 : number);
	for (size_t i = 0; i < n; i++) {
		struct smudge_layer_info info = {.size = sizeof(info)};

		assert_int_equal(smudge_chain_layer(chain, i, &info, NULL), 0);
		assert_int_equal(info.number, number - i);
		assert_int_equal(info.time_ns, number - i);
		assert_int_equal(info.is_full, i + 1 == n);
		assert_int_equal(info.nblobs, 1);
		assert_true(info.file_bytes > 0);
		/* A moment may have no region at all. */
		assert_int_equal(info.memory_bytes > 0, info.nregions > 0);
	}
}

static void check_blob(struct smudge_chain *chain, uint64_t number)
{
	const void *bytes, *again;
	const char *name;
	size_t length;

	assert_int_equal(
		smudge_chain_blob(chain, "devices", 7, &bytes, &length, NULL),
		0);
	assert_int_equal(length, 100 + (number - 1) % 100);
	assert_int_equal(((const uint8_t *)bytes)[length - 1], number);
	assert_int_equal(
		smudge_chain_blob(chain, NULL, 0, &again, &length, &name), 0);
	assert_ptr_equal(again, bytes);
	assert_string_equal(name, "devices");
	assert_int_equal(
		smudge_chain_blob(chain, NULL, 1, &again, &length, NULL),
		-ENOENT);
	assert_int_equal(
		smudge_chain_blob(chain, "x", 0, &again, &length, NULL),
		-ENOENT);
}

/* The full layer 8 is number 8, so layers are 1 to 7 and 8 to 12. */
static void moments_come_back(void **state)
{
	struct test_rng rng = test_rng_start("read_chain");

	save_all(&rng, "chain");
	for (uint64_t i = 1; i <= NLAYERS; i++) {
		struct smudge_chain *chain = moments_chain("chain", i);

		check_layers(chain, i);
		check_blob(chain, i);
		moment_check(&kept[i - 1], chain);
		smudge_chain_close(chain);
	}
	clear_all();
}

static void parts_are_read_too(void **state)
{
	struct test_rng rng = test_rng_start("read_chain parts");
	static uint8_t bytes[MOMENTS_MAX_NPAGES * PAGE];
	struct smudge_chain *chain;

	save_all(&rng, "chain");
	chain = moments_chain("chain", 7);
	for (unsigned int i = 0; i < test_rounds(300); i++) {
		const struct moment_region *region = &kept[6].regions[0];
		uint64_t first, n;

		if (!region->npages)
			break;
		first = test_rng_below(&rng, region->npages + 1);
		n = test_rng_below(&rng, region->npages - first + 1);
		memset(bytes + n * PAGE, 0x77, 16);
		assert_int_equal(
			smudge_chain_read(chain, 0, first, n, bytes, NULL), 0);
		assert_memory_equal(bytes, region->bytes + first * PAGE,
				    n * PAGE);
		assert_int_equal(bytes[n * PAGE], 0x77);
	}
	smudge_chain_close(chain);
	clear_all();
}

static int count_layer(void *opaque, const struct smudge_layer_info *info,
		       const struct smudge_error *why)
{
	uint64_t *number = opaque;

	if (*number == 100)
		return 1;
	assert_int_equal(info->number, ++*number);
	assert_null(why);
	assert_int_equal(info->is_full, *number == 1 || *number == 8);
	assert_int_equal(info->time_ns, *number);
	return 0;
}

static void layers_are_listed(void **state)
{
	struct test_rng rng = test_rng_start("read_chain list");
	struct smudge_error err;
	uint64_t number = 0;

	save_all(&rng, "chain");
	assert_int_equal(
		smudge_layers_each("chain", count_layer, &number, &err), 0);
	assert_int_equal(number, NLAYERS);
	number = 100;
	assert_int_equal(
		smudge_layers_each("chain", count_layer, &number, &err),
		-ECANCELED);
	clear_all();
}

/* Of each region: 1 differs, 2 is new, 3 is gone; in its pages. */
struct differences {
	uint8_t marks[MOMENTS_REGIONS][MOMENTS_MAX_NPAGES];
	uint64_t last_gpa;
	bool was_gone;
};

static int mark(void *opaque, const struct smudge_difference *d)
{
	static const char *const names[MOMENTS_REGIONS] = {"low", "rom", "high",
							   "huge"};
	struct differences *differences = opaque;
	size_t region = d->gpa >> 32;

	assert_int_equal(d->size, sizeof(*d));
	assert_string_equal(d->region_name, names[region]);
	assert_true(d->run.npages > 0);
	assert_int_equal(d->gpa - ((uint64_t)region << 32),
			 d->run.first_page << (region == 3 ? 16 : 12));
	assert_true(d->is_gone || d->gpa >= differences->last_gpa);
	differences->last_gpa = d->gpa;
	memset(differences->marks[region] + d->run.first_page,
	       1 + d->is_new + 2 * d->is_gone, d->run.npages);
	return 0;
}

static uint8_t naive_mark(const struct moment_region *a,
			  const struct moment_region *b, uint64_t page,
			  uint64_t unit)
{
	uint64_t first = page * unit;

	if (first >= a->npages && first >= b->npages)
		return 0;
	if (first >= a->npages)
		return 2;
	if (first >= b->npages)
		return 3;
	return memcmp(a->bytes + first * PAGE, b->bytes + first * PAGE,
		      unit * PAGE) != 0;
}

static void check_difference(size_t i, size_t j)
{
	struct smudge_chain *from = moments_chain("chain", i + 1);
	struct smudge_chain *to = moments_chain("chain", j + 1);
	static struct differences differences;
	struct smudge_error err;

	memset(&differences, 0, sizeof(differences));
	if (smudge_chain_diff(from, to, mark, &differences, &err) < 0)
		fail_msg("%s", err.message);
	for (size_t r = 0; r < MOMENTS_REGIONS; r++)
		for (uint64_t p = 0; p < MOMENTS_MAX_NPAGES; p++)
			if (differences.marks[r][p] !=
			    naive_mark(&kept[i].regions[r], &kept[j].regions[r],
				       p, r == 3 ? 16 : 1))
				fail_msg("%zu to %zu: region %zu page %ju is "
					 "%d",
					 i, j, r, (uintmax_t)p,
					 differences.marks[r][p]);
	smudge_chain_close(from);
	smudge_chain_close(to);
}

static void moments_differ_where_they_do(void **state)
{
	struct test_rng rng = test_rng_start("read_chain diff");

	save_all(&rng, "chain");
	for (size_t i = 0; i < NLAYERS; i++)
		for (size_t j = 0; j < NLAYERS; j++)
			if (!test_rng_below(&rng, TEST_STEP))
				check_difference(i, j);
	clear_all();
}

static int count_up(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	uint64_t *last = opaque;

	assert_true(done_bytes >= *last && done_bytes <= total_bytes);
	*last = done_bytes;
	return total_bytes == 1;
}

static int cancel(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	return 1;
}

static void verifying_is_followed(void **state)
{
	struct test_rng rng = test_rng_start("read_chain verify");
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct smudge_chain *chain;
	struct smudge_error err;
	uint64_t done = 0;

	save_all(&rng, "chain");
	chain = moments_chain("chain", 0);
	assert_int_equal(smudge_chain_layer(chain, 0, &info, NULL), 0);
	assert_int_equal(info.number, NLAYERS);
	assert_int_equal(smudge_chain_verify(chain, count_up, &done, &err), 0);
	assert_int_equal(done, info.memory_bytes);
	/* no call where there is nothing to verify */
	assert_int_equal(smudge_chain_verify(chain, cancel, NULL, &err),
			 info.memory_bytes ? -ECANCELED : 0);
	assert_int_equal(err.code, info.memory_bytes ? -ECANCELED : 0);
	smudge_chain_close(chain);
	clear_all();
}

TEST_MAIN_WITH(folder_enter, folder_leave, moments_come_back,
	       parts_are_read_too, layers_are_listed,
	       moments_differ_where_they_do, verifying_is_followed)
