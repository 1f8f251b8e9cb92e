/* SPDX-License-Identifier: MIT */
/*
 * Files at paths that others gave, shared by the programs.
 *
 * Such a path may be a FIFO, a device, a link, a directory, or lie on a full
 * disk. No call here waits in open(2), none takes a terminal, and none waits
 * without a descriptor that cuts the wait short. A file is written beside
 * its place and renamed, so that a failure leaves the old one; what is
 * removed is removed by device and inode, and only if this process made it.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The program cannot wait for the other end: a write that would is refused. */
#define FILE_NO_WAIT (-2)

/* Which file it was, whatever has its name now. */
struct file_identity {
	dev_t dev;
	ino_t ino;
};

/* What -errno of a call here means, for the end of a sentence. */
const char *file_reason(int code);

/*
 * file_read - all bytes of a file
 * @max_bytes: a larger file is refused
 * @end_fd: as wait_ready's. With FILE_NO_WAIT only a regular file is read
 * @ret_bytes: owned by the caller, with a zero byte behind them; written
 *             only on success, as @ret_len
 *
 * A FIFO is read to the end of what its writers send, and waited for if
 * there is no writer yet.
 * Blocks: until the end of the file, or @end_fd.
 * Return: 0, -ECANCELED, -EFBIG, -EISDIR, -EMEDIUMTYPE (a kind of file that
 * is not read), -ENOMEM, -EIO (it shrank meanwhile) or another -errno.
 */
int file_read(const char *path, size_t max_bytes, int end_fd,
	      uint8_t **ret_bytes, size_t *ret_len);

/*
 * file_read_line - the first line of a file, without its end
 * @line: @size bytes; a longer line is cut
 * @end_fd: as wait_ready's
 *
 * Return: the length, NUL bytes in it counted, or -errno as file_read.
 */
ssize_t file_read_line(const char *path, char *line, size_t size, int end_fd);

/*
 * file_write - write a whole file
 * @path: made, or replaced by rename: other hard links keep the old bytes.
 *        A symbolic link stays, and what it leads to is replaced; one that
 *        leads nowhere is refused. A character device is written to, and so
 *        is a FIFO that has a reader, unless @end_fd is FILE_NO_WAIT
 * @end_fd: as wait_ready's; FILE_NO_WAIT: a device that is not ready is
 *          refused with -EAGAIN
 *
 * A new file gets the mode 0666 less the umask, which streams.h sets; a
 * replaced one keeps its mode but for setuid and setgid, and its owner where
 * it may be given away.
 * State after failure: the old file, nothing of the new one. A device may
 * have got some of it.
 * Return: 0, -ECANCELED, -EISDIR, -EMEDIUMTYPE (a FIFO, a socket, a block
 * device), -ENXIO (a FIFO without reader), -ENOSPC, -EFBIG, or another -errno.
 */
int file_write(const char *path, const void *bytes, size_t len, int end_fd);

/*
 * file_open_log - open a file for output that comes bit by bit
 * @path: made, or cut to nothing. A FIFO is opened for both directions, so
 *        that it has no need of a reader; a block device is refused
 *
 * The descriptor does not block. Return: it, or -errno as file_write.
 */
int file_open_log(const char *path);

/* Who lies at @path, a link itself. Return: 0 or -errno. */
int file_identify(const char *path, struct file_identity *ret);

/*
 * file_unlink - remove what this process made
 * @identity: it is left alone when something else has its name now
 * Return: 0, -ESTALE (something else), or -errno.
 */
int file_unlink(const char *path, const struct file_identity *identity);

#endif
