/* SPDX-License-Identifier: MIT */
/*
 * A listening UNIX socket at a path, replacing a dead one.
 */
#ifndef VM_BASE_UNIX_LISTEN_H
#define VM_BASE_UNIX_LISTEN_H

#include "common/file.h"

struct smudge_error;

/* The path of a socket, and the identity of this process's file there. */
struct socket_file {
	char path[108]; /* as much as a sockaddr_un takes */
	struct file_identity identity;
};

/* The first @len bytes of @path. Return: 0, or -EINVAL with one sentence. */
int socket_file_set(struct socket_file *file, const char *path, size_t len,
		    const char *where, struct smudge_error *err);

/* Remove the file, unless another has its name by now. */
void socket_file_remove(const struct socket_file *file);

/*
 * unix_listen - bind and listen
 * @file: the path. A socket file without a listener is removed first. The
 *        file's identity is written on success; the caller removes the file
 * @where: the part of the program named in @err
 *
 * The descriptor is non-blocking. Return: 0, or -errno with one sentence:
 * -EADDRINUSE when another process listens there, or the path is no socket.
 */
int unix_listen(struct socket_file *file, const char *where, int *ret_fd,
		struct smudge_error *err);

#endif
