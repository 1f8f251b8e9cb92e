/* SPDX-License-Identifier: MIT */
/*
 * A transport moves bytes: over a socket, through a pipe, to a file. The
 * channel (channel.h) has the deadlines, the cancel, the rate limit and the
 * counters, once for all transports. Nothing above the channel knows which
 * transport it uses.
 *
 * HOW TO ADD ONE
 * 1. Write lib/stream/transport_x.[ch] and name the .c file in meson.build.
 *    Declare `struct smi_transport_x` with a struct smi_transport as its first
 *    member, and an open function that fills it in. The caller owns the
 *    memory: opening a transport allocates nothing that the first record
 *    needs, so that a later -ENOMEM can still be reported to the peer.
 * 2. Write the operations below. None of them may block, but for a read or
 *    write of a regular file, which waits for the disk. None raises a signal
 *    that the program sees. smi_wait (wait.h) is most of `wait`: it polls
 *    descriptors, the cancel's first. A transport without a descriptor to poll
 *    needs one, such as an eventfd.
 * 3. If bytes may be in a buffer of the transport (TLS), `wait` and `has_input`
 *    answer for those too. `wait` may report an event although the call then
 *    returns -EAGAIN: the channel waits again. One case must be exact. If both
 *    events were asked for, report POLLIN only if a receive would return
 *    something: an interruptible channel stops its send for it, and its caller
 *    then waits for a whole record.
 * 4. Test a link over it, as tests/unit/stream/file.c does.
 * 5. A migration opens the socket's transport (migrate/sender.c, receiver.c).
 *    If users may choose yours, add a public call that opens it.
 *
 * A transport is used by one thread at a time.
 */
#ifndef LIB_STREAM_TRANSPORT_H
#define LIB_STREAM_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct smi_transport {
	const struct smi_transport_ops *ops;
};

struct smi_transport_ops {
	/* For the channel's error sentences. */
	const char *name;   /* "the connection to the peer" failed */
	const char *ended;  /* "the peer closed the connection" */
	const char *silent; /* "the peer was silent" for 30000 ms */
	int end_error;	    /* -errno of a receive at the stream's end */

	/*
	 * Send up to @length bytes, which is not 0.
	 * Return: bytes accepted, at least 1; -EAGAIN (none would be accepted
	 * now), -EINTR, or another -errno.
	 */
	ssize_t (*send_some)(struct smi_transport *transport, const void *bytes,
			     size_t length);

	/*
	 * Receive up to @length bytes, which is not 0.
	 * Return: bytes received; 0 at the end of the stream; -EAGAIN (none
	 * is there now), -EINTR, or another -errno.
	 */
	ssize_t (*receive_some)(struct smi_transport *transport, void *bytes,
				size_t length);

	/*
	 * Wait until one of @events would not be answered with -EAGAIN.
	 * @events: POLLIN (a receive), POLLOUT (a send), or both
	 * @deadline_ns: of smi_sys_now_ns()
	 * @cancel_fd: becomes readable on a cancel; -1: none
	 * Return: those that are ready, perhaps with POLLERR or POLLHUP; 0 at
	 * the deadline; -ECANCELED; or another -errno.
	 */
	int (*wait)(struct smi_transport *transport, short events,
		    uint64_t deadline_ns, int cancel_fd);

	/* True when a receive would not wait: bytes, the end, or an error. */
	bool (*has_input)(struct smi_transport *transport);

	/*
	 * Nothing more will be sent: the reader sees the end of the stream.
	 * Return: 0, or the -errno of a transport that reports only here that
	 * it lost something.
	 */
	int (*end_sending)(struct smi_transport *transport);

	/* Nothing more in either direction. Cannot fail. */
	void (*shutdown)(struct smi_transport *transport);

	/* Undo the opening, also after a shutdown. Cannot fail. */
	void (*close)(struct smi_transport *transport);
};

#endif
