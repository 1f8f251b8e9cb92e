/* SPDX-License-Identifier: MIT */
/*
 * smudge_region_next_populated beside others: a thread that writes, a
 * userfaultfd that tracks, one that brings missing pages, swap; and random
 * steps against a record of our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "deny.h"
#include "kinds.h"
#include "pager.h"
#include "populated_rig.h"
#include "support.h"
#include "sys/uffd.h"

#define PAGE   UINT64_C(4096)
#define NPAGES 4096

/* Linux 5.4 */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static uint8_t *map_pages(int flags)
{
	return populated_map(NPAGES, flags);
}

/* ---- a writer ----------------------------------------------------------- */

struct writer {
	uint8_t *ram;
	uint16_t order[NPAGES];
	_Atomic uint64_t nwritten;
};

static void *write_pages(void *opaque)
{
	struct writer *w = opaque;

	for (uint64_t i = 0; i < NPAGES; i++) {
		w->ram[w->order[i] * PAGE] = 1;
		/* Release pairs with the acquire in follow_writer. */
		atomic_store_explicit(&w->nwritten, i + 1,
				      memory_order_release);
	}
	return NULL;
}

/* A write that ended before the question is in the answer. */
static bool follow_writer(struct populated_rig *rig, struct writer *w)
{
	uint64_t n;

	do {
		n = atomic_load_explicit(&w->nwritten, memory_order_acquire);
		CHECK(populated_ask(rig, 0, NPAGES));
		for (uint64_t i = 0; i < n; i++)
			CHECK(rig->is_populated[w->order[i]]);
	} while (n < NPAGES);
	return true;
}

static bool write_live(int flags, struct test_rng *rng)
{
	static struct writer w;
	struct populated_rig rig;
	pthread_t thread;
	bool is_right;

	w = (struct writer){.ram = map_pages(flags)};
	CHECK(w.ram != MAP_FAILED);
	for (uint64_t i = 0; i < NPAGES; i++) {
		uint64_t k = test_rng_below(rng, i + 1);

		w.order[i] = w.order[k];
		w.order[k] = (uint16_t)i;
	}
	CHECK(populated_open(&rig, w.ram, NPAGES, 12));
	CHECK(populated_ask(&rig, 0, NPAGES));
	CHECK(pthread_create(&thread, NULL, write_pages, &w) == 0);
	is_right = follow_writer(&rig, &w);
	pthread_join(thread, NULL);
	CHECK(is_right && populated_close(&rig));
	munmap(w.ram, NPAGES * PAGE);
	return true;
}

static void test_writer(void **state)
{
	struct test_rng rng = test_rng_start(__func__);

	for (int i = 0; i < 20; i++) {
		assert_true(write_live(MAP_PRIVATE, &rng));
		assert_true(write_live(MAP_SHARED, &rng));
	}
}

/* ---- random steps ------------------------------------------------------- */

/* Fault in, or drop, some pages, and record it. */
static void step(struct test_rng *rng, uint8_t *ram, uint8_t *wanted)
{
	uint64_t first = test_rng_below(rng, NPAGES);
	uint64_t n = test_rng_below(rng, test_rng_below(rng, 4) ? 8 : 600) + 1;
	uint64_t how = test_rng_below(rng, 4);

	if (n > NPAGES - first)
		n = NPAGES - first;
	for (uint64_t i = first; how && i < first + n; i++) {
		if (how == 1)
			(void)*(volatile uint8_t *)(ram + i * PAGE);
		else
			ram[i * PAGE] = (uint8_t)(how - 2); /* zeros too */
		wanted[i] = 1;
	}
	if (how == 0) {
		madvise(ram + first * PAGE, n * PAGE, MADV_REMOVE);
		madvise(ram + first * PAGE, n * PAGE, MADV_DONTNEED);
		memset(wanted + first, 0, n);
	}
}

