/* SPDX-License-Identifier: MIT */
/*
 * A machine made of memory and threads, and another like it: what migration
 * tests move from one to the other inside one process.
 */
#ifndef TESTS_UNIT_MIGRATE_MIGRATE_RIG_H
#define TESTS_UNIT_MIGRATE_MIGRATE_RIG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/memory.h>
#include <smudge/migrate.h>

#include "stream/link.h"
#include "stream/transport_socket.h"
#include "support.h"

#define RIG_REGIONS 2

struct rig_side {
	struct smudge_memory *memory;
	struct smudge_region *regions[RIG_REGIONS];
	uint8_t *hva[RIG_REGIONS];
};

struct rig {
	unsigned int page_shift;      /* of both regions; set before rig_open */
	uint64_t npages[RIG_REGIONS]; /* likewise */
	struct rig_side source;
	struct rig_side destination;
	int fds[2]; /* source's end, destination's end; -1 once closed */
	struct smi_transport_socket by_hand; /* of rig_link_open */
	struct smudge_migration *sending;
	struct smudge_migration *receiving;

	/* What happened at the source. */
	int stops;
	int resumes;
	int rounds_wanted; /* of policy_rounds */
	int stop_error;	   /* what machine_stop and state_save shall return */
	int save_error;
	size_t state_bytes;
	pthread_t sender; /* of rig_start_sender */
	int send_error;
	struct smudge_error send_err;
	struct smudge_migrate_stats at_policy; /* of the last round */
	uint64_t most_dirty_ps;		       /* of any round */

	/* The destination's thread. */
	pthread_t receiver;
	int receive_error;
	struct smudge_error receive_err;
	int load_error; /* what state_load shall return */
	bool state_is_right;

	/* A thread that writes the source's memory and marks it. */
	pthread_t writer;
	struct test_rng rng;
	atomic_bool writer_ends;
	pthread_mutex_t lock; /* guards the next two */
	pthread_cond_t changed;
	bool is_halted;	  /* machine_stop wants the writer to stand */
	bool is_standing; /* it does */
	atomic_ulong writes;
};

/* 8 MiB and 256 KiB of 4 KiB pages unless set before. */
void rig_open(struct rig *rig, const char *test_name);
void rig_close(struct rig *rig);

void rig_start_receiver(struct rig *rig);
void rig_join_receiver(struct rig *rig);

void rig_start_writer(struct rig *rig);
void rig_end_writer(struct rig *rig);

/* smudge_migrate_send with the rig's callbacks. */
struct smudge_migrate_send_options rig_send_options(struct rig *rig);
int rig_send(struct rig *rig, const struct smudge_migrate_send_options *with);

/* The same on a thread of its own. */
void rig_start_sender(struct rig *rig);
void rig_join_sender(struct rig *rig);

/* A policy: CONTINUE until rig->rounds_wanted rounds are done. */
struct smudge_migrate_stats rig_stats(struct smudge_migration *migration);
enum smudge_migrate_decision
rig_policy(const struct smudge_migrate_stats *stats,
	   const struct smudge_migrate_limits *limits, void *opaque);

/* The send failed so, the machine was never stopped or runs again, and nothing
 * is tracked any more. */
void rig_assert_went_back(struct rig *rig, int error, const char *words);

/* It took less than 30 s, the timeout of a silent peer. */
void rig_assert_was_prompt(struct rig *rig);

/* Nothing tracks the source's memory, and nothing is held for it. */
void rig_assert_untracked(struct rig *rig);
/* Both memories hold the same bytes. */
void rig_assert_equal(struct rig *rig);

/*
 * A receiver by hand: it takes the sender's records and answers as it should,
 * until @stop_at comes for the @nth time; that one is not answered.
 */
void rig_link_open(struct rig *rig, struct smi_link *link);
/* The same for a sender by hand. */
void rig_link_open_sender(struct rig *rig, struct smi_link *link);
void rig_serve_until(struct smi_link *link, uint32_t stop_at, int nth);
/*
 * For a sender with a short timeout, which a busy machine may let pass. Return:
 * whether it came.
 */
bool rig_try_to_serve_until(struct smi_link *link, uint32_t stop_at, int nth);
/* The same until the sender's stream ends; it may end any way. Return: the
 * code of its ABORT, 0 if none came. */
uint32_t rig_serve(struct smi_link *link);
void rig_close_destination(struct rig *rig);

#endif
