/* SPDX-License-Identifier: MIT */
/*
 * The machine of the rig: its memory, and the threads that write it.
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/source.h>

#include "racing.h"

enum {
	PAGE = 4096
};

void rig_track_uffd(struct rig *rig)
{
	rig->does_mark = false;
	for (size_t i = 0; i < RIG_MAX_REGIONS; i++) {
		if (!rig->regions[i].region)
			continue;
		assert_int_equal(smudge_uffd_create(&rig->sources[i], NULL), 0);
		assert_int_equal(smudge_region_attach(rig->regions[i].region,
						      rig->sources[i], 0, 0,
						      NULL),
				 0);
	}
}

void rig_pause(struct rig *rig)
{
	pthread_rwlock_wrlock(&rig->machine->running);
}

void rig_resume(struct rig *rig)
{
	pthread_rwlock_unlock(&rig->machine->running);
}

/* Map it, for I/O twice. */
static void map(struct rig_region *region, bool for_io)
{
	size_t bytes = region->max_npages * PAGE;
	int prot = PROT_READ | PROT_WRITE;
	int fd = -1;

	if (for_io) {
		fd = memfd_create(region->name, MFD_CLOEXEC);
		assert_true(fd >= 0 && !ftruncate(fd, (off_t)bytes));
		region->io_bytes = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);
		assert_true(region->io_bytes != MAP_FAILED);
	}
	region->bytes =
		mmap(NULL, bytes, prot,
		     for_io ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
	assert_true(region->bytes != MAP_FAILED);
	if (fd >= 0)
		close(fd);
}

static struct rig_region *add(struct rig *rig, const char *name, uint64_t gpa,
			      size_t npages, size_t max_npages, bool for_io)
{
	struct rig_region *region = rig->regions;
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = name,
		.gpa = gpa,
		.size_bytes = npages * PAGE,
		.max_size_bytes = max_npages * PAGE,
	};

	while (region->region)
		region++;
	assert_true(region < rig->regions + RIG_MAX_REGIONS);
	snprintf(region->name, sizeof(region->name), "%s", name);
	region->npages = npages;
	region->max_npages = max_npages;
	map(region, for_io);
	options.hva = region->bytes;
	assert_int_equal(
		smudge_region_add(rig->memory, &options, &region->region, NULL),
		0);
	return region;
}

struct rig_region *rig_add(struct rig *rig, const char *name, uint64_t gpa,
			   size_t npages, size_t max_npages)
{
	return add(rig, name, gpa, npages, max_npages, false);
}

struct rig_region *rig_add_io(struct rig *rig, const char *name, uint64_t gpa,
			      size_t npages)
{
	return add(rig, name, gpa, npages, npages, true);
}

void rig_remove(struct rig *rig, struct rig_region *region)
{
	pthread_rwlock_wrlock(&rig->running);
	assert_int_equal(smudge_region_remove(region->region, NULL), 0);
	munmap(region->bytes, region->max_npages * PAGE);
	if (region->io_bytes)
		munmap(region->io_bytes, region->max_npages * PAGE);
	region->io_bytes = NULL;
	region->region = NULL;
	pthread_rwlock_unlock(&rig->running);
}

void rig_resize(struct rig *rig, struct rig_region *region, size_t npages)
{
	pthread_rwlock_wrlock(&rig->running);
	assert_int_equal(smudge_region_resize(region->region, npages, NULL), 0);
	region->npages = npages;
	pthread_rwlock_unlock(&rig->running);
}

/* Some words of the page, then the mark. */
static void write_page(struct rig *rig, struct rig_region *region, size_t page,
		       uint32_t value)
{
	uint8_t *bytes = region->bytes + page * PAGE;

	if (region->io_bytes && value % 2) {
		racing_store(bytes, value);
		usleep(value % 8192);
		bytes = region->io_bytes + page * PAGE;
	}
	for (size_t i = 0; i < PAGE; i += value % 5 ? 64 : 4)
		racing_store(bytes + i, value * (uint32_t)(i + 1));
	if (rig->does_mark)
		smudge_region_mark(region->region, page, 1);
}

void rig_write(struct rig *rig, struct rig_region *region, size_t page,
	       uint32_t value)
{
	pthread_rwlock_rdlock(&rig->running);
	write_page(rig, region, page, value);
	pthread_rwlock_unlock(&rig->running);
}

/* Pages lose their content, as in a balloon. */
static void discard(struct rig_region *region, struct test_rng *rng)
{
	size_t page = test_rng_below(rng, region->npages);
	size_t n = 1 + test_rng_below(rng, 100);

	if (n > region->npages - page)
		n = region->npages - page;
	if (smudge_region_discard(region->region, page, n, -1, NULL))
		abort();
}

/* One write in eight clears the page, and one in a hundred discards some. */
static void write_random(struct rig *rig, struct test_rng *rng)
{
	struct rig_region *region;

	pthread_rwlock_rdlock(&rig->running);
	region = &rig->regions[test_rng_below(rng, RIG_MAX_REGIONS)];
	if (region->region && !region->io_bytes && !test_rng_below(rng, 100))
		discard(region, rng);
	else if (region->region)
		write_page(rig, region, test_rng_below(rng, region->npages),
			   test_rng_below(rng, 8) ? (uint32_t)test_rng_next(rng)
						  : 0);
	pthread_rwlock_unlock(&rig->running);
}

void rig_write_random(struct rig *rig, struct test_rng *rng, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		write_random(rig, rng);
}

static void *run_writer(void *opaque)
{
	struct rig *rig = opaque;
	struct test_rng rng = {
		atomic_fetch_add(&rig->seed, 0x9e3779b97f4a7c15)};

	while (!atomic_load(&rig->is_ending)) {
		rig_write_random(rig, &rng, 50);
		usleep(200);
	}
	return NULL;
}

void rig_start(struct rig *rig, unsigned int nwriters)
{
	atomic_store(&rig->is_ending, false);
	while (rig->nwriters < nwriters)
		assert_int_equal(pthread_create(&rig->writers[rig->nwriters++],
						NULL, run_writer, rig),
				 0);
}

void rig_stop(struct rig *rig)
{
	atomic_store(&rig->is_ending, true);
	while (rig->nwriters)
		pthread_join(rig->writers[--rig->nwriters], NULL);
}
