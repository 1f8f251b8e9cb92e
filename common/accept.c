/* SPDX-License-Identifier: MIT */
/*
 * Accepting connections without spinning.
 *
 * The kernel reports no event when a descriptor becomes free again. Ten
 * attempts per second cost nothing, and no client waits long.
 */
#include "common/accept.h"

#include <errno.h>

#include "common/clock.h"

#define PAUSE_NS INT64_C(100000000)

int accept_client(int listen_fd, struct sockaddr *address, socklen_t *len,
		  struct accept_pause *pause)
{
	int fd = accept4(listen_fd, address, len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int ret = fd < 0 ? -errno : fd;

	/* the queue is empty, or one connection shorter */
	if (ret >= 0 || ret == -EAGAIN || ret == -ECONNABORTED || ret == -EINTR)
		pause->until_ns = 0;
	else
		pause->until_ns = clock_now_ns() + PAUSE_NS;
	return ret;
}

int accept_pause_ms(const struct accept_pause *pause)
{
	int64_t left_ns =
		pause->until_ns ? pause->until_ns - clock_now_ns() : 0;

	return left_ns <= 0 ? 0
			    : (int)((left_ns + CLOCK_NS_PER_MS - 1) /
				    CLOCK_NS_PER_MS);
}
