/* SPDX-License-Identifier: MIT */
/*
 * The options of a caller's socket.
 *
 * The stream is small records that wait for an answer, between long ones:
 * ROUND_END, END, GO. Nagle's algorithm holds such a record back until the
 * peer has acknowledged the one before, which the peer delays by 40 ms, all of
 * it downtime; a corked socket holds it for 200 ms. With SO_RCVLOWAT above 1,
 * poll() on TCP stays silent though an answer of 24 bytes is there. With
 * SO_PEEK_OFF set, MSG_PEEK before GO would not see a REFUSE.
 *
 * What needs no change: O_NONBLOCK, SO_SNDTIMEO and SO_RCVTIMEO have no effect
 * on calls with MSG_DONTWAIT, nor SIGPIPE on those with MSG_NOSIGNAL. Buffer
 * sizes, keepalive and pacing by the kernel are the caller's to choose.
 */
#include "stream/socket_setup.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static const struct option {
	int level;
	int name;
	int wanted;
} options[SMI_SOCKET_OPTIONS] = {
	{IPPROTO_TCP, TCP_CORK, 0},
	{IPPROTO_TCP, TCP_NODELAY, 1},
	{SOL_SOCKET, SO_RCVLOWAT, 1},
	{SOL_SOCKET, SO_PEEK_OFF, -1},
};

void smi_socket_setup(int fd, struct smi_socket_setup *ret_setup)
{
	*ret_setup = (struct smi_socket_setup){0};
	for (int i = 0; i < SMI_SOCKET_OPTIONS; i++) {
		const struct option *option = &options[i];
		socklen_t size = sizeof(int);
		int value;

		/* Sockets other than TCP have no TCP_NODELAY and TCP_CORK. */
		if (getsockopt(fd, option->level, option->name, &value, &size) <
			    0 ||
		    value == option->wanted)
			continue;
		ret_setup->callers[i] = value;
		ret_setup->is_changed[i] =
			setsockopt(fd, option->level, option->name,
				   &option->wanted, sizeof(int)) == 0;
	}
}

void smi_socket_restore(int fd, const struct smi_socket_setup *setup)
{
	for (int i = 0; i < SMI_SOCKET_OPTIONS; i++) {
		/* It was the socket's value before, so it cannot be refused. */
		if (setup->is_changed[i])
			(void)setsockopt(fd, options[i].level, options[i].name,
					 &setup->callers[i], sizeof(int));
	}
}
