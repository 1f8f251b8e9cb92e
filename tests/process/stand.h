/* SPDX-License-Identifier: MIT */
/*
 * A process that a test stops for longer than a call. Each of these fails the
 * test unless it succeeds.
 */
#ifndef TESTS_PROCESS_STAND_H
#define TESTS_PROCESS_STAND_H

#include <sys/types.h>

#include <smudge/client.h>
#include <smudge/process.h>

#include "rig.h"

#define STAND_PAGES 64 /* of a rig's memory that is tracked */

struct stand {
	pid_t pid;
	struct smudge_memory *memory;
	struct smudge_process *process;
	struct smudge_client *client; /* of all regions */
};

extern const struct smudge_process_options stand_by_uffd;

void stand_open(struct stand *s, pid_t pid,
		const struct smudge_process_options *options);
/* It need not be alive. */
void stand_close(struct stand *s);

/* All its threads stand afterwards, as /proc shows. */
void stand_stop(struct stand *s);
void stand_continue(struct stand *s);

void stand_harvest(struct stand *s);
struct smudge_process_stats stand_stats(struct stand *s);

/* For a moment, no thread of the rig makes progress. */
void stand_expect_still(const struct rig *rig);

/*
 * While it stands, with a writer in it: the memory that is tracked is that of
 * one moment, and each page that has another number than in @numbers is dirty.
 * @numbers receives the numbers, and the pages are clean.
 */
void stand_expect_memory(struct stand *s, const struct rig *rig,
			 uint64_t numbers[STAND_PAGES]);

#endif
