/* SPDX-License-Identifier: MIT */
/*
 * Waiting for descriptors until a deadline or a cancel. A cancel comes first
 * when both are ready.
 */
#include "stream/wait.h"

#include <errno.h>
#include <time.h>

#include "sys/clock.h"

#define NS_PER_S UINT64_C(1000000000)

int smi_wait(struct pollfd *fds, nfds_t nfds, uint64_t deadline_ns)
{
	uint64_t left_ns;
	int n;

	do {
		uint64_t now_ns = smi_sys_now_ns();
		struct timespec left;

		left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
		left = (struct timespec){
			.tv_sec = (time_t)(left_ns / NS_PER_S),
			.tv_nsec = (long)(left_ns % NS_PER_S),
		};
		n = ppoll(fds, nfds, &left, NULL);
	} while ((n < 0 && errno == EINTR) || (n == 0 && left_ns));
	if (n < 0)
		return -errno;
	if (n > 0 && fds[0].revents)
		return -ECANCELED;
	return n > 0;
}