static bool random_steps(int flags, struct test_rng *rng)
{
	uint8_t *ram = map_pages(flags);
	uint8_t wanted[NPAGES] = {0};
	struct populated_rig rig;

	CHECK(ram != MAP_FAILED);
	CHECK(populated_open(&rig, ram, NPAGES, 12));
	for (int i = 0; i < 300; i++) {
		uint64_t first = test_rng_below(rng, NPAGES);
		uint64_t end = first + test_rng_below(rng, NPAGES - first + 1);

		step(rng, ram, wanted);
		CHECK(populated_ask(&rig, 0, NPAGES));
		CHECK(memcmp(rig.is_populated, wanted, NPAGES) == 0);
		CHECK(populated_ask(&rig, first, end));
		CHECK(memcmp(rig.is_populated + first, wanted + first,
			     end - first) == 0);
	}
	CHECK(populated_close(&rig));
	munmap(ram, NPAGES * PAGE);
	return true;
}

static void test_random(void **state)
{
	struct test_rng rng = test_rng_start(__func__);

	if (geteuid() != 0)
		test_skip_without("root", "shared memory's file is closed");
	assert_true(random_steps(MAP_PRIVATE, &rng));
	assert_true(random_steps(MAP_SHARED, &rng));
}

/* ---- write-protection --------------------------------------------------- */

static bool ask_tracked(int flags)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "test"};
	uint8_t *ram = map_pages(flags);
	struct smudge_source *source;
	struct smudge_client *client;
	struct populated_rig rig;

	CHECK(ram != MAP_FAILED && populated_open(&rig, ram, NPAGES, 12));
	ram[7 * PAGE] = ram[8 * PAGE] = 1;
	CHECK(smudge_uffd_create(&source, NULL) == 0);
	CHECK(smudge_region_attach(rig.region, source, 0, 0, NULL) == 0);
	CHECK(smudge_client_open(rig.memory, &options, &client, NULL) == 0);
	ram[100 * PAGE] = 1;
	CHECK(smudge_memory_harvest(rig.memory, NULL) == 0);
	CHECK(populated_ask(&rig, 0, NPAGES));
	CHECK(rig.is_populated[7] && rig.is_populated[8] &&
	      rig.is_populated[100]);
	/* Without CAP_SYS_ADMIN a marker looks like a page in swap. */
	CHECK(populated_count(&rig) == (geteuid() ? NPAGES : 3));
	CHECK(smudge_client_close(client) == 0);
	smudge_source_destroy(source);
	CHECK(populated_close(&rig));
	munmap(ram, NPAGES * PAGE);
	return true;
}

static bool ask_tracked_both(void *opaque)
{
	CHECK(ask_tracked(MAP_PRIVATE));
	CHECK(ask_tracked(MAP_SHARED));
	return true;
}

static void test_tracked(void **state)
{
	test_need_uffd();
	run_as(false, ask_tracked_both, NULL);
	run_as(true, ask_tracked_both, NULL);
}

/* ---- missing pages ------------------------------------------------------ */

static bool expect_awaited(struct populated_rig *rig, uint64_t first,
			   uint64_t npages)
{
	CHECK(populated_ask(rig, 0, NPAGES));
	CHECK(populated_count(rig) == npages + 1);
	CHECK(rig->is_populated[3]);
	for (uint64_t i = first; i < first + npages; i++)
		CHECK(rig->is_populated[i]);
	return true;
}

/* A pager, and beside it tracking, which is no reason to wait. */
static void with_pager(struct populated_rig *rig, uint8_t *ram, bool is_tracked)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "test"};
	static struct pager pager;
	struct smudge_source *source;
	struct smudge_client *client;

	assert_int_equal(smudge_uffd_create(&source, NULL), 0);
	if (is_tracked)
		assert_int_equal(smudge_region_attach(rig->region, source, 800,
						      400, NULL),
				 0);
	assert_int_equal(
		smudge_client_open(rig->memory, &options, &client, NULL), 0);
	pager_open(&pager, ram + 1000 * PAGE, 500);
	assert_true(expect_awaited(rig, 1000, 500));
	assert_int_equal(pager.ndelivered, 0);
	pager_close(&pager);
	assert_true(expect_awaited(rig, 3, 0));
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
}

static void test_missing(void **state)
{
	uint8_t *ram = map_pages(MAP_PRIVATE);
	struct populated_rig rig;

	test_need_uffd();
	if (geteuid() != 0)
		test_skip_without("root", "a marker looks like a page in swap");
	assert_true(populated_open(&rig, ram, NPAGES, 12));
	ram[3 * PAGE] = 1;
	assert_true(expect_awaited(&rig, 3, 0));
	with_pager(&rig, ram, false);
	with_pager(&rig, ram, true);
	assert_true(populated_close(&rig));
	munmap(ram, NPAGES * PAGE);
}

