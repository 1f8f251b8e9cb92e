/* SPDX-License-Identifier: MIT */
/*
 * A machine that is saved onto a block device in memory. Each commit takes a
 * snapshot, as an engine would; what the machine's memory was is kept beside
 * it.
 */
#ifndef TESTS_UNIT_CHECKPOINT_LIVE_RIG_H
#define TESTS_UNIT_CHECKPOINT_LIVE_RIG_H

#include <stdatomic.h>

#include "memory_disk.h"
#include "rig.h"

#define LIVE_MAX_SNAPSHOTS 16

struct live {
	struct rig rig; /* first: what the callbacks get */
	struct memory_disk disk;
	/* May refuse a commit, after its snapshot. */
	int (*refuse)(struct live *live);
	uint64_t others_stop_ns; /* 0: no others are waited for */
	pthread_mutex_t lock;	 /* of the rest */
	struct {
		uint64_t number; /* 0: none */
		struct memory_disk disk;
	} snapshots[LIVE_MAX_SNAPSHOTS];
	atomic_uint ncommits;	 /* read at any time */
	struct rig_moment saved; /* of the last live_checkpoint */
	struct smudge_layer_info last;
};

/* Options may be changed, then live_create. @seed: of what the device has. */
void live_open(struct live *live, const char *test_name, uint64_t disk_bytes,
	       uint64_t seed);
void live_create(struct live *live);
/* Also the checkpointer, if there is one. */
void live_close(struct live *live);

/* The device shows the moment, by all that can be read of it. */
void live_compare(const struct memory_disk *disk,
		  const struct rig_moment *moment);

/* Wait for it, which must succeed; its snapshot is the moment. */
void live_check(struct live *live, uint64_t ticket,
		const struct rig_moment *moment,
		struct smudge_layer_info *ret_info);
/* Save, wait and check. */
void live_checkpoint(struct live *live, struct smudge_layer_info *ret_info);

void live_drop_snapshots(struct live *live);

/* Save and wait; its snapshot is dropped. Return: what failed, or 0. */
int live_try(struct live *live, struct smudge_error *err);

/*
 * What the device shows opens and is verified: then it must be @one or @other
 * (NULL: none). Return: 0, or why it does not.
 */
int live_look(const struct memory_disk *disk, const struct rig_moment *one,
	      const struct rig_moment *other);

#endif
