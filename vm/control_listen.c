/* SPDX-License-Identifier: MIT */
/*
 * Listening UNIX sockets of the control and of incoming migrations.
 *
 * A process that was killed leaves its socket file; connect() tells it from
 * one in use. Other kinds of file are never removed.
 */
#include "control_listen.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

/*
 * Asks with a socket of another type: Linux answers EPROTOTYPE for a bound
 * stream socket and ECONNREFUSED for a file without one, and the listener,
 * who may take one connection only, notices nothing.
 */
static bool somebody_listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool refused;

	if (fd < 0)
		return true;
	refused = connect(fd, (const struct sockaddr *)address,
			  sizeof(*address)) < 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return !refused;
}

static void remove_dead(const struct sockaddr_un *address)
{
	struct stat st;

	if (stat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    !somebody_listens(address))
		unlink(address->sun_path);
}

int unix_listen(const char *path, const char *where, int *ret_fd,
		struct smudge_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int code;
	int fd;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return smudge_error_set(err, -EINVAL, where,
					"unix:PATH wants a path of 1 to %zu "
					"bytes",
					sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	remove_dead(&address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		code = -errno;
		return smudge_error_set(err, code, where,
					"cannot make a socket: %s",
					strerror(-code));
	}
	/*
	 * The file gets the socket's own mode, less the umask: nobody else can
	 * connect at any time. chmod follows for a umask that takes more.
	 */
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, 0600) < 0 || listen(fd, BACKLOG) < 0) {
		code = -errno;
		close(fd);
		return smudge_error_set(err, code, where,
					"cannot listen on unix:%s: %s", path,
					strerror(-code));
	}
	*ret_fd = fd;
	return 0;
}

int qmp_socket_path(const char *spec, char **ret_path, struct smudge_error *err)
{
	static const char *const known[] = {"server=on", "server", "wait=off",
					    "nowait"};
	const char *option = strchr(spec, ',');
	size_t i;

	if (strncmp(spec, "unix:", 5) != 0)
		return smudge_error_set(err, -EINVAL, "qmp",
					"--qmp wants unix:PATH, not %.100s",
					spec);
	*ret_path = strndup(spec + 5, strcspn(spec + 5, ","));
	if (!*ret_path)
		return smudge_error_set(err, -ENOMEM, "qmp", "out of memory");
	while (option) {
		size_t len = strcspn(++option, ",");

		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (strlen(known[i]) == len &&
			    strncmp(option, known[i], len) == 0)
				break;
		}
		if (i == sizeof(known) / sizeof(known[0]))
			return smudge_error_set(err, -EINVAL, "qmp",
						"--qmp knows server=on and "
						"wait=off, not %.100s",
						option);
		option = strchr(option, ',');
	}
	return 0;
}
