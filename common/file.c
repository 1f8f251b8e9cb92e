/* SPDX-License-Identifier: MIT */
/*
 * Reading files, opening logs, and removing files.
 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/wait.h"

#define FIRST_BYTES ((size_t)64 << 10)
#define PIECE_BYTES ((size_t)1 << 20)

const char *file_reason(int code)
{
	if (code == -EMEDIUMTYPE)
		return "it is no regular file";
	if (code == -EISDIR)
		return "it is a directory";
	if (code == -ENXIO)
		return "it is a FIFO without a reader, or a socket";
	if (code == -ESTALE)
		return "another file has its name";
	return strerror(-code);
}

/* Open a file to read, and get its kind and size. */
static int open_to_read(const char *path, int end_fd, struct stat *ret_st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_st) < 0)
		ret = -errno;
	else if (S_ISDIR(ret_st->st_mode))
		ret = -EISDIR;
	else if (S_ISBLK(ret_st->st_mode) ||
		 (end_fd == FILE_NO_WAIT && !S_ISREG(ret_st->st_mode)))
		ret = -EMEDIUMTYPE;
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

/*
 * Read some bytes; 0 at the end. A FIFO that no writer has opened yet reads
 * like one that has ended: @len, the bytes read before, tells the two apart.
 */
static ssize_t read_some(int fd, uint8_t *to, size_t room, size_t len,
			 int end_fd)
{
	for (;;) {
		struct stat st;
		ssize_t n;
		int ret;

		if (wait_is_over(end_fd))
			return -ECANCELED;
		n = read(fd, to, room);
		if (n > 0)
			return n;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n == 0 &&
		    (len || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)))
			return 0;
		ret = wait_ready(fd, POLLIN, end_fd, WAIT_FOR_EVER);
		if (ret < 0)
			return ret;
	}
}

struct growing {
	uint8_t *bytes;
	size_t len;
	size_t room;
};

/* Make room for at least one more byte and a zero byte. */
static int grow(struct growing *file, size_t max_bytes)
{
	size_t room = file->room ? file->room * 2 : FIRST_BYTES;
	uint8_t *bytes;

	if (file->len + 1 < file->room)
		return 0;
	if (room > max_bytes + 2)
		room = max_bytes + 2;
	if (room <= file->room)
		return -EFBIG;
	bytes = realloc(file->bytes, room);
	if (!bytes)
		return -ENOMEM;
	file->bytes = bytes;
	file->room = room;
	return 0;
}

static int read_all(int fd, size_t max_bytes, int end_fd, struct growing *file)
{
	ssize_t n;

	do {
		size_t room;
		int ret = grow(file, max_bytes);

		if (ret < 0)
			return ret;
		room = file->room - 1 - file->len;
		n = read_some(fd, file->bytes + file->len,
			      room < PIECE_BYTES ? room : PIECE_BYTES,
			      file->len, end_fd);
		if (n > 0)
			file->len += (size_t)n;
	} while (n > 0);
	return file->len > max_bytes ? -EFBIG : (int)n;
}

int file_read(const char *path, size_t max_bytes, int end_fd,
	      uint8_t **ret_bytes, size_t *ret_len)
{
	struct growing file = {0};
	struct stat st;
	int fd = open_to_read(path, end_fd, &st);
	int ret;

	if (fd < 0)
		return fd;
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_bytes)
		ret = -EFBIG;
	else
		ret = read_all(fd, max_bytes, end_fd, &file);
	if (ret == 0 && S_ISREG(st.st_mode) && file.len < (size_t)st.st_size)
		ret = -EIO;
	close(fd);
	if (ret < 0) {
		free(file.bytes);
		return ret;
	}
	file.bytes[file.len] = 0;
	*ret_bytes = file.bytes;
	*ret_len = file.len;
	return 0;
}

ssize_t file_read_line(const char *path, char *line, size_t size, int end_fd)
{
	struct stat st;
	int fd = open_to_read(path, end_fd, &st);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return fd;
	while (n > 0 && len < size - 1 && !memchr(line, '\n', len)) {
		n = read_some(fd, (uint8_t *)line + len, size - 1 - len, len,
			      end_fd);
		if (n > 0)
			len += (size_t)n;
	}
	close(fd);
	if (n < 0)
		return n;
	for (size_t i = 0; i < len; i++)
		if (line[i] == '\n' || line[i] == '\r')
			len = i;
	line[len] = '\0';
	return (ssize_t)len;
}

int file_open_log(const char *path)
{
	const int always = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	bool is_fifo = stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
	int fd = is_fifo ? open(path, O_RDWR | always)
			 : open(path, O_WRONLY | O_CREAT | O_TRUNC | always,
				0666);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && !S_ISBLK(st.st_mode))
		return fd;
	close(fd);
	return -EMEDIUMTYPE;
}

int file_identify(const char *path, struct file_identity *ret_identity)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	*ret_identity = (struct file_identity){st.st_dev, st.st_ino};
	return 0;
}

int file_unlink(const char *path, const struct file_identity *identity)
{
	struct file_identity now;
	int ret = file_identify(path, &now);

	if (ret < 0)
		return ret;
	if (now.dev != identity->dev || now.ino != identity->ino)
		return -ESTALE;
	return unlink(path) < 0 ? -errno : 0;
}
