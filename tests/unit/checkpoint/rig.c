/* SPDX-License-Identifier: MIT */
/*
 * The machine that tests checkpoint.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/source.h>

#include "racing.h"

enum {
	PAGE = 4096
};

static void make_folder(struct rig *rig, const char *test_name)
{
	snprintf(rig->folder, sizeof(rig->folder), "/tmp/smudge-%.24s-XXXXXX",
		 test_name);
	assert_non_null(mkdtemp(rig->folder));
	rig->options.size = sizeof(rig->options);
}

static void remove_folder(struct rig *rig)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", rig->folder);
	assert_int_equal(system(command), 0);
}

void rig_open(struct rig *rig, const char *test_name)
{
	*rig = (struct rig){.does_mark = true, .machine = rig};
	make_folder(rig, test_name);
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	pthread_rwlock_init(&rig->running, NULL);
}

void rig_open_beside(struct rig *rig, struct rig *machine)
{
	*rig = (struct rig){.machine = machine, .memory = machine->memory};
	make_folder(rig, "beside");
}

static void close_machine(struct rig *rig)
{
	rig_stop(rig);
	for (size_t i = 0; i < RIG_MAX_REGIONS; i++)
		if (rig->regions[i].region)
			rig_remove(rig, &rig->regions[i]);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	pthread_rwlock_destroy(&rig->running);
	for (size_t i = 0; i < RIG_MAX_REGIONS; i++)
		if (rig->sources[i])
			smudge_source_destroy(rig->sources[i]);
}

void rig_close(struct rig *rig)
{
	if (rig->machine == rig)
		rig_stop(rig);
	rig_destroy(rig);
	if (rig->machine == rig)
		close_machine(rig);
	rig_free_moment(&rig->last);
	remove_folder(rig);
}

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

struct rig_region *rig_add(struct rig *rig, const char *name, uint64_t gpa,
			   size_t npages, size_t max_npages)
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
	region->bytes = mmap(NULL, max_npages * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(region->bytes != MAP_FAILED);
	options.hva = region->bytes;
	snprintf(region->name, sizeof(region->name), "%s", name);
	region->npages = npages;
	region->max_npages = max_npages;
	assert_int_equal(
		smudge_region_add(rig->memory, &options, &region->region, NULL),
		0);
	return region;
}

void rig_remove(struct rig *rig, struct rig_region *region)
{
	pthread_rwlock_wrlock(&rig->running);
	assert_int_equal(smudge_region_remove(region->region, NULL), 0);
	munmap(region->bytes, region->max_npages * PAGE);
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
	if (region->region && !test_rng_below(rng, 100))
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

void rig_free_moment(struct rig_moment *moment)
{
	for (size_t i = 0; i < moment->nregions; i++)
		free(moment->regions[i].bytes);
	moment->nregions = 0;
}

struct rig_moment rig_take_moment(struct rig *rig)
{
	struct rig_moment moment = rig->last;

	rig->last.nregions = 0;
	return moment;
}

static int call_hook(struct rig *rig, const char *callback)
{
	return rig->hook ? rig->hook(rig, callback) : 0;
}

/* cmocka's assertions are for the main thread: this one runs there. */
static void copy_moment(struct rig *rig)
{
	struct rig_moment *to = &rig->last;

	rig_free_moment(to);
	for (size_t i = 0; i < RIG_MAX_REGIONS; i++) {
		struct rig_region *from = &rig->machine->regions[i];

		if (!from->region)
			continue;
		memcpy(to->regions[to->nregions].name, from->name,
		       sizeof(from->name));
		to->regions[to->nregions].npages = from->npages;
		/* One may fail: that was meant for the library. */
		do
			to->regions[to->nregions].bytes =
				malloc(from->npages * PAGE);
		while (!to->regions[to->nregions].bytes);
		memcpy(to->regions[to->nregions].bytes, from->bytes,
		       from->npages * PAGE);
		to->nregions++;
	}
}

static int quiesce(void *opaque, struct smudge_error *err)
{
	struct rig *rig = opaque;
	int ret = call_hook(rig, "quiesce");

	if (ret)
		return ret;
	rig_pause(rig);
	rig->npauses++;
	return 0;
}

static int resume(void *opaque, struct smudge_error *err)
{
	struct rig *rig = opaque;

	/* Not before, since it populates all that it reads. */
	copy_moment(rig);
	rig->nresumes++;
	rig_resume(rig);
	return call_hook(rig, "resume");
}

static int save_state(void *opaque, struct smudge_checkpointer *cp,
		      struct smudge_error *err)
{
	struct rig *rig = opaque;
	int ret = call_hook(rig, "save_state");

	return ret ? ret
		   : smudge_checkpoint_add_blob(cp, "pauses", &rig->npauses,
						sizeof(rig->npauses), err);
}

static int store_full(void *opaque)
{
	struct rig *rig = opaque;

	rig->nfull++;
	return call_hook(rig, "store_full");
}

void rig_create(struct rig *rig)
{
	struct smudge_error err;

	rig->options.folder = rig->folder;
	rig->options.quiesce = quiesce;
	rig->options.resume = resume;
	rig->options.save_state = save_state;
	rig->options.store_full = store_full;
	rig->options.opaque = rig;
	if (smudge_checkpointer_create(rig->memory, &rig->options, &rig->cp,
				       &err))
		fail_msg("%s", err.message);
}

void rig_destroy(struct rig *rig)
{
	assert_int_equal(smudge_checkpointer_destroy(rig->cp), 0);
	rig->cp = NULL;
	assert_int_equal(rig->npauses, rig->nresumes);
}

uint64_t rig_save(struct rig *rig)
{
	struct smudge_error err;
	uint64_t ticket = 0;

	if (smudge_checkpointer_save(rig->cp, NULL, &ticket, &err))
		fail_msg("%s", err.message);
	return ticket;
}

void rig_check(struct rig *rig, uint64_t ticket,
	       const struct rig_moment *moment,
	       struct smudge_layer_info *ret_info)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct smudge_error err;

	if (smudge_checkpointer_wait(rig->cp, ticket, &info, &err))
		fail_msg("%s", err.message);
	rig_compare(rig, info.number, moment);
	if (ret_info)
		*ret_info = info;
}

void rig_checkpoint(struct rig *rig, struct smudge_layer_info *ret_info)
{
	uint64_t ticket = rig_save(rig);
	struct rig_moment moment = rig_take_moment(rig);

	rig_check(rig, ticket, &moment, ret_info);
	rig_free_moment(&moment);
}
