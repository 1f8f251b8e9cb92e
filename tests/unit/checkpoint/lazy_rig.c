/* SPDX-License-Identifier: MIT */
/*
 * The moment is made by a checkpointer of a memory that marks what it writes.
 */
#include "lazy_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/source.h>

#include "folder.h"

static const struct {
	const char *name;
	uint64_t gpa, npages;
} regions[2] = {{"ram", 0, LAZY_NPAGES},
		{"high", UINT64_C(1) << 32, LAZY_HIGH}};

#define SPARSE_NPAGES (UINT64_C(1) << 17)

static uint8_t *models[2];

static uint64_t bytes_of(size_t region)
{
	return regions[region].npages * LAZY_PAGE;
}

/* The second quarter of "ram" is never touched. */
static bool is_hole(size_t region, uint64_t page)
{
	return region == 0 && page >= LAZY_NPAGES / 4 && page < LAZY_NPAGES / 2;
}

static void fill_page(uint8_t *page, struct test_rng *rng)
{
	uint64_t how = test_rng_below(rng, 8);
	uint64_t word = test_rng_next(rng);

	for (uint64_t i = 0; i < LAZY_PAGE; i += 8) {
		uint64_t value = how == 0  ? 0
				 : how < 4 ? test_rng_next(rng)
					   : word;

		memcpy(page + i, &value, 8);
	}
}

static struct smudge_region *add_region(struct smudge_memory *memory, size_t i,
					void *hva)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = regions[i].name,
		.hva = hva,
		.gpa = regions[i].gpa,
		.size_bytes = bytes_of(i),
	};
	struct smudge_region *region;
	struct smudge_error err;

	if (smudge_region_add(memory, &options, &region, &err) < 0)
		fail_msg("%s", err.message);
	return region;
}

static void change(struct smudge_region *const *of, uint64_t percent,
		   struct test_rng *rng)
{
	for (size_t i = 0; i < 2; i++) {
		for (uint64_t page = 0; page < regions[i].npages; page++) {
			if (is_hole(i, page) ||
			    test_rng_below(rng, 100) >= percent)
				continue;
			fill_page(models[i] + page * LAZY_PAGE, rng);
			smudge_region_mark(of[i], page, 1);
		}
	}
}

static void add_sparse(struct smudge_memory *memory)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "sparse",
		.hva = mmap(NULL, SPARSE_NPAGES * LAZY_PAGE,
			    PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
		.gpa = UINT64_C(1) << 40,
		.size_bytes = SPARSE_NPAGES * LAZY_PAGE,
	};
	struct smudge_region *region;

	assert_true(options.hva != MAP_FAILED);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
}

