/* SPDX-License-Identifier: MIT */
/*
 * Several new files get their names: all, or none. One that replaces another
 * changes names with it, so that both are there until all have theirs.
 */
#include "new_file.h"

#include <smudge/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHERE "file"

static int rename_with(const struct new_file *file, unsigned int flags)
{
	return renameat2(AT_FDCWD, file->hidden, AT_FDCWD, file->path, flags) <
			       0
		       ? -errno
		       : 0;
}

/* What came meanwhile, and is no file or a link to one, is put back. */
static int check_replaced(struct new_file *file)
{
	struct stat status = {0};

	if (lstat(file->hidden, &status) == 0 &&
	    (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)))
		return 0;
	(void)rename_with(file, RENAME_EXCHANGE);
	return S_ISDIR(status.st_mode) ? -EISDIR : -ENXIO;
}

/* Return: 0 or -errno. */
static int replace(struct new_file *file)
{
	int ret = rename_with(file, RENAME_EXCHANGE);

	if (ret == 0)
		return check_replaced(file);
	if (ret == -ENOENT)
		ret = rename_with(file, RENAME_NOREPLACE);
	else if (ret == -EINVAL)
		ret = rename_with(file, 0);
	if (ret == 0)
		file->hidden[0] = '\0';
	return ret;
}

static int put(struct new_file *file, struct smudge_error *err)
{
	int ret = file->hidden[0] ? 0 : new_file_hide(file, err);

	if (ret)
		return ret;
	ret = replace(file);
	if (ret)
		return smudge_error_set(err, ret, WHERE,
					"cannot write %.120s: %s", file->path,
					strerror(-ret));
	return 0;
}

static void take_back(struct new_file *file)
{
	if (file->hidden[0])
		(void)rename_with(file, RENAME_EXCHANGE);
	else
		(void)unlink(file->path);
}

int new_files_name(struct new_file *files, size_t nfiles,
		   struct smudge_error *err)
{
	int ret = 0;
	size_t n = 0;

	while (!ret && n < nfiles) {
		ret = files[n].replaces ? put(&files[n], err)
					: new_file_name(&files[n], err);
		n += !ret;
	}
	while (ret && n)
		take_back(&files[--n]);
	return ret;
}

int new_files_keep(struct new_file *files, size_t nfiles,
		   struct smudge_error *err)
{
	for (size_t i = 0; i < nfiles; i++)
		if (fsync(files[i].fd) < 0)
			return smudge_error_set(err, -errno, WHERE,
						"cannot write %.120s: %s",
						files[i].path, strerror(errno));
	return new_files_name(files, nfiles, err);
}
