/* SPDX-License-Identifier: MIT */
/*
 * A block device in memory, with a cache that a cut of the power loses. It
 * checks what the library promises: ranges on the device, whole pages, and none
 * that overlaps another one in flight. It can fail, hang, and lie.
 */
#ifndef TESTS_UNIT_CHECKPOINT_MEMORY_DISK_H
#define TESTS_UNIT_CHECKPOINT_MEMORY_DISK_H

#include <pthread.h>
#include <stdbool.h>

#include <smudge/disk.h>

#include "support.h"

#define MEMORY_DISK_IN_FLIGHT 64

/* Which call: the number of one that writes, from 1 on; 0: none. */
struct memory_disk_when {
	uint64_t at;
	int code; /* what it returns */
};

struct memory_disk {
	struct smudge_disk disk; /* to give to the library */
	struct smudge_disk_ops ops;
	uint8_t *bytes;	 /* what reads show */
	uint8_t *stable; /* what is left without power */
	uint64_t max_write_bytes, max_zero_bytes; /* that were seen */
	bool lies;				  /* flush does nothing */
	struct memory_disk_when fail; /* from that call on, until cleared */
	uint64_t hang_at;	      /* one call waits until it is released */
	bool is_deaf;		      /* cancel does not release it */
	bool hangs_reads;	      /* all of them */
	bool is_shared; /* by two writers, whose ranges may overlap */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* The lock's. */
	uint64_t ncalls; /* write, zero and flush; reset at will */
	uint64_t nwrites, nzeros, nflushes, nreads, ncancels;
	unsigned int nhanging, generation;
	uint64_t nhung; /* that hang, or did */
	struct {
		uint64_t offset, end; /* end 0: none */
	} in_flight[MEMORY_DISK_IN_FLIGHT];
};

/* @seed: what is on it at first; 0: zeros */
void memory_disk_open(struct memory_disk *disk, uint64_t size_bytes,
		      uint64_t seed);
/* The virtual disk of a layer in a folder, as a device. */
void memory_disk_of_layer(struct memory_disk *disk, int folder_fd,
			  uint64_t number);
void memory_disk_close(struct memory_disk *disk);

/* Let the calls that hang continue. */
void memory_disk_release(struct memory_disk *disk);
/* Wait until a call hangs. */
void memory_disk_wait_hanging(struct memory_disk *disk);
/* Wait until none does any more. */
void memory_disk_wait_returned(struct memory_disk *disk);
/* Make all calls well again, and count from 0 on. */
void memory_disk_heal(struct memory_disk *disk);

/* Lose the cache, but for pages of it that happen to be written. */
void memory_disk_cut(struct memory_disk *disk, struct test_rng *rng);

/* A copy that nothing changes, as an engine's snapshot. */
void memory_disk_snapshot(struct memory_disk *disk,
			  struct memory_disk *ret_snapshot);

#endif
