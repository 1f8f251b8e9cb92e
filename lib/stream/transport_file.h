/* SPDX-License-Identifier: MIT */
/*
 * A transport over files and pipes: one descriptor to read from, one to write
 * to, or only one of them.
 *
 * A deadline or a cancel ends a wait for a pipe. A regular file never waits in
 * that sense: a read or write of it takes as long as the disk takes.
 */
#ifndef LIB_STREAM_TRANSPORT_FILE_H
#define LIB_STREAM_TRANSPORT_FILE_H

#include <stdbool.h>

#include <smudge/error.h>

#include "stream/transport.h"

struct smi_transport_file {
	struct smi_transport base; /* first: the operations cast to us */
	int receive_fd;		   /* ours; -1: none, or closed */
	int send_fd;		   /* likewise */
	bool receive_is_pipe;
	bool send_is_pipe;
	bool send_has_no_nowait; /* RWF_NOWAIT was refused */
};

/*
 * smi_transport_file_take_fds - use open files as a transport
 * @receive_fd: to read from, at its file position; -1: none
 * @send_fd: to write to, at its file position; -1: none
 *
 * Each is a regular file or a pipe, and is closed with the transport (send_fd
 * by end_sending already, so that a pipe's reader sees the end). The flags of
 * the descriptors are not touched: a pipe may be blocking or not. While the
 * transport is open it must be the only reader, and writer, of its pipes; if
 * another process takes the bytes or the room in between, a call may block.
 *
 * Return: 0; -EBADF (not open, or not for that direction), -EINVAL (neither a
 * regular file nor a pipe, or one descriptor for both directions). After a
 * failure the descriptors are the caller's.
 */
int smi_transport_file_take_fds(struct smi_transport_file *transport,
				int receive_fd, int send_fd,
				struct smudge_error *err);

#endif
