/* SPDX-License-Identifier: MIT */
/*
 * Connect, listen and accept for migrations.
 *
 * A connect is non-blocking so that it can be cancelled. The library takes the
 * descriptor as it is, and sets what a stream needs itself.
 */
#include "migration/socket.h"

#include "common/accept.h"
#include "common/wait.h"
#include "base/unix_listen.h"

#include <smudge/error.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int finish_connect(int fd, int cancel_fd)
{
	socklen_t len = sizeof(int);
	int code = 0;
	int ret = wait_ready(fd, POLLOUT, cancel_fd, WAIT_FOR_EVER);

	if (ret)
		return ret;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		return -errno;
	return -code;
}

static int connect_to(const struct sockaddr *address, socklen_t len,
		      int cancel_fd, int *ret_fd)
{
	int fd = socket(address->sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, len) < 0)
		ret = -errno;
	if (ret == -EINPROGRESS)
		ret = finish_connect(fd, cancel_fd);
	if (ret)
		close(fd);
	else
		*ret_fd = fd;
	return ret;
}

static int resolve(const struct migration_uri *uri, int flags,
		   struct addrinfo **ret_list, struct smudge_error *err)
{
	const struct addrinfo hints = {.ai_flags = flags,
				       .ai_family = AF_UNSPEC,
				       .ai_socktype = SOCK_STREAM};
	int ret = getaddrinfo(*uri->host ? uri->host : NULL, uri->port, &hints,
			      ret_list);

	if (ret)
		return smudge_error_set(err, -ENOENT, "migration",
					"cannot find the host '%.80s': %s",
					uri->host, gai_strerror(ret));
	return 0;
}

static int connect_tcp(const struct migration_uri *uri, int cancel_fd,
		       int *ret_fd, struct smudge_error *err)
{
	struct addrinfo *list = NULL;
	int ret = resolve(uri, 0, &list, err);

	if (ret)
		return ret;
	ret = -ENOENT;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		ret = connect_to(ai->ai_addr, ai->ai_addrlen, cancel_fd,
				 ret_fd);
		if (!ret || ret == -ECANCELED)
			break;
	}
	freeaddrinfo(list);
	if (ret)
		smudge_error_set(err, ret, "migration",
				 "cannot connect to tcp:%.80s:%s: %s",
				 uri->host, uri->port, strerror(-ret));
	return ret;
}

static int connect_unix(const struct migration_uri *uri, int cancel_fd,
			int *ret_fd, struct smudge_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int ret;

	memcpy(address.sun_path, uri->file.path, sizeof(address.sun_path));
	ret = connect_to((const struct sockaddr *)&address, sizeof(address),
			 cancel_fd, ret_fd);
	if (ret)
		smudge_error_set(err, ret, "migration",
				 "cannot connect to unix:%s: %s",
				 uri->file.path, strerror(-ret));
	return ret;
}

int migration_connect(const struct migration_uri *uri, int cancel_fd,
		      int *ret_fd, struct smudge_error *err)
{
	if (uri->is_tcp)
		return connect_tcp(uri, cancel_fd, ret_fd, err);
	return connect_unix(uri, cancel_fd, ret_fd, err);
}

static int listen_on(const struct addrinfo *ai, int *ret_fd)
{
	const int on = 1;
	int fd = socket(ai->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, 1) < 0)
		ret = -errno;
	if (ret)
		close(fd);
	else
		*ret_fd = fd;
	return ret;
}

static int listen_tcp(const struct migration_uri *uri, int *ret_fd,
		      struct smudge_error *err)
{
	struct addrinfo *list = NULL;
	int ret = resolve(uri, AI_PASSIVE, &list, err);

	if (ret)
		return ret;
	ret = -ENOENT;
	for (const struct addrinfo *ai = list; ai && ret; ai = ai->ai_next)
		ret = listen_on(ai, ret_fd);
	freeaddrinfo(list);
	if (ret)
		smudge_error_set(err, ret, "migration",
				 "cannot listen on tcp:%.80s:%s: %s", uri->host,
				 uri->port, strerror(-ret));
	return ret;
}

int migration_listen(struct migration_uri *uri, int *ret_fd,
		     struct smudge_error *err)
{
	if (uri->is_tcp)
		return listen_tcp(uri, ret_fd, err);
	return unix_listen(&uri->file, "migration", ret_fd, err);
}

void migration_unlisten(const struct migration_uri *uri, int listen_fd)
{
	if (!uri->is_tcp)
		socket_file_remove(&uri->file);
	close(listen_fd);
}

struct migration_uri migration_listen_address(const struct migration_uri *uri,
					      int listen_fd)
{
	struct migration_uri bound = *uri;
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);

	if (!uri->is_tcp)
		return bound;
	if (getsockname(listen_fd, (struct sockaddr *)&address, &len) < 0 ||
	    getnameinfo((const struct sockaddr *)&address, len, bound.host,
			sizeof(bound.host), bound.port, sizeof(bound.port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return *uri;
	return bound;
}

/*
 * Without a free descriptor, retry: the sender's own deadline limits the wait.
 */
static bool may_come_again(int ret)
{
	switch (ret) {
	case -EAGAIN:
	case -ECONNABORTED:
	case -EINTR:
	case -EMFILE:
	case -ENFILE:
	case -ENOBUFS:
	case -ENOMEM:
		return true;
	default:
		return false;
	}
}

int migration_accept(int listen_fd, int cancel_fd, int *ret_fd,
		     struct smudge_error *err)
{
	struct accept_pause pause = {0};
	int fd = -EAGAIN;
	int ret = 0;

	while (fd < 0 && !ret) {
		/* poll ignores -1: only the cancel ends the pause early */
		ret = wait_ready(accept_pause_ms(&pause) ? -1 : listen_fd,
				 POLLIN, cancel_fd,
				 accept_pause_ms(&pause)
					 ? accept_pause_ms(&pause)
					 : WAIT_FOR_EVER);
		if (ret == -ETIMEDOUT)
			ret = 0;
		else if (!ret)
			fd = accept_client(listen_fd, NULL, NULL, &pause);
		if (!ret && fd < 0 && !may_come_again(fd))
			ret = fd;
	}
	if (ret)
		return smudge_error_set(err, ret, "migration",
					"cannot accept a migration: %s",
					strerror(-ret));
	*ret_fd = fd;
	return 0;
}
