/* SPDX-License-Identifier: MIT */
/*
 * I/O into pinned pages beside harvests, for any source. Without a rule writes
 * are lost, in the same run, which shows that a test can fail; with either of
 * the two rules of memory.h (PINNED I/O) none is: the completion is marked, or
 * only harvests while nothing is in flight re-arm. A buffer that stays pinned
 * knows the first rule only.
 */
#ifndef TESTS_KERNEL_PINNED_RIG_H
#define TESTS_KERNEL_PINNED_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "pinned_calls.h"
#include "track.h"

enum pinned_rule {
	PINNED_NO_RULE,
	PINNED_MARK_WHEN_DONE,
	PINNED_REARM_WHEN_QUIESCED,
	/* a source's own: its harvests wait until nothing is in flight */
	PINNED_HARVEST_WAITS,
};

struct pinned_rig {
	const struct pinned_source *kind;
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	struct pinned_target target;
	const struct pinned_call *call;
	uint8_t *copy;
	/* a transfer holds it, for PINNED_HARVEST_WAITS */
	pthread_mutex_t in_flight;
	enum pinned_rule rule; /* of the round that runs */
	atomic_bool is_done;
	atomic_uint calls; /* that have begun or ended; odd: one runs */
	int result;
	unsigned int nrefused; /* calls that failed, or ended early */
};

struct pinned_source {
	void (*need)(void); /* skips the test without it */
	void (*create)(struct pinned_rig *rig);
	/*
	 * A call into an armed page fails with -EFAULT or ends early: pages are
	 * stored to before, and it is repeated until all of it was done.
	 */
	bool refuses;
	uint64_t npages; /* that each call fills */
	int nrounds;	 /* of each call and rule */
	int max_rounds;	 /* without a rule, until a write is lost */
	bool can_wait;	 /* it has PINNED_HARVEST_WAITS */
};

/* @flags: MAP_PRIVATE or MAP_SHARED, of anonymous memory */
void pinned_rig_open(struct pinned_rig *rig, const struct pinned_source *source,
		     int flags);
void pinned_rig_close(struct pinned_rig *rig);

void pinned_rig_open_client(struct pinned_rig *rig, enum pinned_rule rule);
/* Nothing is in flight: memory and copy are equal, and all is clean. */
void pinned_rig_make_equal(struct pinned_rig *rig, enum pinned_rule rule);

/*
 * Rounds of a transfer by rig->call beside harvests; the client is open before
 * it begins, or is opened while it is in flight. Return: those that were lost.
 */
int pinned_rig_count_lost(struct pinned_rig *rig, enum pinned_rule rule,
			  bool opens_late);

/*
 * io_uring reads a pipe that is empty: it pins nothing, and copies when there
 * is something. Meanwhile its page is harvested, taken and armed. Return: what
 * the read returned; the page is dirty if it wrote it, and clean if not.
 */
int pinned_rig_read_late(const struct pinned_source *source);

/* Every call under every rule. Skips the test if no call loses without one. */
void pinned_rig_check_calls(const struct pinned_source *source, int flags);

#endif
