/* SPDX-License-Identifier: MIT */
/*
 * A connection to a server that may not listen yet.
 */
#include "qmp_connect.h"

#include "clock.h"

#include <smudge/error.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_MS 20

/* If the server's queue is full, this fails with -EAGAIN at once. */
static int connect_once(const struct sockaddr_un *address, int *ret_fd)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		ret = -errno;
	if (ret)
		close(fd);
	else
		*ret_fd = fd;
	return ret;
}

/* For how long a failure may be temporary. */
static int64_t patience_ms(int ret, int64_t timeout_ms)
{
	if (ret == -EAGAIN)
		return QMP_TIMEOUT_MS;
	return ret == -ENOENT || ret == -ECONNREFUSED ? timeout_ms : 0;
}

int qmp_connect(const char *path, int64_t timeout_ms, int *ret_fd,
		struct smudge_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int64_t began_ms = clock_now_ms();
	int ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return smudge_error_set(err, -ENAMETOOLONG, "qmp",
					"a socket's path has at most %zu "
					"bytes; %.60s... has %zu",
					sizeof(address.sun_path) - 1, path,
					strlen(path));
	strcpy(address.sun_path, path);
	for (;;) {
		ret = connect_once(&address, ret_fd);
		if (!ret)
			return 0;
		if (clock_now_ms() - began_ms >= patience_ms(ret, timeout_ms) ||
		    interrupted())
			break;
		clock_sleep_ms(RETRY_MS);
	}
	return smudge_error_set(err, ret, "qmp", "cannot connect to %s: %s",
				path, strerror(-ret));
}
