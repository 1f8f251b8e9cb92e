/* SPDX-License-Identifier: MIT */
/*
 * A pager whose program brings pages of a pattern, in every wrong way too:
 * pages are what was brought, or the pager fails with a sentence and what is
 * missing is inaccessible.
 */
#include <smudge/pager.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "slow.h"
#include "support.h"

#define PAGE   4096
#define NPAGES 600

enum how {
	BRINGS,
	BRINGS_MORE, /* and its neighbours */
	BRINGS_NOTHING,
	FAILS,
	RETURNS_NONSENSE,
	BRINGS_ZEROS,
};

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	uint8_t *ram;
	struct smudge_pager *pager;
	enum how how;
	atomic_int nbrought, nfailed;
	struct smudge_error why;
};

static void fill(uint8_t *page, uint64_t number)
{
	for (size_t i = 0; i < PAGE; i++)
		page[i] = (uint8_t)(number * 7 + i % 251);
}

static bool is_right(const struct rig *rig, uint64_t number)
{
	uint8_t page[PAGE];

	fill(page, number);
	return memcmp(rig->ram + number * PAGE, page, PAGE) == 0;
}

static int bring(void *opaque, unsigned int thread, size_t region,
		 uint64_t offset_bytes, size_t length_bytes,
		 struct smudge_error *err)
{
	uint64_t first = offset_bytes / PAGE;
	uint8_t pages[3 * PAGE];
	struct rig *rig = opaque;
	uint64_t n = 1;

	if (thread >= 2 || region || length_bytes != PAGE)
		return -EINVAL;
	atomic_fetch_add(&rig->nbrought, 1);
	if (rig->how == FAILS)
		return smudge_error_set(err, -ENODATA, "test", "it is lost");
	if (rig->how == RETURNS_NONSENSE)
		return 17;
	if (rig->how == BRINGS_NOTHING)
		return 0;
	if (rig->how == BRINGS_MORE && first + 3 <= NPAGES)
		n = 3;
	for (uint64_t i = 0; i < n; i++)
		fill(pages + i * PAGE, first + i);
	return smudge_pager_install(rig->pager, 0, offset_bytes, n * PAGE,
				    rig->how == BRINGS_ZEROS ? NULL : pages,
				    NULL, err);
}

static void be_told(void *opaque, const struct smudge_error *why)
{
	struct rig *rig = opaque;

	rig->why = *why;
	atomic_fetch_add(&rig->nfailed, 1);
}

