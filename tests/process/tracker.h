/* SPDX-License-Identifier: MIT */
/*
 * Processes that attach to another one, and are disturbed at a step of it.
 */
#ifndef TESTS_PROCESS_TRACKER_H
#define TESTS_PROCESS_TRACKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <smudge/error.h>

enum tracker_work {
	TRACKER_ATTACHES, /* and uses the userfaultfd */
	TRACKER_HOLDS,	  /* the process stands, and runs on */
};

enum tracker_disturbance {
	TRACKER_KILL, /* the process that attaches; its guardian completes */
	TRACKER_KILL_GUARDIAN,
	TRACKER_STOP_GUARDIAN, /* for some ms, in which the target stands */
};

/*
 * tracker_disturbed - do @work with @pid in a child, and disturb it at step
 *      @step
 *
 * Waits until the child and its guardian have ended. A child that was not
 * disturbed must have done it.
 * Return: was there a step @step? @ret_name receives its name.
 */
bool tracker_disturbed(pid_t pid, enum tracker_work work,
		       enum tracker_disturbance disturbance, unsigned int step,
		       char ret_name[32]);

/*
 * tracker_use - attach, write-protect the range, and leave
 *
 * Return: 0 or -errno, and its sentence in @ret_text.
 */
int tracker_use(pid_t pid, uint64_t first_page, uint64_t npages,
		char ret_text[200]);

/* Stop it for longer, and let it run. Return: as above. */
int tracker_hold(pid_t pid, char ret_text[200]);

/* Attach and leave. Return: 0 or -errno. */
int tracker_attach(pid_t pid, unsigned int timeout_ms,
		   struct smudge_error *err);

#endif
