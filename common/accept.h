/* SPDX-License-Identifier: MIT */
/*
 * Accepting connections without spinning.
 *
 * A connection that cannot be accepted for want of a descriptor stays in
 * the queue, and its listener stays readable: whoever polls it again at once
 * keeps a processor busy until some descriptor is free.
 */
#ifndef COMMON_ACCEPT_H
#define COMMON_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* A listener is not looked at before this; zeros: it is. */
struct accept_pause {
	int64_t until_ns; /* CLOCK_MONOTONIC */
};

/*
 * accept_client - the next connection, non-blocking and close-on-exec
 * @address, @len: as accept(2)'s; NULL for none
 * @pause: begins when this fails for another reason than an empty queue
 *
 * Return: a descriptor, or -errno; -EMFILE and others of the kind begin the
 * pause, during which the caller does not poll @listen_fd.
 */
int accept_client(int listen_fd, struct sockaddr *address, socklen_t *len,
		  struct accept_pause *pause);

/* Milliseconds left of the pause, 0 without one; for poll's time limit. */
int accept_pause_ms(const struct accept_pause *pause);

#endif
