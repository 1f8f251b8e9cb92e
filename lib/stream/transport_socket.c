/* SPDX-License-Identifier: MIT */
/*
 * A transport over a stream socket.
 *
 * Each call carries MSG_DONTWAIT, so the descriptor's flags stay the caller's;
 * its options are changed while the transport is open (socket_setup.c).
 */
#include "stream/transport_socket.h"

#include <errno.h>
#include <sys/socket.h>

#include "stream/wait.h"

static struct smi_transport_socket *to_socket(struct smi_transport *transport)
{
	return (struct smi_transport_socket *)transport;
}

static ssize_t socket_send_some(struct smi_transport *transport,
				const void *bytes, size_t length)
{
	ssize_t n = send(to_socket(transport)->fd, bytes, length,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	return n ? n : -EPIPE;
}

static ssize_t socket_receive_some(struct smi_transport *transport, void *bytes,
				   size_t length)
{
	ssize_t n = recv(to_socket(transport)->fd, bytes, length, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

static int socket_wait(struct smi_transport *transport, short events,
		       uint64_t deadline_ns, int cancel_fd)
{
	struct pollfd fds[] = {
		{.fd = cancel_fd, .events = POLLIN},
		{.fd = to_socket(transport)->fd, .events = events},
	};
	int ret = smi_wait(fds, 2, deadline_ns);

	return ret > 0 ? fds[1].revents : ret;
}

static bool socket_has_input(struct smi_transport *transport)
{
	char byte;
	ssize_t n = recv(to_socket(transport)->fd, &byte, 1,
			 MSG_PEEK | MSG_DONTWAIT);

	return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

static int socket_end_sending(struct smi_transport *transport)
{
	return shutdown(to_socket(transport)->fd, SHUT_WR) < 0 ? -errno : 0;
}

static void socket_shutdown(struct smi_transport *transport)
{
	/* It fails when the connection is gone, which is what is wanted. */
	(void)shutdown(to_socket(transport)->fd, SHUT_RDWR);
}

static void socket_close(struct smi_transport *transport)
{
	struct smi_transport_socket *own = to_socket(transport);

	smi_socket_restore(own->fd, &own->setup);
}

static const struct smi_transport_ops socket_ops = {
	.name = "the connection to the peer",
	.ended = "the peer closed the connection",
	.silent = "the peer was silent",
	.end_error = -ECONNRESET,
	.send_some = socket_send_some,
	.receive_some = socket_receive_some,
	.wait = socket_wait,
	.has_input = socket_has_input,
	.end_sending = socket_end_sending,
	.shutdown = socket_shutdown,
	.close = socket_close,
};

int smi_transport_socket_open(struct smi_transport_socket *transport, int fd,
			      struct smudge_error *err)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_STREAM)
		return smudge_error_set(err, -ENOTSOCK, "channel",
					"descriptor %d is not a stream socket, "
					"which a migration needs",
					fd);
	*transport = (struct smi_transport_socket){
		.base.ops = &socket_ops,
		.fd = fd,
	};
	smi_socket_setup(fd, &transport->setup);
	return 0;
}
