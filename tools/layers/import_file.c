/* SPDX-License-Identifier: MIT */
/*
 * A file with memory. It is read by pread(2), never mapped: a file that is cut
 * meanwhile is a failure, and no signal.
 */
#include "layers/import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/range.h"

#define NAME "layers"

static int failed(const struct import_file *file, const char *what,
		  struct smudge_error *err)
{
	int code = -errno;

	return smudge_error_set(err, code, NAME, "%s %.120s: %s", what,
				file->path, strerror(-code));
}

static int check_length(const struct import_file *file,
			struct smudge_error *err)
{
	if (file->nbytes && file->nbytes % IMPORT_PAGE_BYTES == 0)
		return 0;
	return smudge_error_set(err, -EINVAL, NAME,
				"%.120s is no memory: its %llu bytes are not "
				"whole pages of 4 KiB",
				file->path, (unsigned long long)file->nbytes);
}

int import_file_open(struct import_file *file, struct smudge_error *err)
{
	struct stat st;

	/* a pipe without a writer would hold the open */
	file->fd =
		open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &st) < 0)
		return failed(file, "cannot open", err);
	if (!S_ISREG(st.st_mode))
		return smudge_error_set(err, -EINVAL, NAME,
					"%.120s is no regular file",
					file->path);
	file->nbytes = (uint64_t)st.st_size;
	file->written = st.st_mtim;
	return check_length(file, err);
}

int import_file_read(const struct import_file *file, uint64_t file_off,
		     uint64_t length, void *buffer, struct smudge_error *err)
{
	char *at = buffer;

	while (length) {
		ssize_t n = pread(file->fd, at, length, (off_t)file_off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(file, "cannot read", err);
		if (!n)
			return smudge_error_set(err, -ESTALE, NAME,
						"%.120s was cut while it was "
						"read",
						file->path);
		at += n;
		file_off += (uint64_t)n;
		length -= (uint64_t)n;
	}
	return 0;
}

int import_file_check(const struct import_file *file, struct smudge_error *err)
{
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return failed(file, "cannot look at", err);
	if ((uint64_t)st.st_size == file->nbytes &&
	    st.st_mtim.tv_sec == file->written.tv_sec &&
	    st.st_mtim.tv_nsec == file->written.tv_nsec)
		return 0;
	return smudge_error_set(err, -ESTALE, NAME,
				"%.120s was written while it was read: it is "
				"no moment of a memory",
				file->path);
}

uint64_t import_file_block_bytes(const struct import_file *file)
{
	struct statfs fs;

	return fstatfs(file->fd, &fs) < 0 || fs.f_bsize < 0
		       ? 0
		       : (uint64_t)fs.f_bsize;
}

uint64_t import_file_next(const struct import_file *file, uint64_t first,
			  uint64_t end, uint64_t *ret_end)
{
	off_t data = lseek(file->fd, (off_t)first, SEEK_DATA);
	off_t hole;

	*ret_end = end;
	if (data < 0)
		return errno == ENXIO ? end : first;
	if ((uint64_t)data >= end)
		return end;
	hole = lseek(file->fd, data, SEEK_HOLE);
	if (hole > data)
		*ret_end = min_u64((uint64_t)hole, end);
	return (uint64_t)data;
}
