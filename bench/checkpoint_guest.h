/* SPDX-License-Identifier: MIT */
/*
 * A stock QEMU whose guest beats (guests/stock/beat.c), and how long it stood:
 * the longest time between two beats, which are a millisecond apart.
 */
#ifndef BENCH_CHECKPOINT_GUEST_H
#define BENCH_CHECKPOINT_GUEST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

struct checkpoint_guest {
	pid_t pid;
	char socket[108]; /* of its QMP */
	const char *accelerator;
	int beats_fd;
	pthread_t reader;
	atomic_bool is_ready; /* all of its memory was touched */
	_Atomic uint64_t nbeats;
	_Atomic int64_t longest_ns; /* between two beats */
};

/*
 * checkpoint_guest_start - start one, and wait until it is ready
 * @name: of the case, for the row that says why there is none
 * @work: its command line
 * @disk: of its snapshots, or NULL: it has none
 *
 * Return: false: there is none here, or it was interrupted.
 */
bool checkpoint_guest_start(struct checkpoint_guest *guest, const char *name,
			    const char *work, uint64_t mib, const char *disk);
void checkpoint_guest_stop(struct checkpoint_guest *guest);

/* How long it stood at most since the last call, in ms. */
double checkpoint_guest_stood_ms(struct checkpoint_guest *guest);

/* A command of its human monitor. Return: whether it did it. */
bool checkpoint_guest_command(struct checkpoint_guest *guest,
			      const char *command);

#endif
