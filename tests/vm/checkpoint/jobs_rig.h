/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints of a machine without vCPUs, on the fake library.
 */
#ifndef TESTS_VM_CHECKPOINT_JOBS_RIG_H
#define TESTS_VM_CHECKPOINT_JOBS_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "checkpoint/checkpoint.h"
#include "fake_library.h"
#include "machine/internal.h"

struct rig {
	struct machine machine; /* without vCPUs */
	struct checkpoints *checkpoints;
	char one[32], other[32]; /* folders */
	atomic_uint nended;
	atomic_bool reads_disk;
};

/* Nothing runs yet. @usual: its folder is rig->one, unless it has one */
void open_usual(struct rig *rig, const struct checkpoint_request *usual);
void open_rig(struct rig *rig);
void close_rig(struct rig *rig);
/* Begin one; its number. */
uint64_t take(struct rig *rig, const char *folder);
/* It cannot be begun, for that reason. */
void refuse(struct rig *rig, const char *folder, int code,
	    const char *sentence);
struct checkpoint_job look(struct rig *rig, uint64_t id);
/* Wait for the end; the guest runs then. */
struct checkpoint_job end_of(struct rig *rig, uint64_t id);
/* Begin one, which succeeds. */
void complete(struct rig *rig, const char *folder);
uint64_t last_id(struct rig *rig);

#endif
