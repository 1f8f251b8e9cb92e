/* SPDX-License-Identifier: MIT */
/*
 * Writing whole files; file.h.
 *
 * The path is opened with O_PATH first: the kernel follows its links, with
 * its own rules for links in folders that everybody may write to, and what
 * is opened then is what was looked at, whatever happens to the name.
 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/wait.h"

/* At most so much at once, so that the end of the process is noticed. */
#define PIECE_BYTES ((size_t)1 << 20)

static int write_all(int fd, const uint8_t *bytes, size_t len, int end_fd)
{
	while (len) {
		size_t piece = len < PIECE_BYTES ? len : PIECE_BYTES;
		ssize_t n;

		if (wait_is_over(end_fd))
			return -ECANCELED;
		n = write(fd, bytes, piece);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN && end_fd >= -1) {
			int ret =
				wait_ready(fd, POLLOUT, end_fd, WAIT_FOR_EVER);

			if (ret < 0)
				return ret;
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* A device, a FIFO, or a file without a name. */
static int write_in_place(const char *proc_path, const void *bytes, size_t len,
			  int end_fd)
{
	int fd = open(proc_path,
		      O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write_all(fd, bytes, len, end_fd);
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	return ret;
}

/*
 * A new file in the folder of @path, whose name comes in @ret_path. One that
 * replaces another is for nobody else until it is dressed as that was.
 */
static int make_beside(const char *path, bool replaces, char ret_path[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int folder_len = slash ? (int)(slash - path) + 1 : 0;
	int ret = -EEXIST;

	for (int tries = 0; tries < 100 && ret == -EEXIST; tries++) {
		uint64_t word = 0;

		if (getrandom(&word, sizeof(word), 0) < 0)
			return -errno;
		if (snprintf(ret_path, PATH_MAX, "%.*s.smudge-%016" PRIx64,
			     folder_len, path, word) >= PATH_MAX)
			return -ENAMETOOLONG;
		ret = open(ret_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			   replaces ? 0600 : 0666);
		if (ret < 0)
			ret = -errno;
	}
	return ret;
}

/*
 * As the file it replaces, without its setuid and setgid bits; the owner only
 * where that is allowed.
 */
static int dress(int fd, const struct stat *old)
{
	mode_t mode;

	if (!old)
		return 0;
	mode = old->st_mode & 0777;
	if (fchown(fd, old->st_uid, old->st_gid) < 0) {
		if (errno != EPERM)
			return -errno;
		/* its group is another one: it may do what all others may */
		mode &= 0707 | (mode & 07) << 3;
	}
	return fchmod(fd, mode) < 0 ? -errno : 0;
}

static int fill(int fd, const struct stat *old, const void *bytes, size_t len,
		int end_fd)
{
	int ret = dress(fd, old);

	if (ret == 0)
		ret = write_all(fd, bytes, len, end_fd);
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	return ret;
}

static int write_beside(const char *path, const struct stat *old,
			const void *bytes, size_t len, int end_fd)
{
	char beside[PATH_MAX];
	struct file_identity identity;
	struct stat st;
	int fd = make_beside(path, old != NULL, beside);
	int ret;

	if (fd < 0)
		return fd;
	ret = fstat(fd, &st) < 0 ? -errno : 0;
	identity = (struct file_identity){st.st_dev, st.st_ino};
	if (ret == 0)
		ret = fill(fd, old, bytes, len, end_fd);
	if (ret == 0 && rename(beside, path) < 0)
		ret = -errno;
	if (ret < 0)
		file_unlink(beside, &identity);
	return ret;
}

/* A signal that ends the process would leave the file that lies beside. */
static int write_undisturbed(const char *path, const struct stat *old,
			     const void *bytes, size_t len, int end_fd)
{
	sigset_t ends;
	sigset_t before;
	int ret;

	sigemptyset(&ends);
	sigaddset(&ends, SIGHUP);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, &before);
	ret = write_beside(path, old, bytes, len, end_fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static int check_kind(const struct stat *st, int end_fd)
{
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (S_ISREG(st->st_mode) || S_ISCHR(st->st_mode))
		return 0;
	if (S_ISFIFO(st->st_mode) && end_fd != FILE_NO_WAIT)
		return 0;
	return -EMEDIUMTYPE;
}

/* @fd: the file at the end of all links, opened with O_PATH. */
static int write_to(int fd, const void *bytes, size_t len, int end_fd)
{
	char proc_path[64];
	char path[PATH_MAX];
	struct stat st;
	ssize_t n;
	int ret = fstat(fd, &st) < 0 ? -errno : check_kind(&st, end_fd);

	if (ret < 0)
		return ret;
	snprintf(proc_path, sizeof(proc_path), "/proc/self/fd/%d", fd);
	if (!S_ISREG(st.st_mode) || !st.st_nlink)
		return write_in_place(proc_path, bytes, len, end_fd);
	/* a rename would replace a file that may not be written */
	if (faccessat(AT_FDCWD, proc_path, W_OK, AT_EACCESS) < 0)
		return -errno;
	n = readlink(proc_path, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	return write_undisturbed(path, &st, bytes, len, end_fd);
}

int file_write(const char *path, const void *bytes, size_t len, int end_fd)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);
	int ret;

	if (fd < 0 && errno != ENOENT)
		return -errno;
	/* a link that leads nowhere is not followed by rename */
	if (fd < 0 && lstat(path, &st) == 0)
		return -ENOENT;
	if (fd < 0)
		return write_undisturbed(path, NULL, bytes, len, end_fd);
	ret = write_to(fd, bytes, len, end_fd);
	close(fd);
	return ret;
}