static void rig_open(struct rig *rig, enum how how)
{
	struct smudge_region_options region = {
		.size = sizeof(region),
		.name = "ram",
		.size_bytes = NPAGES * PAGE,
	};
	struct smudge_pager_options options = {
		.size = sizeof(options),
		.regions = &rig->region,
		.nregions = 1,
		.bring = bring,
		.failed = be_told,
		.opaque = rig,
	};
	struct smudge_error err;

	test_need_uffd();
	*rig = (struct rig){.how = how};
	rig->ram = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(rig->ram != MAP_FAILED);
	region.hva = rig->ram;
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	assert_int_equal(
		smudge_region_add(rig->memory, &region, &rig->region, NULL), 0);
	if (smudge_pager_create(rig->memory, &options, &rig->pager, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(smudge_pager_page_bytes(rig->pager, 0), PAGE);
	assert_int_equal(smudge_pager_page_bytes(rig->pager, 1), 0);
}

static void rig_close(struct rig *rig)
{
	assert_int_equal(smudge_pager_destroy(rig->pager), 0);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	munmap(rig->ram, NPAGES * PAGE);
}

static struct smudge_pager_stats stats_of(struct rig *rig)
{
	struct smudge_pager_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_pager_stats(rig->pager, &stats), 0);
	return stats;
}

/* A page may be read just before it is counted. */
static struct smudge_pager_stats settled(struct rig *rig)
{
	struct smudge_pager_stats stats = stats_of(rig);

	while (stats.missing_bytes ||
	       stats.faults != (uint64_t)atomic_load(&rig->nbrought)) {
		usleep(1000);
		stats = stats_of(rig);
	}
	return stats;
}

static void brought(void **state)
{
	struct smudge_pager_stats stats;
	struct rig rig;

	for (int how = BRINGS; how <= BRINGS_MORE; how++) {
		rig_open(&rig, (enum how)how);
		assert_int_equal(stats_of(&rig).missing_bytes, NPAGES * PAGE);
		for (uint64_t i = 0; i < NPAGES; i++)
			assert_true(is_right(&rig, i));
		stats = settled(&rig);
		assert_int_equal(stats.missing_bytes, 0);
		assert_int_equal(stats.faults, atomic_load(&rig.nbrought));
		/* A page may be touched as its neighbours are brought. */
		assert_true(stats.faults >= NPAGES / 3);
		if (how == BRINGS)
			assert_int_equal(stats.faults, NPAGES);
		else
			assert_true(stats.faults < NPAGES);
		assert_int_equal(stats.failure, 0);
		rig_close(&rig);
	}
}

/* Pages that the program brings itself, knows as zeros, or looks for. */
static void without_faults(void **state)
{
	uint64_t start = 0, end = NPAGES * PAGE, bytes;
	uint8_t pages[4 * PAGE];
	struct rig rig;

	rig_open(&rig, BRINGS);
	for (uint64_t i = 0; i < 4; i++)
		fill(pages + i * PAGE, 10 + i);
	assert_int_equal(smudge_pager_install(rig.pager, 0, 10 * PAGE, 2 * PAGE,
					      pages, &bytes, NULL),
			 0);
	assert_int_equal(bytes, 2 * PAGE);
	/* What is there is left alone. */
	memset(rig.ram + 10 * PAGE, 0x11, PAGE);
	assert_int_equal(smudge_pager_install(rig.pager, 0, 10 * PAGE, 4 * PAGE,
					      pages, &bytes, NULL),
			 0);
	assert_int_equal(bytes, 2 * PAGE);
	assert_int_equal(rig.ram[10 * PAGE], 0x11);
	assert_true(is_right(&rig, 12));
	assert_int_equal(
		smudge_pager_know_zeros(rig.pager, 0, 12 * PAGE, 4 * PAGE),
		2 * PAGE);
	assert_int_equal(rig.ram[14 * PAGE], 0);
	assert_int_equal(atomic_load(&rig.nbrought), 0);
	assert_true(smudge_pager_next_missing(rig.pager, 0, &start, &end));
	assert_int_equal(start, 0);
	assert_int_equal(end, 10 * PAGE);
	start = end;
	end = NPAGES * PAGE;
	assert_true(smudge_pager_next_missing(rig.pager, 0, &start, &end));
	assert_int_equal(start, 16 * PAGE);
	assert_int_equal(end, NPAGES * PAGE);
	start = 10 * PAGE;
	end = 16 * PAGE;
	assert_false(smudge_pager_next_missing(rig.pager, 0, &start, &end));
	start = 0;
	assert_false(smudge_pager_next_missing(rig.pager, 1, &start, &end));
	rig_close(&rig);
}

static void zeros_are_brought(void **state)
{
	struct rig rig;

	rig_open(&rig, BRINGS_ZEROS);
	for (size_t i = 0; i < 20 * PAGE; i++)
		assert_int_equal(rig.ram[i], 0);
	assert_int_equal(atomic_load(&rig.nbrought), 20);
	rig_close(&rig);
}

#if !TEST_HAS_TSAN
static sigjmp_buf back;

static void jump_back(int signal)
{
	siglongjmp(back, 1);
}

static bool can_read(const uint8_t *at)
{
	const struct sigaction action = {.sa_handler = jump_back,
					 .sa_flags = SA_NODEFER};
	volatile bool is_there = false;

	sigaction(SIGSEGV, &action, NULL);
	if (sigsetjmp(back, 0) == 0) {
		(void)*(const volatile uint8_t *)at;
		is_there = true;
	}
	signal(SIGSEGV, SIG_DFL);
	return is_there;
}

static void fails(enum how how, int expected, const char *sentence)
{
	struct smudge_error err;
	struct rig rig;

	rig_open(&rig, BRINGS);
	assert_true(is_right(&rig, 3));
	rig.how = how;
	assert_false(can_read(rig.ram + 5 * PAGE));
	assert_false(can_read(rig.ram + 500 * PAGE));
	assert_true(is_right(&rig, 3));
	/* Also if the program, or the mprotect source, gives the access back.
	 */
	assert_int_equal(
		mprotect(rig.ram + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE),
		0);
	assert_false(can_read(rig.ram + 5 * PAGE));
	assert_int_equal(smudge_pager_failure(rig.pager, &err), expected);
	if (!strstr(err.message, sentence))
		fail_msg("%s", err.message);
	/* Nothing more is brought. */
	assert_int_equal(smudge_pager_install(rig.pager, 0, 5 * PAGE, PAGE,
					      NULL, NULL, &err),
			 -ECANCELED);
	assert_int_equal(smudge_pager_destroy(rig.pager), 0);
	assert_int_equal(atomic_load(&rig.nfailed), 1);
	assert_int_equal(rig.why.code, expected);
	assert_false(can_read(rig.ram + 5 * PAGE));
	assert_int_equal(smudge_memory_destroy(rig.memory, NULL), 0);
	munmap(rig.ram, NPAGES * PAGE);
}

static void programs_that_fail(void **state)
{
	fails(BRINGS_NOTHING, -EIO, "was not brought");
	fails(FAILS, -ENODATA, "it is lost");
	fails(RETURNS_NONSENSE, -EIO, "bring");
}

static void ended_early(void **state)
{
	struct rig rig;

	rig_open(&rig, BRINGS);
	assert_true(is_right(&rig, 3));
	assert_int_equal(smudge_pager_destroy(rig.pager), 0);
	assert_true(is_right(&rig, 3));
	assert_false(can_read(rig.ram + 4 * PAGE));
	assert_int_equal(atomic_load(&rig.nfailed), 0);
	assert_int_equal(smudge_memory_destroy(rig.memory, NULL), 0);
	munmap(rig.ram, NPAGES * PAGE);
}
#else
static void programs_that_fail(void **state)
{
	test_skip_without("signals", "ThreadSanitizer follows no jump");
}

static void ended_early(void **state)
{
	test_skip_without("signals", "ThreadSanitizer follows no jump");
}
#endif

TEST_MAIN(brought, without_faults, zeros_are_brought, programs_that_fail,
	  ended_early)
