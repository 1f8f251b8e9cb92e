/* SPDX-License-Identifier: MIT */
/*
 * Waits with a descriptor that ends them. A handled signal does not make a wait
 * longer.
 *
 * poll(2) refuses more descriptors than RLIMIT_NOFILE allows, and another
 * process may lower that at any time (prlimit): poll is then called again a
 * little later.
 */
#include "common/wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"

#define RETRY_MS 100

static int64_t now_ms(void)
{
	return clock_now_ns() / CLOCK_NS_PER_MS;
}

static int left_ms(int64_t end_ms, int64_t timeout_ms)
{
	int64_t left = end_ms - now_ms();

	if (timeout_ms < 0)
		return -1;
	if (left > INT_MAX)
		return INT_MAX;
	return left < 0 ? 0 : (int)left;
}

static void rest(int most_ms)
{
	poll(NULL, 0, most_ms < 0 || most_ms > RETRY_MS ? RETRY_MS : most_ms);
}

int wait_ready(int fd, short events, int end_fd, int64_t timeout_ms)
{
	struct pollfd polls[] = {{end_fd, POLLIN, 0}, {fd, events, 0}};
	int64_t end_ms = now_ms() + timeout_ms;

	for (;;) {
		int n = poll(polls, 2, left_ms(end_ms, timeout_ms));

		if (n > 0)
			return polls[0].revents ? -ECANCELED : 0;
		if (n < 0 && errno == EINVAL)
			rest(left_ms(end_ms, timeout_ms));
		else if (n < 0 && errno != EINTR)
			return -errno;
		if (timeout_ms >= 0 && now_ms() >= end_ms)
			return -ETIMEDOUT;
	}
}

static int watch(int epoll_fd, int fd)
{
	struct epoll_event readable = {.events = EPOLLIN};

	if (fd < 0)
		return 0;
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &readable) < 0 ? -errno
								     : 0;
}

int wait_either(int one, int other)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int ret;

	if (epoll_fd < 0)
		return -errno;
	ret = watch(epoll_fd, one);
	if (!ret)
		ret = watch(epoll_fd, other);
	if (!ret)
		return epoll_fd;
	close(epoll_fd);
	return ret;
}

bool wait_is_over(int end_fd)
{
	struct pollfd pollfd = {end_fd, POLLIN, 0};

	return end_fd >= 0 && poll(&pollfd, 1, 0) > 0;
}
