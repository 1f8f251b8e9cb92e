/* SPDX-License-Identifier: MIT */
/*
 * Files that get their name at the end.
 */
#include "new_file.h"

#include <smudge/error.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHERE	  "file"
#define MODE	  0600
#define MAX_TRIES 100

static int fail(const struct new_file *file, int code, struct smudge_error *err)
{
	if (code == -EEXIST)
		return smudge_error_set(err, code, WHERE,
					"%.120s is there already; --force "
					"replaces it",
					file->path);
	return smudge_error_set(err, code, WHERE, "cannot write %.120s: %s",
				file->path, strerror(-code));
}

static void folder_of(const char *path, char folder[PATH_MAX])
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(folder, PATH_MAX, "%s", dirname(copy));
}

/* Return: 0, -ENAMETOOLONG, or -errno. */
static int choose_hidden(const char *path, char hidden[PATH_MAX])
{
	char folder[PATH_MAX];
	uint64_t word = 0;
	int len;

	if (getrandom(&word, sizeof(word), 0) != sizeof(word))
		return -errno;
	folder_of(path, folder);
	len = snprintf(hidden, PATH_MAX, "%s/.smudge-%016" PRIx64, folder,
		       word);
	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Return: 0, or -errno: -EEXIST asks for another name. */
static int open_hidden(struct new_file *file)
{
	int ret = choose_hidden(file->path, file->hidden);

	if (ret)
		return ret;
	file->fd =
		open(file->hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
	return file->fd < 0 ? -errno : 0;
}

static int open_named(struct new_file *file)
{
	int ret = -EEXIST;

	for (int tries = 0; tries < MAX_TRIES && ret == -EEXIST; tries++)
		ret = open_hidden(file);
	if (ret)
		file->hidden[0] = '\0';
	return ret;
}

/* Without a name, or where the file system has no such files with one. */
static int open_new(struct new_file *file)
{
	char folder[PATH_MAX];

	folder_of(file->path, folder);
	file->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, MODE);
	if (file->fd >= 0)
		return 0;
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
		return open_named(file);
	return -errno;
}

/*
 * What is there and is no file is never replaced, nor is the name of such a
 * thing: /dev/stdout is a link.
 */
static int check_path(const struct new_file *file)
{
	struct stat status;

	if (lstat(file->path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(status.st_mode) && !file->replaces)
		return -EEXIST;
	if (S_ISLNK(status.st_mode) && stat(file->path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	return S_ISREG(status.st_mode) ? 0 : -ENXIO;
}

int new_file_open(struct new_file *file, const char *path, bool replaces,
		  struct smudge_error *err)
{
	int ret;

	*file = (struct new_file){.path = path, .replaces = replaces, .fd = -1};
	if (strlen(path) >= PATH_MAX)
		return fail(file, -ENAMETOOLONG, err);
	ret = check_path(file);
	if (!ret)
		ret = open_new(file);
	return ret ? fail(file, ret, err) : 0;
}

/* Return: 0 or -errno. */
static int link_as(struct new_file *file, const char *path)
{
	char proc_path[64];

	snprintf(proc_path, sizeof(proc_path), "/proc/self/fd/%d", file->fd);
	if (linkat(AT_FDCWD, proc_path, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

/* What is to be replaced is replaced by a file with a name. */
static int name_hidden(struct new_file *file)
{
	int ret = -EEXIST;

	for (int tries = 0; tries < MAX_TRIES && ret == -EEXIST; tries++) {
		ret = choose_hidden(file->path, file->hidden);
		if (!ret)
			ret = link_as(file, file->hidden);
	}
	if (ret)
		file->hidden[0] = '\0';
	return ret;
}

int new_file_hide(struct new_file *file, struct smudge_error *err)
{
	int ret = name_hidden(file);

	return ret ? fail(file, ret, err) : 0;
}

static int move_hidden(struct new_file *file)
{
	unsigned int flags = file->replaces ? 0 : RENAME_NOREPLACE;

	if (renameat2(AT_FDCWD, file->hidden, AT_FDCWD, file->path, flags) < 0)
		return -errno;
	file->hidden[0] = '\0';
	return 0;
}

int new_file_name(struct new_file *file, struct smudge_error *err)
{
	int ret = 0;

	if (!file->hidden[0] && !file->replaces) {
		ret = link_as(file, file->path);
		return ret ? fail(file, ret, err) : 0;
	}
	if (!file->hidden[0])
		ret = name_hidden(file);
	if (!ret)
		ret = move_hidden(file);
	return ret ? fail(file, ret, err) : 0;
}

int new_file_keep(struct new_file *file, struct smudge_error *err)
{
	if (fsync(file->fd) < 0)
		return fail(file, -errno, err);
	return new_file_name(file, err);
}

void new_file_close(struct new_file *file)
{
	if (file->hidden[0])
		unlink(file->hidden);
	if (file->fd >= 0)
		close(file->fd);
	file->hidden[0] = '\0';
	file->fd = -1;
}
