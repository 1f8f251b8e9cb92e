/* SPDX-License-Identifier: MIT */
/*
 * The address of a migration: tcp:HOST:PORT or unix:PATH.
 *
 * Waits here end when the cancel descriptor (an eventfd) becomes readable.
 * Descriptors that are returned are blocking and close-on-exec.
 */
#ifndef VM_MIGRATION_SOCKET_H
#define VM_MIGRATION_SOCKET_H

#include <stdbool.h>

#include "base/unix_listen.h"

struct smudge_error;

struct migration_uri {
	bool is_tcp;
	char host[256];		 /* tcp; "" is every interface, or this host */
	char port[6];		 /* tcp; 0 to 65535 */
	struct socket_file file; /* unix */
};

/* Return: 0, or -EINVAL with one sentence. */
int migration_uri_parse(const char *text, struct migration_uri *ret_uri,
			struct smudge_error *err);

/* Return: 0, -ECANCELED, or -errno with one sentence. */
int migration_connect(const struct migration_uri *uri, int cancel_fd,
		      int *ret_fd, struct smudge_error *err);

/*
 * The caller owns a UNIX socket's file: migration_unlisten removes it too.
 * Return: 0, or -errno with one sentence.
 */
int migration_listen(struct migration_uri *uri, int *ret_fd,
		     struct smudge_error *err);

void migration_unlisten(const struct migration_uri *uri, int listen_fd);

/* Waits for one peer. Return: 0, -ECANCELED, or -errno with one sentence. */
int migration_accept(int listen_fd, int cancel_fd, int *ret_fd,
		     struct smudge_error *err);

/*
 * migration_listen_address - the address at which peers reach a socket
 * @uri: the one of migration_listen
 *
 * The numeric address and port that were bound: a host name may have several
 * addresses, and port 0 is any free one.
 */
struct migration_uri migration_listen_address(const struct migration_uri *uri,
					      int listen_fd);

#endif