/* ---- a userfaultfd that is not the library's ---------------------------- */

static int register_foreign(uint8_t *at, uint64_t npages)
{
	uint64_t features;
	int uffd = smi_sys_uffd_open(true);

	if (uffd < 0 || smi_sys_uffd_api(uffd, 0, &features) < 0 ||
	    smi_sys_uffd_register(uffd, (uintptr_t)at, npages * PAGE,
				  SMI_SYS_UFFD_MODE_MISSING) < 0)
		return -1;
	return uffd;
}

/* Under a filter, @opaque was registered before. */
static bool ask_foreign(void *opaque)
{
	uint8_t *ram = map_pages(MAP_PRIVATE);
	bool is_denied = opaque != NULL;
	struct populated_rig rig;
	int uffd;

	ram = is_denied ? opaque : ram;
	ram[3 * PAGE] = 1;
	CHECK(populated_open(&rig, ram, NPAGES, 12));
	uffd = is_denied ? 0 : register_foreign(ram + 70 * PAGE, 200);
	CHECK(uffd >= 0);
	CHECK(expect_awaited(&rig, 70, 200));
	CHECK(populated_close(&rig));
	return true;
}

static void test_foreign(void **state)
{
	int uffd = smi_sys_uffd_open(true);

	if (uffd < 0)
		test_skip_without("uffd", "no userfaultfd");
	close(uffd);
	run_as(false, ask_foreign, NULL);
	run_as(true, ask_foreign, NULL);
}

static bool deny_and_ask(void *opaque)
{
	static const struct deny_rule no_uffd[] = {
		{.call = SYS_userfaultfd, .answer = EPERM},
		/* USERFAULTFD_IOC_NEW */
		{.call = SYS_ioctl, .arg1 = 0xaa00, .answer = EPERM},
	};
	uint8_t *ram = map_pages(MAP_PRIVATE);

	CHECK(register_foreign(ram + 70 * PAGE, 200) >= 0);
	CHECK(deny(no_uffd, 2));
	return ask_foreign(ram);
}

static void test_foreign_denied(void **state)
{
	int uffd = smi_sys_uffd_open(true);

	if (uffd < 0)
		test_skip_without("uffd", "no userfaultfd");
	close(uffd);
	run_as(false, deny_and_ask, NULL);
}

/* ---- swap --------------------------------------------------------------- */

/* Of private memory: an entry of swap. Of shared memory: not mapped any more.
 */
static bool is_in_swap(int flags, uint8_t *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (off_t)((uintptr_t)page / PAGE * sizeof(uint64_t));
	uint64_t word = 0;

	CHECK(pread(fd, &word, sizeof(word), at) == sizeof(word));
	close(fd);
	return word >> 62 == (flags & MAP_PRIVATE ? 1 : 0);
}

static bool ask_swapped(int flags)
{
	uint8_t *ram = map_pages(flags);
	struct populated_rig rig;

	CHECK(ram != MAP_FAILED && populated_open(&rig, ram, NPAGES, 12));
	for (uint64_t i = 50; i < 90; i++)
		ram[i * PAGE] = 1;
	for (int i = 0; i < 100 && !is_in_swap(flags, ram + 60 * PAGE); i++) {
		madvise(ram, NPAGES * PAGE, MADV_PAGEOUT);
		usleep(10000);
	}
	CHECK(is_in_swap(flags, ram + 60 * PAGE));
	CHECK(populated_ask(&rig, 0, NPAGES));
	CHECK(populated_count(&rig) == 40);
	CHECK(rig.is_populated[50] && rig.is_populated[89]);
	CHECK(populated_close(&rig));
	munmap(ram, NPAGES * PAGE);
	return true;
}

static void test_swap(void **state)
{
	struct sysinfo info = {0};

	if (sysinfo(&info) < 0 || info.freeswap * info.mem_unit < 64 << 20)
		test_skip_without("swap", "no swap space");
	assert_true(ask_swapped(MAP_PRIVATE));
	if (geteuid() == 0)
		assert_true(ask_swapped(MAP_SHARED));
}

TEST_MAIN(test_writer, test_random, test_tracked, test_missing, test_foreign,
	  test_foreign_denied, test_swap)
