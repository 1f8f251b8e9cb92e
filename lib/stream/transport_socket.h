/* SPDX-License-Identifier: MIT */
/*
 * A transport over a connected stream socket (TCP or UNIX) of the caller.
 */
#ifndef LIB_STREAM_TRANSPORT_SOCKET_H
#define LIB_STREAM_TRANSPORT_SOCKET_H

#include <smudge/error.h>

#include "stream/socket_setup.h"
#include "stream/transport.h"

struct smi_transport_socket {
	struct smi_transport base; /* first: the operations cast to us */
	int fd;			   /* borrowed */
	struct smi_socket_setup setup;
};

/*
 * smi_transport_socket_open - use a socket as a transport
 * @fd: borrowed; its flags are not touched, its options are changed until the
 *      transport is closed. Closing the transport leaves it open.
 *
 * Return: 0, -ENOTSOCK (no stream socket; nothing is to be closed).
 */
int smi_transport_socket_open(struct smi_transport_socket *transport, int fd,
			      struct smudge_error *err);

#endif
