/* SPDX-License-Identifier: MIT */
/*
 * The connection of a VNC viewer.
 */
#include "vnc_connect.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <smudge/error.h>

#include "clock.h"
#include "common/wait.h"

#define WHERE "viewer"

/* Non-blocking, as libvncclient needs it. 0 or -errno. */
static int connect_once(const struct addrinfo *address, int *ret_fd)
{
	socklen_t len = sizeof(int);
	int fd = socket(address->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int code = 0;
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		ret = -errno;
	if (ret == -EINPROGRESS)
		ret = wait_ready(fd, POLLOUT, interrupt_end_fd(),
				 VNC_CONNECT_MS);
	if (!ret && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		ret = -errno;
	if (!ret)
		ret = -code;
	if (ret)
		close(fd);
	else
		*ret_fd = fd;
	return ret;
}

int vnc_connect(const char *host, int port, int *ret_fd,
		struct smudge_error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char service[16];
	int ret;

	snprintf(service, sizeof(service), "%d", port);
	ret = getaddrinfo(host, service, &hints, &list);
	if (ret)
		return smudge_error_set(err, -ENOENT, WHERE,
					"the host %.60s has no address: %s",
					host, gai_strerror(ret));
	ret = -ENOENT;
	for (const struct addrinfo *at = list; at && ret; at = at->ai_next)
		ret = connect_once(at, ret_fd);
	freeaddrinfo(list);
	if (ret)
		return smudge_error_set(err, ret, WHERE,
					"no VNC server at %.60s port %d: %s",
					host, port, strerror(-ret));
	return 0;
}
