/* SPDX-License-Identifier: MIT */
/*
 * Opens the clients, writes, and compares their bits with the oracles.
 */
#include "clients_rig.h"

#include <string.h>
#include <sys/mman.h>

#include "code/code.h"
#include "display/display.h"

#define VRAM_GPA   UINT64_C(0xe0000000)
#define DEVICE_GPA UINT64_C(0x100000000)

static const struct {
	const char *name;
	uint64_t gpa, first_row, npages;
} places[RIG_NREGIONS] = {
	{"ram", 0, 0, RIG_RAM_PAGES},
	{"vram", VRAM_GPA, RIG_RAM_PAGES, RIG_VRAM_PAGES},
	{"device", DEVICE_GPA, RIG_RAM_PAGES + RIG_VRAM_PAGES,
	 RIG_DEVICE_PAGES},
};

uint64_t rig_first_row(int region)
{
	return places[region].first_row;
}

uint64_t rig_npages(int region)
{
	return places[region].npages;
}

int rig_region_of(uint64_t row)
{
	int region = RIG_NREGIONS - 1;

	while (row < places[region].first_row)
		region--;
	return region;
}

uint64_t rig_gpa(uint64_t row)
{
	int region = rig_region_of(row);

	return places[region].gpa + ((row - places[region].first_row) << 12);
}

/* A source runs while a client is open that receives from it. */
static bool is_running(const struct clients_rig *rig, int region)
{
	return rig->watches[RIG_MIGRATION][region] ||
	       rig->watches[RIG_DISPLAY][region] ||
	       rig->watches[RIG_CODE][region];
}

void rig_now_watches(struct clients_rig *rig, enum rig_user user, int region)
{
	rig->watches[user][region] = true;
	memset(&rig->dirty[user][rig_first_row(region)], true,
	       rig_npages(region));
}

static void no_longer_watches(struct clients_rig *rig, enum rig_user user)
{
	memset(rig->watches[user], false, sizeof(rig->watches[user]));
	memset(rig->dirty[user], false, sizeof(rig->dirty[user]));
	for (int i = RIG_RAM; i <= RIG_VRAM; i++) {
		if (is_running(rig, i))
			continue;
		/* it stopped, and what it knew is lost */
		memset(&rig->pending[rig_first_row(i)], false, rig_npages(i));
		memset(rig->fake[i].bits, 0, sizeof(rig->fake[i].bits));
	}
}

static void mark_row(struct clients_rig *rig, uint64_t row, bool to_all)
{
	int region = rig_region_of(row);

	for (int user = 0; user < RIG_NUSERS; user++)
		rig->dirty[user][row] |= rig->watches[user][region] &&
					 (to_all || user != RIG_MARKS);
}

void rig_marked(struct clients_rig *rig, uint64_t row)
{
	mark_row(rig, row, true);
}

void rig_harvested(struct clients_rig *rig, int region)
{
	uint64_t first = rig_first_row(region);

	for (uint64_t row = first; row < first + rig_npages(region); row++) {
		if (rig->pending[row])
			mark_row(rig, row, false);
		rig->pending[row] = false;
	}
}

void rig_harvest_failed(struct clients_rig *rig, int region)
{
	uint64_t first = rig_first_row(region);

	for (uint64_t row = first; row < first + rig_npages(region); row++)
		mark_row(rig, row, false);
}

void rig_open_migration(struct clients_rig *rig)
{
	rig->migration = fake_client(rig->memory, "migrate", false);
	for (int i = 0; i < RIG_NREGIONS; i++)
		rig_now_watches(rig, RIG_MIGRATION, i);
}

struct smudge_display_mode rig_random_mode(struct clients_rig *rig)
{
	struct smudge_display_mode mode = {.size = sizeof(mode)};
	uint64_t bytes;

	mode.width = 1 + (uint32_t)test_rng_below(&rig->rng, 1200);
	mode.height = 1 + (uint32_t)test_rng_below(&rig->rng, 120);
	mode.stride_bytes =
		mode.width * 4 + 4 * (uint32_t)test_rng_below(&rig->rng, 900);
	bytes = (uint64_t)mode.height * mode.stride_bytes;
	mode.offset_bytes =
		test_rng_below(&rig->rng,
			       ((RIG_VRAM_PAGES << 12) - bytes) / 4) *
		4;
	return mode;
}

