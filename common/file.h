/* SPDX-License-Identifier: MIT */
/*
 * Files at paths that the user gave, shared by the programs.
 *
 * Such a path may be a FIFO, a device, a link, a directory, or on a full disk.
 * No call here waits in open(2), none makes a terminal the controlling one, and
 * none waits without a descriptor that ends the wait. A file is written under
 * another name in its folder and renamed, so that a failure leaves the old
 * file. A file is removed only if its device and inode are those that this
 * process created.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Instead of a descriptor that ends a wait: a call that would wait fails. */
#define FILE_NO_WAIT (-2)

/* Which file it is, even if another one has its name now. */
struct file_identity {
	dev_t dev;
	ino_t ino;
};

/* The end of a sentence that says why a call here failed with @code, -errno. */
const char *file_reason(int code);

/*
 * file_read - read all bytes of a file
 * @max_bytes: a larger file is refused
 * @end_fd: as wait_ready's. With FILE_NO_WAIT only a regular file is read
 * @ret_bytes: owned by the caller, followed by a zero byte; written only on
 *             success, as is @ret_len
 *
 * A FIFO is read until its last writer has closed it; a FIFO without a writer
 * is waited for.
 * Blocks: until the end of the file, or @end_fd.
 * Return: 0, -ECANCELED, -EFBIG, -EISDIR, -EMEDIUMTYPE (a kind of file that
 * is not read), -ENOMEM, -EIO (the file shrank meanwhile) or another -errno.
 */
int file_read(const char *path, size_t max_bytes, int end_fd,
	      uint8_t **ret_bytes, size_t *ret_len);

/*
 * file_read_line - read the first line of a file, without its line break
 * @line: @size bytes; a longer line is cut
 * @end_fd: as wait_ready's
 *
 * Return: the length, which counts NUL bytes too, or -errno as file_read.
 */
ssize_t file_read_line(const char *path, char *line, size_t size, int end_fd);

/*
 * file_write - write a whole file
 * @path: created, or replaced by rename: other hard links keep the old bytes.
 *        A symbolic link stays and its target is replaced; a link without a
 *        target is refused. A character device is written to, and so is a FIFO
 *        that has a reader, unless @end_fd is FILE_NO_WAIT
 * @end_fd: as wait_ready's; FILE_NO_WAIT: a device that is not ready is
 *          refused with -EAGAIN
 *
 * A new file gets the mode 0666 less the umask, which streams_prepare sets. A
 * replaced file keeps its mode except setuid and setgid, and its owner if this
 * process may set it.
 * State after failure: the old file, and nothing of the new one. A device may
 * have received a part.
 * Return: 0, -ECANCELED, -EISDIR, -EMEDIUMTYPE (a FIFO, a socket, a block
 * device), -ENXIO (a FIFO without reader), -ENOSPC, -EFBIG, or another -errno.
 */
int file_write(const char *path, const void *bytes, size_t len, int end_fd);

/*
 * file_open_log - open a file for output that comes over time
 * @path: created, or emptied. A FIFO is opened for reading and writing, so that
 *        it needs no reader; a block device is refused
 *
 * The descriptor does not block. Return: it, or -errno as file_write.
 */
int file_open_log(const char *path);

/* Which file is at @path, of a link the link itself. Return: 0 or -errno. */
int file_identify(const char *path, struct file_identity *ret_identity);

/*
 * file_unlink - remove a file that this process created
 * @identity: of that file; another file of the same name is not removed
 * Return: 0, -ESTALE (another file), or -errno.
 */
int file_unlink(const char *path, const struct file_identity *identity);

#endif
