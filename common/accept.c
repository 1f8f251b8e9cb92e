/* SPDX-License-Identifier: MIT */
/*
 * Accepting connections without spinning.
 *
 * The kernel reports no event when a descriptor becomes free again. Ten
 * attempts per second cost nothing, and no client waits long.
 */
#include "common/accept.h"

#include <errno.h>
#include <time.h>

#define PAUSE_NS  INT64_C(100000000)
#define NS_PER_MS INT64_C(1000000)

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int accept_client(int listen_fd, struct sockaddr *address, socklen_t *len,
		  struct accept_pause *pause)
{
	int fd = accept4(listen_fd, address, len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int ret = fd < 0 ? -errno : fd;

	/* the queue is empty, or one connection shorter */
	if (ret >= 0 || ret == -EAGAIN || ret == -ECONNABORTED || ret == -EINTR)
		pause->until_ns = 0;
	else
		pause->until_ns = now_ns() + PAUSE_NS;
	return ret;
}

int accept_pause_ms(const struct accept_pause *pause)
{
	int64_t left_ns = pause->until_ns ? pause->until_ns - now_ns() : 0;

	return left_ns <= 0 ? 0 : (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS);
}