void rig_open_display(struct clients_rig *rig)
{
	rig->mode = rig_random_mode(rig);
	assert_int_equal(smudge_display_open(rig->memory, rig->region[RIG_VRAM],
					     &rig->mode, &rig->display, NULL),
			 0);
	rig_now_watches(rig, RIG_DISPLAY, RIG_VRAM);
}

void rig_open_code(struct clients_rig *rig, enum rig_user user)
{
	const struct smudge_code_options options = {
		.size = sizeof(options),
		.marks_only = user == RIG_MARKS,
	};

	assert_int_equal(smudge_code_open(rig->memory, &options,
					  &rig->code[user - RIG_CODE], NULL),
			 0);
}

void rig_close_user(struct clients_rig *rig, enum rig_user user)
{
	switch (user) {
	case RIG_MIGRATION:
		assert_int_equal(smudge_client_close(rig->migration), 0);
		rig->migration = NULL;
		break;
	case RIG_DISPLAY:
		smudge_display_close(rig->display);
		rig->display = NULL;
		break;
	default:
		smudge_code_close(rig->code[user - RIG_CODE]);
		rig->code[user - RIG_CODE] = NULL;
		memset(rig->nblocks[user - RIG_CODE], 0,
		       sizeof(rig->nblocks[0]));
	}
	no_longer_watches(rig, user);
}

/* Pages never touched are reported once more, so all are touched here. */
static void *map_pages(void)
{
	size_t size = (size_t)RIG_NROWS << 12;
	uint8_t *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(bytes != MAP_FAILED);
	madvise(bytes, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < size; i += 4096)
		bytes[i] = 1;
	return bytes;
}

static void attach(struct clients_rig *rig, int region, bool with_uffd)
{
	struct smudge_source *source;

	if (with_uffd) {
		assert_int_equal(smudge_uffd_create(&rig->uffd[region], NULL),
				 0);
		source = rig->uffd[region];
	} else {
		fake_create(&rig->fake[region], true);
		source = rig->fake[region].source;
	}
	assert_int_equal(
		smudge_region_attach(rig->region[region], source, 0, 0, NULL),
		0);
}

void clients_rig_start(struct clients_rig *rig, const char *name,
		       bool with_uffd)
{
	memset(rig, 0, sizeof(*rig));
	rig->rng = test_rng_start(name);
	rig->bytes = map_pages();
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	for (int i = 0; i < RIG_NREGIONS; i++) {
		const struct smudge_region_options options = {
			.size = sizeof(options),
			.name = places[i].name,
			.hva = rig->bytes + (places[i].first_row << 12),
			.gpa = places[i].gpa,
			.size_bytes = places[i].npages << 12,
		};

		assert_int_equal(smudge_region_add(rig->memory, &options,
						   &rig->region[i], NULL),
				 0);
		if (i != RIG_DEVICE)
			attach(rig, i, with_uffd);
	}
	for (int i = 0; i < RIG_NBATCHES; i++)
		assert_int_equal(smudge_batch_create(0, &rig->batch[i], NULL),
				 0);
	rig_open_migration(rig);
	rig_open_display(rig);
	rig_open_code(rig, RIG_CODE);
	rig_open_code(rig, RIG_MARKS);
}

void clients_rig_stop(struct clients_rig *rig)
{
	struct smudge_memory_stats stats;

	for (int i = 0; i < RIG_NBATCHES; i++) {
		smudge_client_commit(rig->migration, rig->batch[i]);
		assert_int_equal(smudge_batch_destroy(rig->batch[i]), 0);
	}
	for (int user = 0; user < RIG_NUSERS; user++)
		rig_close_user(rig, (enum rig_user)user);
	stats = fake_stats(rig->memory);
	assert_int_equal(stats.nclients, 0);
	assert_int_equal(stats.bitmap_bytes, 0);
	assert_int_equal(stats.nsources_running, 0);
	for (int i = 0; i < 2; i++) {
		if (rig->uffd[i])
			smudge_source_destroy(rig->uffd[i]);
		else
			fake_destroy(&rig->fake[i]);
	}
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	munmap(rig->bytes, (size_t)RIG_NROWS << 12);
}

