/* SPDX-License-Identifier: MIT */
/*
 * The machine on a device, and the naive comparison.
 */
#include "live_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/target.h"

#define PAGE 4096

/* On a thread of the library's. */
static int committed(void *opaque, const struct smudge_layer_info *info,
		     struct smudge_error *err)
{
	struct live *live = opaque;
	size_t i = 0;

	pthread_mutex_lock(&live->lock);
	atomic_fetch_add(&live->ncommits, 1);
	live->last = *info;
	while (i < LIVE_MAX_SNAPSHOTS && live->snapshots[i].number)
		i++;
	if (i == LIVE_MAX_SNAPSHOTS)
		abort();
	memory_disk_snapshot(&live->disk, &live->snapshots[i].disk);
	live->snapshots[i].number = info->number;
	pthread_mutex_unlock(&live->lock);
	return live->refuse ? live->refuse(live) : 0;
}

void live_open(struct live *live, const char *test_name, uint64_t disk_bytes,
	       uint64_t seed)
{
	*live = (struct live){.others_stop_ns = 0};
	rig_open(&live->rig, test_name);
	memory_disk_open(&live->disk, disk_bytes, seed);
	pthread_mutex_init(&live->lock, NULL);
	live->rig.options.disk = &live->disk.disk;
	live->rig.options.committed = committed;
}

void live_create(struct live *live)
{
	rig_create(&live->rig);
	/* There are no others, but in the test of that. */
	live->rig.cp->target->others_stop_ns = live->others_stop_ns;
}

void live_drop_snapshots(struct live *live)
{
	pthread_mutex_lock(&live->lock);
	for (size_t i = 0; i < LIVE_MAX_SNAPSHOTS; i++) {
		if (!live->snapshots[i].number)
			continue;
		memory_disk_close(&live->snapshots[i].disk);
		live->snapshots[i].number = 0;
	}
	pthread_mutex_unlock(&live->lock);
}

void live_close(struct live *live)
{
	if (live->rig.cp)
		rig_destroy(&live->rig);
	rig_close(&live->rig);
	rig_free_moment(&live->saved);
	live_drop_snapshots(live);
	memory_disk_close(&live->disk);
	pthread_mutex_destroy(&live->lock);
}

/* Return: are all regions of the chain those of the moment? */
static bool is_moment(struct smudge_chain *chain,
		      const struct rig_moment *moment)
{
	size_t n = smudge_chain_nregions(chain);
	bool is_equal = n == moment->nregions;

	for (size_t i = 0; i < n && is_equal; i++) {
		struct smudge_layer_region region = {.size = sizeof(region)};
		uint8_t *bytes;
		size_t k = 0;

		assert_int_equal(smudge_chain_region(chain, i, &region), 0);
		while (k < n && strcmp(moment->regions[k].name, region.name))
			k++;
		if (k == n ||
		    region.size_bytes != moment->regions[k].npages * PAGE)
			return false;
		bytes = malloc(region.size_bytes);
		assert_non_null(bytes);
		assert_int_equal(smudge_chain_read(chain, i, 0,
						   moment->regions[k].npages,
						   bytes, NULL),
				 0);
		is_equal = !memcmp(bytes, moment->regions[k].bytes,
				   region.size_bytes);
		free(bytes);
	}
	return is_equal;
}

static int open_verified(const struct memory_disk *disk,
			 struct smudge_chain **ret_chain,
			 struct smudge_error *err)
{
	int ret = smudge_chain_open_disk(&disk->disk, ret_chain, err);

	if (ret < 0)
		return ret;
	ret = smudge_chain_verify(*ret_chain, NULL, NULL, err);
	if (ret < 0)
		smudge_chain_close(*ret_chain);
	return ret;
}

void live_compare(const struct memory_disk *disk,
		  const struct rig_moment *moment)
{
	struct smudge_chain *chain;
	struct smudge_error err;

	if (open_verified(disk, &chain, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(is_moment(chain, moment));
	smudge_chain_close(chain);
}

int live_look(const struct memory_disk *disk, const struct rig_moment *one,
	      const struct rig_moment *other)
{
	struct smudge_chain *chain;
	struct smudge_error err;
	int ret = open_verified(disk, &chain, &err);

	if (ret < 0) {
		assert_int_not_equal(err.message[0], 0);
		return ret;
	}
	assert_true((one && is_moment(chain, one)) ||
		    (other && is_moment(chain, other)));
	smudge_chain_close(chain);
	return 0;
}

/* Its place; of another save a snapshot may be taken meanwhile. */
static size_t find_snapshot(struct live *live, uint64_t number)
{
	size_t i = 0;

	pthread_mutex_lock(&live->lock);
	while (i < LIVE_MAX_SNAPSHOTS && live->snapshots[i].number != number)
		i++;
	pthread_mutex_unlock(&live->lock);
	assert_true(i < LIVE_MAX_SNAPSHOTS);
	return i;
}

void live_check(struct live *live, uint64_t ticket,
		const struct rig_moment *moment,
		struct smudge_layer_info *ret_info)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct smudge_error err;
	size_t i;

	if (smudge_checkpointer_wait(live->rig.cp, ticket, &info, &err) < 0)
		fail_msg("%s", err.message);
	i = find_snapshot(live, info.number);
	live_compare(&live->snapshots[i].disk, moment);
	memory_disk_close(&live->snapshots[i].disk);
	pthread_mutex_lock(&live->lock);
	live->snapshots[i].number = 0;
	pthread_mutex_unlock(&live->lock);
	assert_string_equal(info.file_name, "disk");
	if (ret_info)
		*ret_info = info;
}

void live_checkpoint(struct live *live, struct smudge_layer_info *ret_info)
{
	uint64_t ticket = rig_save(&live->rig);
	struct rig_moment moment = rig_take_moment(&live->rig);

	live_check(live, ticket, &moment, ret_info);
	rig_free_moment(&live->saved);
	live->saved = moment;
}

int live_try(struct live *live, struct smudge_error *err)
{
	uint64_t ticket;
	int ret = smudge_checkpointer_save(live->rig.cp, NULL, &ticket, err);

	if (!ret)
		ret = smudge_checkpointer_wait(live->rig.cp, ticket, NULL, err);
	assert_int_equal(err->code, ret);
	live_drop_snapshots(live);
	return ret;
}
