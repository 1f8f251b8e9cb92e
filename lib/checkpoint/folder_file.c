/* SPDX-License-Identifier: MIT */
/*
 * A layer that is being written: made under a temporary name, flushed, given
 * its name, and the folder flushed; or removed.
 */
#include "checkpoint/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/folder_sync.h"

#define WHERE "folder"

#define ATTEMPTS 16 /* to find a name that is free */

static int cannot(const char *what, int ret, struct smudge_error *err)
{
	return smudge_error_set(err, ret, WHERE, "%s: %s", what,
				strerror(-ret));
}

/* The umask may have taken what the owner needs. */
static int allow_owner(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	return (st.st_mode & 0600) == 0600 ? 0 : fchmod(fd, 0600);
}

/* Held while it is written, so that it is not taken for abandoned. */
static int own(int folder_fd, int fd, const char *name)
{
	int ret;

	if (allow_owner(fd) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	ret = -errno;
	(void)unlinkat(folder_fd, name, 0);
	close(fd);
	return ret;
}

int smi_folder_create(int folder_fd, struct smi_folder_file *ret_file,
		      struct smudge_error *err)
{
	struct smi_folder_file file = {.folder_fd = folder_fd, .fd = -1};
	uint64_t value;
	int ret = -EEXIST;

	for (int i = 0; i < ATTEMPTS && ret == -EEXIST; i++) {
		if (getrandom(&value, sizeof(value), 0) != sizeof(value))
			return cannot("no random name for a layer", -EIO, err);
		smi_folder_temporary_name(value, file.name);
		file.fd = openat(folder_fd, file.name,
				 O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
					 O_CLOEXEC,
				 0600);
		ret = file.fd < 0 ? -errno : 0;
	}
	if (ret == 0)
		ret = own(folder_fd, file.fd, file.name);
	if (ret < 0)
		return cannot("a file for a layer cannot be made", ret, err);
	*ret_file = file;
	return 0;
}

static int link_and_unlink(int folder_fd, const char *from, const char *to)
{
	int ret;

	if (linkat(folder_fd, from, folder_fd, to, 0) < 0)
		return -errno;
	if (unlinkat(folder_fd, from, 0) == 0)
		return 0;
	ret = -errno;
	(void)unlinkat(folder_fd, to, 0);
	return ret;
}

/* Another name, unless there is such a file. */
static int rename_new(int folder_fd, const char *from, const char *to)
{
	if (renameat2(folder_fd, from, folder_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	/* Some file systems do not have the flag. */
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return link_and_unlink(folder_fd, from, to);
}

/*
 * The name was given and may not be on the disk. If it cannot be taken back,
 * the file has it from now on, and is removed when it is dropped.
 */
static void take_back(struct smi_folder_file *file, const char *name)
{
	if (rename_new(file->folder_fd, name, file->name) < 0)
		memcpy(file->name, name, sizeof(file->name));
}

static int give_name(struct smi_folder_file *file, uint64_t number,
		     struct smudge_error *err)
{
	char name[SMI_FOLDER_NAME_BYTES];
	int ret;

	smi_folder_name(number, name);
	ret = strcmp(file->name, name) == 0
		      ? 0
		      : rename_new(file->folder_fd, file->name, name);
	if (ret == -EEXIST)
		return smudge_error_set(err, ret, WHERE,
					"another program has made %s", name);
	if (ret < 0)
		return cannot("a layer cannot get its name", ret, err);
	if (smi_folder_sync(file->folder_fd) == 0)
		return 0;
	ret = -errno;
	take_back(file, name);
	return cannot("the folder of layers cannot be flushed", ret, err);
}

int smi_folder_flush(struct smi_folder_file *file, struct smudge_error *err)
{
	int ret = 0;

	if (file->is_flushed)
		return 0;
	do {
		ret = fsync(file->fd);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return cannot("a layer cannot be flushed", -errno, err);
	file->is_flushed = true;
	return 0;
}

int smi_folder_commit(struct smi_folder_file *file, uint64_t number,
		      struct smudge_error *err)
{
	int ret = smi_folder_flush(file, err);

	if (!ret)
		ret = give_name(file, number, err);
	if (ret < 0)
		return ret;
	/* It was flushed: closing has nothing to report. */
	close(file->fd);
	file->fd = -1;
	return 0;
}

int smi_folder_replace(struct smi_folder_file *file, const char *name,
		       bool *ret_is_named, struct smudge_error *err)
{
	int ret = smi_folder_flush(file, err);

	*ret_is_named = false;
	if (ret < 0)
		return ret;
	if (renameat2(file->folder_fd, file->name, file->folder_fd, name, 0) <
	    0)
		return cannot("a layer cannot be replaced", -errno, err);
	*ret_is_named = true;
	close(file->fd);
	file->fd = -1;
	return smi_folder_sync(file->folder_fd) == 0
		       ? 0
		       : cannot("the folder of layers cannot be flushed",
				-errno, err);
}

void smi_folder_drop(struct smi_folder_file *file)
{
	if (file->fd < 0)
		return;
	(void)unlinkat(file->folder_fd, file->name, 0);
	close(file->fd);
	file->fd = -1;
}