/* The user's client of a region, or NULL. */
static struct smudge_client *client_of(struct clients_rig *rig, int user,
				       int region)
{
	struct smudge_code *code;

	if (user == RIG_MIGRATION)
		return rig->migration;
	if (user == RIG_DISPLAY)
		return region == RIG_VRAM ? rig->display->client : NULL;
	code = rig->code[user - RIG_CODE];
	for (size_t i = 0; i < code->nregions; i++) {
		if (code->regions[i].region == rig->region[region])
			return code->regions[i].client;
	}
	return NULL;
}

static void read_bits(struct smudge_client *client,
		      struct smudge_region *region, bool drains, bool *bits)
{
	uint64_t npages = smudge_region_npages(region);
	struct smudge_run run = {0, 0};

	memset(bits, false, npages);
	for (uint64_t page = 0; !drains && page < npages; page++)
		bits[page] = smudge_client_test(client, region, page);
	while (drains && smudge_client_next_dirty(client, region,
						  run.first_page + run.npages,
						  npages, &run))
		memset(bits + run.first_page, true, run.npages);
}

static void check_region(struct clients_rig *rig, int user, int region,
			 bool drains)
{
	static const char *const names[RIG_NUSERS] = {"migration", "display",
						      "code", "marks-only"};
	const bool *expected = &rig->dirty[user][rig_first_row(region)];
	struct smudge_client *client = client_of(rig, user, region);
	static bool bits[RIG_NROWS];

	assert_int_equal(client != NULL, rig->watches[user][region]);
	if (!client)
		return;
	read_bits(client, rig->region[region], drains, bits);
	for (uint64_t page = 0; page < rig_npages(region); page++) {
		if (bits[page] != expected[page])
			fail_msg("page %llu of %s is %s for the %s client",
				 (unsigned long long)page, places[region].name,
				 bits[page] ? "dirty" : "clean", names[user]);
	}
}

void rig_check(struct clients_rig *rig)
{
	bool drains = test_rng_below(&rig->rng, 4) != 0;

	for (int user = 0; user < RIG_NUSERS; user++)
		for (int region = 0; region < RIG_NREGIONS; region++)
			check_region(rig, user, region, drains);
}

/* Places where users meet; else anywhere. */
static uint64_t some_row(struct clients_rig *rig)
{
	static const uint64_t favourites[] = {0, 4080, RIG_RAM_PAGES - 20,
					      RIG_RAM_PAGES + 100,
					      RIG_RAM_PAGES + RIG_VRAM_PAGES};
	size_t i = test_rng_below(&rig->rng, 8);

	if (i < sizeof(favourites) / sizeof(favourites[0]))
		return favourites[i] + test_rng_below(&rig->rng, 40);
	return test_rng_below(&rig->rng, RIG_NROWS);
}

static void store(struct clients_rig *rig, uint64_t row, bool is_seen)
{
	int region = rig_region_of(row);
	uint64_t at = (row << 12) + test_rng_below(&rig->rng, 1024) * 4;

	*(volatile uint32_t *)(rig->bytes + at) += 1;
	if (region == RIG_DEVICE || !is_running(rig, region))
		return;
	if (!rig->uffd[region] && is_seen)
		fake_write(&rig->fake[region], row - rig_first_row(region));
	/* nothing is hidden from userfaultfd */
	if (rig->uffd[region] || is_seen)
		rig->pending[row] = true;
}

void rig_write_some(struct clients_rig *rig)
{
	uint64_t first = some_row(rig);
	int region = rig_region_of(first);
	uint64_t end = rig_first_row(region) + rig_npages(region);
	uint64_t n = 1 + test_rng_below(&rig->rng, 4);
	uint64_t how = test_rng_below(&rig->rng, 3);
	bool is_marked =
		how != 0 || region == RIG_DEVICE || !is_running(rig, region);

	if (test_rng_below(&rig->rng, 20) == 0)
		n = 1 + test_rng_below(&rig->rng, 300);
	if (n > end - first)
		n = end - first;
	for (uint64_t row = first; row < first + n; row++) {
		store(rig, row, how != 1);
		if (is_marked)
			rig_marked(rig, row);
	}
	if (!is_marked)
		return;
	if (how == 1)
		smudge_memory_mark_gpa(rig->memory, rig_gpa(first), n << 12);
	else
		smudge_region_mark(rig->region[region],
				   first - rig_first_row(region), n);
}
