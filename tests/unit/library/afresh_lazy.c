/* SPDX-License-Identifier: MIT */
/*
 * The calls of errors_begin_afresh for pagers and lazy restores.
 */
#include "afresh_calls.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/lazy.h>
#include <smudge/pager.h>

#include "folder.h"
#include "moments.h"

#define LOW_BYTES (600 * 4096)
#define ROM_BYTES (3 * 4096)

struct place {
	void *folder;
	struct smudge_chain *chain;
	struct smudge_memory *memory;
	struct smudge_region *regions[2];
	char *ram;
};

static void add_region(struct place *p, size_t i, const char *name,
		       uint64_t gpa, uint64_t size_bytes)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = name,
		.hva = p->ram + (i ? LOW_BYTES : 0),
		.gpa = gpa,
		.size_bytes = size_bytes,
	};

	assert_int_equal(
		smudge_region_add(p->memory, &options, &p->regions[i], NULL),
		0);
}

static void open_place(struct place *p, bool has_rom)
{
	struct test_rng rng = test_rng_start("afresh_lazy");
	struct moments moments;

	assert_int_equal(folder_enter(&p->folder), 0);
	moments_open(&moments, "chain");
	moments_change(&moments, &rng, false);
	moments_save(&moments, false);
	moments_close(&moments);
	p->chain = moments_chain("chain", 1);
	p->ram = mmap(NULL, LOW_BYTES + ROM_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(p->ram != MAP_FAILED);
	assert_int_equal(smudge_memory_create(&p->memory), 0);
	add_region(p, 0, "low", 0, LOW_BYTES);
	if (has_rom)
		add_region(p, 1, "rom", UINT64_C(1) << 32, ROM_BYTES);
}

static void close_place(struct place *p)
{
	assert_int_equal(smudge_memory_destroy(p->memory, NULL), 0);
	munmap(p->ram, LOW_BYTES + ROM_BYTES);
	smudge_chain_close(p->chain);
	assert_int_equal(folder_leave(&p->folder), 0);
}

/* What a machine without userfaultfd says. */
static bool is_missing(int ret)
{
	return ret == -ENOSYS || ret == -EPERM;
}

int afresh_restore_lazily(bool fails, struct smudge_error *err)
{
	struct smudge_lazy *lazy;
	struct place place;
	int ret;

	open_place(&place, !fails);
	ret = smudge_restore_lazily(place.memory, place.chain, NULL, &lazy,
				    err);
	if (ret == 0)
		assert_int_equal(smudge_lazy_end(lazy, NULL), 0);
	close_place(&place);
	return is_missing(ret) ? AFRESH_SKIP : ret;
}

static int with_lazy(bool fails, struct smudge_error *err,
		     int (*call)(struct smudge_lazy **lazy,
				 struct smudge_error *err))
{
	struct smudge_lazy_options options = {.size = sizeof(options),
					      .on_demand = true};
	struct smudge_lazy *lazy;
	struct place place;
	int ret;

	open_place(&place, true);
	ret = smudge_restore_lazily(place.memory, place.chain, &options, &lazy,
				    NULL);
	if (ret == 0) {
		if (fails)
			smudge_lazy_cancel(lazy);
		ret = call(&lazy, err);
		(void)smudge_lazy_end(lazy, NULL);
	}
	close_place(&place);
	return is_missing(ret) ? AFRESH_SKIP : ret;
}

static int wait_for(struct smudge_lazy **lazy, struct smudge_error *err)
{
	return smudge_lazy_wait(*lazy, UINT64_MAX, err);
}

static int end(struct smudge_lazy **lazy, struct smudge_error *err)
{
	int ret = smudge_lazy_end(*lazy, err);

	*lazy = NULL;
	return ret;
}

int afresh_lazy_wait(bool fails, struct smudge_error *err)
{
	return with_lazy(fails, err, wait_for);
}

int afresh_lazy_end(bool fails, struct smudge_error *err)
{
	return with_lazy(fails, err, end);
}

static int bring(void *opaque, unsigned int thread, size_t region,
		 uint64_t offset_bytes, size_t length_bytes,
		 struct smudge_error *err)
{
	return -EIO;
}

static int with_pager(size_t nregions, struct smudge_error *err,
		      int (*call)(struct smudge_pager *pager,
				  struct smudge_error *err))
{
	struct smudge_pager_options options = {
		.size = sizeof(options), .nregions = nregions, .bring = bring};
	struct smudge_pager *pager;
	struct place place;
	int ret;

	open_place(&place, true);
	options.regions = place.regions;
	ret = smudge_pager_create(place.memory, &options, &pager,
				  call ? NULL : err);
	if (ret == 0) {
		if (call)
			ret = call(pager, err);
		assert_int_equal(smudge_pager_destroy(pager), 0);
	}
	close_place(&place);
	return is_missing(ret) ? AFRESH_SKIP : ret;
}

static int install(struct smudge_pager *pager, struct smudge_error *err)
{
	return smudge_pager_install(pager, 0, 4096, 8192, NULL, NULL, err);
}

static int install_beyond(struct smudge_pager *pager, struct smudge_error *err)
{
	return smudge_pager_install(pager, 0, LOW_BYTES, 4096, NULL, NULL, err);
}

static int failure(struct smudge_pager *pager, struct smudge_error *err)
{
	return smudge_pager_failure(pager, err);
}

static int failure_after(struct smudge_pager *pager, struct smudge_error *err)
{
	smudge_pager_fail(pager, -EIO, "a test ends it");
	return smudge_pager_failure(pager, err);
}

int afresh_pager_create(bool fails, struct smudge_error *err)
{
	return with_pager(fails ? 0 : 2, err, NULL);
}

int afresh_pager_install(bool fails, struct smudge_error *err)
{
	return with_pager(2, err, fails ? install_beyond : install);
}

int afresh_pager_failure(bool fails, struct smudge_error *err)
{
	return with_pager(2, err, fails ? failure_after : failure);
}
