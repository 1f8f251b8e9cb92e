/* SPDX-License-Identifier: MIT */
/*
 * Writing whole files.
 *
 * The path is opened with O_PATH first: the kernel follows its links, under its
 * own rules for links in world-writable folders. From then on the descriptor
 * names the file that was checked, whatever happens to the path.
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

/* The most that is written at once: between two pieces @end_fd is checked. */
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

/* Write to a device, a FIFO, or a file without a name. */
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
 * Create a file in the folder of @path and store its name in @ret_path. If it
 * replaces a file, only its owner may open it until copy_owner_and_mode.
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
 * Give the file the owner and mode of the file it replaces, without setuid and
 * setgid. Not every process may set the owner.
 */
static int copy_owner_and_mode(int fd, const struct stat *old)
{
	mode_t mode;

	if (!old)
		return 0;
	mode = old->st_mode & 0777;
	if (fchown(fd, old->st_uid, old->st_gid) < 0) {
		if (errno != EPERM)
			return -errno;
		/* the group is another one: it gets what all others may do */
		mode &= 0707 | (mode & 07) << 3;
	}
	return fchmod(fd, mode) < 0 ? -errno : 0;
}

static int fill(int fd, const struct stat *old, const void *bytes, size_t len,
		int end_fd)
{
	int ret = copy_owner_and_mode(fd, old);

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

/* A signal that ends the process would leave the file with the other name. */
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

/* @fd: the file that all links lead to, opened with O_PATH. */
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
	/* rename(2) would replace even a file that may not be written */
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
	/* rename(2) would replace a link that has no target */
	if (fd < 0 && lstat(path, &st) == 0)
		return -ENOENT;
	if (fd < 0)
		return write_undisturbed(path, NULL, bytes, len, end_fd);
	ret = write_to(fd, bytes, len, end_fd);
	close(fd);
	return ret;
}
