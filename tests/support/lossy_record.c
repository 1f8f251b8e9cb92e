/* SPDX-License-Identifier: MIT */
/*
 * What is done in the folder is done, and noted.
 */
#include "lossy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "lossy_events.h"

int __real_fsync(int fd);
int __real_openat64(int fd, const char *name, int flags, ...);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned int flags);
int __real_linkat(int from_fd, const char *from, int to_fd, const char *to,
		  int flags);
int __real_unlinkat(int fd, const char *name, int flags);
ssize_t __real_pwritev64(int fd, const struct iovec *pieces, int npieces,
			 off64_t off);
int __wrap_fsync(int fd);
int __wrap_openat64(int fd, const char *name, int flags, ...);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned int flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to,
		  int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
ssize_t __wrap_pwritev64(int fd, const struct iovec *pieces, int npieces,
			 off64_t off);

struct lossy_log lossy_log;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static bool is_recording;
static struct stat folder;
static ino_t inodes[LOSSY_MAX_FILES]; /* of the files */
static unsigned int fail_countdown;

void lossy_stop(void)
{
	pthread_mutex_lock(&lock);
	is_recording = false;
	pthread_mutex_unlock(&lock);
}

static void clear(void)
{
	for (size_t i = 0; i < lossy_log.nevents; i++)
		free(lossy_log.events[i].bytes);
	memset(&lossy_log, 0, sizeof(lossy_log));
}

void lossy_record(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	struct stat st;

	assert_non_null(dir);
	pthread_mutex_lock(&lock);
	clear();
	assert_int_equal(stat(path, &folder), 0);
	snprintf(lossy_log.folder, sizeof(lossy_log.folder), "%s", path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		assert_int_equal(fstatat(dirfd(dir), entry->d_name, &st, 0), 0);
		inodes[lossy_log.nfiles] = st.st_ino;
		snprintf(lossy_log.first_names[lossy_log.nfiles++],
			 LOSSY_NAME_BYTES, "%.63s", entry->d_name);
	}
	closedir(dir);
	lossy_log.nfirst = lossy_log.nfiles;
	is_recording = true;
	pthread_mutex_unlock(&lock);
}

void lossy_clear(void)
{
	pthread_mutex_lock(&lock);
	clear();
	pthread_mutex_unlock(&lock);
}

size_t lossy_nevents(void)
{
	size_t nevents;

	pthread_mutex_lock(&lock);
	nevents = lossy_log.nevents;
	pthread_mutex_unlock(&lock);
	return nevents;
}

void lossy_fail_folder_sync(unsigned int n)
{
	pthread_mutex_lock(&lock);
	fail_countdown = n;
	pthread_mutex_unlock(&lock);
}

static bool is_folder(int fd)
{
	struct stat st;

	return is_recording && fstat(fd, &st) == 0 &&
	       st.st_dev == folder.st_dev && st.st_ino == folder.st_ino;
}

/* The newest file with the inode; LOSSY_MAX_FILES if it is none of ours. */
static size_t file_of(ino_t inode)
{
	for (size_t i = lossy_log.nfiles; i-- > 0;)
		if (inodes[i] == inode)
			return i;
	return LOSSY_MAX_FILES;
}

static size_t file_of_fd(int fd)
{
	struct stat st;

	if (!is_recording || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return LOSSY_MAX_FILES;
	return file_of(st.st_ino);
}

static size_t file_of_name(int fd, const char *name)
{
	struct stat st;

	return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0
		       ? LOSSY_MAX_FILES
		       : file_of(st.st_ino);
}

static struct lossy_noted *note(enum lossy_kind kind, size_t file,
				const char *from, const char *to)
{
	struct lossy_noted *event = &lossy_log.events[lossy_log.nevents];

	if (lossy_log.nevents == LOSSY_MAX_EVENTS)
		abort();
	lossy_log.nevents++;
	event->kind = kind;
	event->file = file;
	snprintf(event->from, sizeof(event->from), "%s", from);
	snprintf(event->to, sizeof(event->to), "%s", to);
	return event;
}

int __wrap_fsync(int fd)
{
	size_t file;
	int ret;

	pthread_mutex_lock(&lock);
	if (is_folder(fd) && fail_countdown && !--fail_countdown) {
		pthread_mutex_unlock(&lock);
		errno = EIO;
		return -1;
	}
	ret = __real_fsync(fd);
	file = file_of_fd(fd);
	if (ret == 0 && is_folder(fd))
		note(LOSSY_FOLDER_SYNC, 0, "", "");
	else if (ret == 0 && file != LOSSY_MAX_FILES)
		note(LOSSY_FSYNC, file, "", "");
	pthread_mutex_unlock(&lock);
	return ret;
}

int __wrap_openat64(int fd, const char *name, int flags, ...)
{
	struct stat st;
	va_list list;
	mode_t mode;
	int ret;

	va_start(list, flags);
	mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
	va_end(list);
	pthread_mutex_lock(&lock);
	ret = __real_openat64(fd, name, flags, mode);
	if (ret >= 0 && flags & O_CREAT && is_folder(fd)) {
		if (fstat(ret, &st) < 0 ||
		    lossy_log.nfiles == LOSSY_MAX_FILES || flags & O_TRUNC)
			abort();
		inodes[lossy_log.nfiles] = st.st_ino;
		note(LOSSY_CREATE, lossy_log.nfiles++, "", name);
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned int flags)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = __real_renameat2(from_fd, from, to_fd, to, flags);
	if (ret == 0 && is_folder(to_fd))
		note(LOSSY_RENAME, file_of_name(to_fd, to), from, to);
	pthread_mutex_unlock(&lock);
	return ret;
}

int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to,
		  int flags)
{
	int ret;

	pthread_mutex_lock(&lock);
	ret = __real_linkat(from_fd, from, to_fd, to, flags);
	if (ret == 0 && is_folder(to_fd))
		note(LOSSY_LINK, file_of_name(to_fd, to), "", to);
	pthread_mutex_unlock(&lock);
	return ret;
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
	size_t file;
	int ret;

	pthread_mutex_lock(&lock);
	file = file_of_name(fd, name);
	ret = __real_unlinkat(fd, name, flags);
	if (ret == 0 && is_folder(fd))
		note(LOSSY_UNLINK, file, name, "");
	pthread_mutex_unlock(&lock);
	return ret;
}

static void note_write(size_t file, const struct iovec *pieces, size_t length,
		       off64_t off)
{
	struct lossy_noted *event = note(LOSSY_WRITE, file, "", "");
	size_t done = 0;

	event->off = (uint64_t)off;
	event->length = length;
	event->bytes = malloc(length + 1);
	if (!event->bytes)
		abort();
	for (; done < length; pieces++) {
		size_t n = pieces->iov_len < length - done ? pieces->iov_len
							   : length - done;

		memcpy(event->bytes + done, pieces->iov_base, n);
		done += n;
	}
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *pieces, int npieces,
			 off64_t off)
{
	size_t file;
	ssize_t ret;

	pthread_mutex_lock(&lock);
	ret = __real_pwritev64(fd, pieces, npieces, off);
	file = file_of_fd(fd);
	if (ret > 0 && file != LOSSY_MAX_FILES)
		note_write(file, pieces, (size_t)ret, off);
	pthread_mutex_unlock(&lock);
	return ret;
}
