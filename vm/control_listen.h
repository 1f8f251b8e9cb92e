/* SPDX-License-Identifier: MIT */
/*
 * A listening UNIX socket at a path, replacing a dead one, and the option
 * that names one.
 */
#ifndef VM_CONTROL_LISTEN_H
#define VM_CONTROL_LISTEN_H

struct smudge_error;

/*
 * unix_listen - bind and listen at @path
 * @path: a socket file there that nobody listens on is removed first
 * @where: the part named in @err
 *
 * The descriptor is non-blocking. Return: 0, or -errno with one sentence:
 * -EADDRINUSE when somebody listens there, or the path is no socket.
 */
int unix_listen(const char *path, const char *where, int *ret_fd,
		struct smudge_error *err);

/*
 * qmp_socket_path - the path in "unix:PATH,server=on,wait=off"
 * @ret_path: a copy, freed by the caller also after a failure
 *
 * Return: 0, or -errno with one sentence.
 */
int qmp_socket_path(const char *spec, char **ret_path,
		    struct smudge_error *err);

#endif
