/* SPDX-License-Identifier: MIT */
/*
 * A cancel that other threads and signal handlers may request, until the work
 * commits.
 *
 * Request and commit exchange one word once. So exactly one of them is first,
 * and the return value of each says which.
 */
#ifndef LIB_STREAM_CANCEL_H
#define LIB_STREAM_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>

struct smi_cancel {
	atomic_int state; /* enum state, in cancel.c */
	int fd;		  /* eventfd, readable once a cancel was in time */
};

/*
 * smi_cancel_open - make it; smi_cancel_close undoes it
 *
 * Return: 0, -EMFILE, -ENFILE, -ENOMEM (eventfd).
 */
int smi_cancel_open(struct smi_cancel *cancel);
void smi_cancel_close(struct smi_cancel *cancel);

/*
 * smi_cancel_request - cancel, if there is still time
 *
 * Async-signal-safe: takes no lock and leaves errno alone.
 * Return: 0 (also when it was requested before), -EALREADY (too late).
 */
int smi_cancel_request(struct smi_cancel *cancel);

/*
 * smi_cancel_commit - from now on a request comes too late
 *
 * Return: false when a request came before.
 */
bool smi_cancel_commit(struct smi_cancel *cancel);

/* Was a cancel requested in time? */
bool smi_cancel_is_requested(const struct smi_cancel *cancel);

/* A descriptor that becomes readable then. */
int smi_cancel_fd(const struct smi_cancel *cancel);

#endif
