/* SPDX-License-Identifier: MIT */
/*
 * A machine to checkpoint: regions of this process's memory, threads that write
 * them and mark what they wrote, and a pause that stops them. While it is
 * paused the rig copies everything: that is what the layer must bring back.
 */
#ifndef TESTS_UNIT_CHECKPOINT_RIG_H
#define TESTS_UNIT_CHECKPOINT_RIG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <smudge/checkpoint.h>
#include <smudge/memory.h>

#include "support.h"

#define RIG_MAX_REGIONS 8
#define RIG_MAX_WRITERS 4

struct rig_region {
	struct smudge_region *region; /* NULL: none */
	char name[16];
	uint8_t *bytes;
	uint8_t *io_bytes; /* a second mapping that nothing tracks, or NULL */
	size_t npages;	   /* of 4 KiB */
	size_t max_npages; /* mapped */
};

/* All of the memory at one moment. */
struct rig_moment {
	size_t nregions;
	struct {
		char name[16];
		uint8_t *bytes;
		size_t npages;
	} regions[RIG_MAX_REGIONS];
};

struct rig {
	struct rig *machine; /* whose memory and threads: itself, mostly */
	struct smudge_memory *memory;
	struct smudge_source *sources[RIG_MAX_REGIONS]; /* uffd, or NULL */
	struct rig_region regions[RIG_MAX_REGIONS];
	char folder[64];
	struct smudge_checkpointer *cp;
	struct smudge_checkpointer_options options;

	pthread_rwlock_t running; /* held for each write; to pause, for all */
	bool does_mark;		  /* else a source detects */
	atomic_bool is_ending;
	unsigned int nwriters;
	pthread_t writers[RIG_MAX_WRITERS];
	_Atomic uint64_t seed;
	unsigned int npauses, nresumes;
	struct rig_moment last; /* of the last pause */
	int (*hook)(struct rig *rig, const char *callback); /* may fail it */
	unsigned int nfull; /* calls of store_full */
};

void rig_open(struct rig *rig, const char *test_name);
/* Another checkpointer of @machine's memory, closed before it. */
void rig_open_beside(struct rig *rig, struct rig *machine);
/* The kernel detects what is written to the regions: no marks any more. */
void rig_track_uffd(struct rig *rig);
void rig_pause(struct rig *rig);
void rig_resume(struct rig *rig);
/* The machine's threads have ended; the folder is removed. */
void rig_close(struct rig *rig);

/* A region of @npages of 4 KiB pages, of @max_npages mapped, all zeros. */
struct rig_region *rig_add(struct rig *rig, const char *name, uint64_t gpa,
			   size_t npages, size_t max_npages);
/*
 * The same on shared memory. Half of the writes are I/O: the page is pinned,
 * which is detected, and written later, which is not. A pause waits for it.
 */
struct rig_region *rig_add_io(struct rig *rig, const char *name, uint64_t gpa,
			      size_t npages);
void rig_remove(struct rig *rig, struct rig_region *region);
void rig_resize(struct rig *rig, struct rig_region *region, size_t npages);
/* Write a page and mark it. */
void rig_write(struct rig *rig, struct rig_region *region, size_t page,
	       uint32_t value);
/* @n pages anywhere. */
void rig_write_random(struct rig *rig, struct test_rng *rng, unsigned int n);

void rig_start(struct rig *rig, unsigned int nwriters);
void rig_stop(struct rig *rig);

/*
 * The checkpointer, with rig->options: callbacks are set here, and the folder,
 * unless there is a disk.
 */
void rig_create(struct rig *rig);
void rig_destroy(struct rig *rig);

/* Save, which must succeed. Return: the ticket. */
uint64_t rig_save(struct rig *rig);
/* Wait for it, which must succeed; the layer is @moment. */
void rig_check(struct rig *rig, uint64_t ticket,
	       const struct rig_moment *moment,
	       struct smudge_layer_info *ret_info);
/* Save, wait and check. */
void rig_checkpoint(struct rig *rig, struct smudge_layer_info *ret_info);

/* The moment becomes the caller's. */
struct rig_moment rig_take_moment(struct rig *rig);
void rig_free_moment(struct rig_moment *moment);

/* Fails unless layer @number of the folder is @moment. */
void rig_compare(struct rig *rig, uint64_t number,
		 const struct rig_moment *moment);

#endif
