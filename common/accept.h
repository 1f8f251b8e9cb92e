/* SPDX-License-Identifier: MIT */
/*
 * Accepting connections without spinning.
 *
 * A connection that cannot be accepted because no descriptor is free stays in
 * the queue, and its listener stays readable: a program that polls it again at
 * once keeps a processor busy until a descriptor is free.
 */
#ifndef COMMON_ACCEPT_H
#define COMMON_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* The time before which a listener is not polled; zeros: no pause. */
struct accept_pause {
	int64_t until_ns; /* CLOCK_MONOTONIC */
};

/*
 * accept_client - the next connection, non-blocking and close-on-exec
 * @address, @len: as accept(2)'s; NULL for none
 * @pause: begins if this fails for another reason than an empty queue
 *
 * Return: a descriptor, or -errno. After -EMFILE and the like the caller must
 * not poll @listen_fd until the pause is over.
 */
int accept_client(int listen_fd, struct sockaddr *address, socklen_t *len,
		  struct accept_pause *pause);

/* Milliseconds left of the pause, 0 if there is none; for poll's timeout. */
int accept_pause_ms(const struct accept_pause *pause);

#endif
