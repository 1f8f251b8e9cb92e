/* SPDX-License-Identifier: MIT */
/*
 * Listening UNIX sockets of QMP and of incoming migrations.
 *
 * A process that was killed leaves its socket file. connect() tells such a
 * file from one in use. Other kinds of file are never removed.
 */
#include "base/unix_listen.h"

#include "common/file.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

/*
 * The probe is a socket of another type: Linux answers EPROTOTYPE for a stream
 * socket that is bound and ECONNREFUSED for a file without one. A listener
 * that takes one connection only does not notice the probe.
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

/* Remove the file that was probed, not another that has its name by now. */
static void remove_dead(const struct sockaddr_un *address)
{
	struct file_identity identity;
	struct stat st;

	if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode) ||
	    somebody_listens(address))
		return;
	identity = (struct file_identity){st.st_dev, st.st_ino};
	file_unlink(address->sun_path, &identity);
}

int socket_file_set(struct socket_file *file, const char *path, size_t len,
		    const char *where, struct smudge_error *err)
{
	if (!len || len >= sizeof(file->path))
		return smudge_error_set(err, -EINVAL, where,
					"unix:PATH wants a path of 1 to %zu "
					"bytes; %.60s%s has %zu",
					sizeof(file->path) - 1, path,
					len > 60 ? "..." : "", len);
	*file = (struct socket_file){0};
	memcpy(file->path, path, len);
	return 0;
}

void socket_file_remove(const struct socket_file *file)
{
	file_unlink(file->path, &file->identity);
}

/*
 * bind makes the file, which is this process's from then on. Its mode is the
 * socket's, less the umask (common/streams.h).
 */
static int bind_and_listen(int fd, const struct sockaddr_un *address,
			   struct socket_file *file)
{
	int code;

	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	code = file_identify(file->path, &file->identity);
	if (!code && listen(fd, BACKLOG) < 0)
		code = -errno;
	if (code)
		socket_file_remove(file);
	return code;
}

int unix_listen(struct socket_file *file, const char *where, int *ret_fd,
		struct smudge_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int code;

	if (fd < 0) {
		code = -errno;
		return smudge_error_set(err, code, where,
					"cannot make a socket: %s",
					strerror(-code));
	}
	memcpy(address.sun_path, file->path, sizeof(address.sun_path));
	remove_dead(&address);
	code = bind_and_listen(fd, &address, file);
	if (code) {
		close(fd);
		return smudge_error_set(err, code, where,
					"cannot listen on unix:%s: %s",
					file->path, strerror(-code));
	}
	*ret_fd = fd;
	return 0;
}