void lazy_save(struct test_rng *rng, bool is_large)
{
	struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = "chain",
	};
	struct smudge_checkpointer *cp;
	struct smudge_region *of[2];
	struct smudge_memory *memory;
	struct smudge_error err;

	assert_int_equal(smudge_memory_create(&memory), 0);
	for (size_t i = 0; i < 2; i++) {
		models[i] = mmap(NULL, bytes_of(i), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(models[i] != MAP_FAILED);
		of[i] = add_region(memory, i, models[i]);
	}
	if (is_large)
		add_sparse(memory);
	assert_int_equal(
		smudge_checkpointer_create(memory, &options, &cp, &err), 0);
	for (int i = 0; i < LAZY_NLAYERS; i++) {
		uint64_t ticket;

		change(of, i ? 20 : 90, rng);
		if (smudge_checkpointer_save(cp, NULL, &ticket, &err) < 0 ||
		    smudge_checkpointer_wait(cp, ticket, NULL, &err) < 0)
			fail_msg("%s", err.message);
	}
	assert_int_equal(smudge_checkpointer_destroy(cp), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

void lazy_forget(void)
{
	for (size_t i = 0; i < 2; i++)
		munmap(models[i], bytes_of(i));
}

int lazy_enter(void **state, const char *test_name, bool is_large)
{
	struct test_rng rng = test_rng_start(test_name);

	if (folder_enter(state) < 0)
		return -1;
	lazy_save(&rng, is_large);
	return 0;
}

int lazy_leave(void **state)
{
	lazy_forget();
	return folder_leave(state);
}

const uint8_t *lazy_model(size_t region)
{
	return models[region];
}

bool lazy_model_is_zero(size_t region, uint64_t page)
{
	static const uint8_t zeros[LAZY_PAGE];

	return memcmp(models[region] + page * LAZY_PAGE, zeros, LAZY_PAGE) == 0;
}

static int flags_of(enum lazy_kind kind)
{
	switch (kind) {
	case LAZY_SHARED:
		return MAP_SHARED | MAP_ANONYMOUS;
	case LAZY_MEMFD_SHARED:
		return MAP_SHARED;
	case LAZY_MEMFD_PRIVATE:
		return MAP_PRIVATE;
	case LAZY_HUGETLB:
		return MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26;
	case LAZY_HUGETLB_SHARED:
		return MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26;
	default:
		return MAP_PRIVATE | MAP_ANONYMOUS;
	}
}

/* At a multiple of a huge page. */
static uint8_t *map_aligned(uint64_t bytes, int flags, int fd)
{
	uint8_t *room =
		mmap(NULL, bytes + LAZY_HUGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *at = room + (-(uintptr_t)room & (LAZY_HUGE - 1));
	uint8_t *map;

	assert_true(room != MAP_FAILED);
	map = mmap(at, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	if (map != MAP_FAILED) {
		if (at > room)
			munmap(room, (size_t)(at - room));
		munmap(at + bytes, LAZY_HUGE - (size_t)(at - room));
		return map;
	}
	munmap(room, bytes + LAZY_HUGE);
	return NULL;
}

static void map_region(struct lazy_rig *rig, size_t i)
{
	bool is_file = rig->kind == LAZY_MEMFD_SHARED ||
		       rig->kind == LAZY_MEMFD_PRIVATE;
	uint64_t bytes = bytes_of(i);

	rig->fds[i] = -1;
	rig->npages[i] = regions[i].npages;
	if (is_file) {
		rig->fds[i] = memfd_create("lazy", MFD_CLOEXEC);
		assert_true(rig->fds[i] >= 0 &&
			    ftruncate(rig->fds[i], (off_t)bytes) == 0);
	}
	rig->ram[i] = map_aligned(bytes, flags_of(rig->kind), rig->fds[i]);
	rig->is_huge = rig->kind >= LAZY_HUGETLB && rig->ram[i];
	if (!rig->ram[i])
		rig->ram[i] = map_aligned(bytes, flags_of(LAZY_PRIVATE), -1);
	assert_non_null(rig->ram[i]);
	if (rig->kind == LAZY_THP)
		(void)madvise(rig->ram[i], bytes, MADV_HUGEPAGE);
}

void lazy_open(struct lazy_rig *rig, enum lazy_kind kind)
{
	const struct smudge_chain_options options = {.size = sizeof(options),
						     .folder = "chain"};
	struct smudge_error err;

	*rig = (struct lazy_rig){.kind = kind};
	rig->options.size = sizeof(rig->options);
	rig->options.regions = rig->regions;
	rig->options.nregions = 2;
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	for (size_t i = 0; i < 2; i++) {
		map_region(rig, i);
		rig->regions[i] = add_region(rig->memory, i, rig->ram[i]);
		rig->model[i] = models[i];
	}
	if (smudge_chain_open(&options, &rig->chain, &err) < 0)
		fail_msg("%s", err.message);
}

void lazy_track(struct lazy_rig *rig)
{
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(smudge_uffd_create(&rig->sources[i], NULL), 0);
		assert_int_equal(smudge_region_attach(rig->regions[i],
						      rig->sources[i], 0, 0,
						      NULL),
				 0);
	}
}

void lazy_close(struct lazy_rig *rig)
{
	assert_null(rig->lazy);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		smudge_source_destroy(rig->sources[i]);
		munmap(rig->ram[i], bytes_of(i));
		if (rig->fds[i] >= 0)
			close(rig->fds[i]);
	}
	smudge_chain_close(rig->chain);
}

void lazy_begin(struct lazy_rig *rig)
{
	struct smudge_error err;

	if (smudge_restore_lazily(rig->memory, rig->chain, &rig->options,
				  &rig->lazy, &err) < 0)
		fail_msg("kind %d: %s", rig->kind, err.message);
}

void lazy_end(struct lazy_rig *rig)
{
	struct smudge_error err;

	if (smudge_lazy_end(rig->lazy, &err) < 0)
		fail_msg("%s", err.message);
	rig->lazy = NULL;
}

bool lazy_is_right(const struct lazy_rig *rig, size_t region, uint64_t page)
{
	return memcmp(rig->ram[region] + page * LAZY_PAGE,
		      models[region] + page * LAZY_PAGE, LAZY_PAGE) == 0;
}

void lazy_check_all(const struct lazy_rig *rig)
{
	for (size_t i = 0; i < 2; i++) {
		for (uint64_t page = 0; page < rig->npages[i]; page++) {
			if (!lazy_is_right(rig, i, page))
				fail_msg("kind %d: page %ju of %s", rig->kind,
					 (uintmax_t)page, regions[i].name);
		}
	}
}

struct smudge_lazy_stats lazy_stats(const struct lazy_rig *rig)
{
	struct smudge_lazy_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_lazy_stats(rig->lazy, &stats), 0);
	return stats;
}
