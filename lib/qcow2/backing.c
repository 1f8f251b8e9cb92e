/* SPDX-License-Identifier: MIT */
/*
 * The name of a backing file, and the folder it must be in.
 */
#include "qcow2/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define WHERE "qcow2"

static int is_elsewhere(struct smudge_error *err, const char *image_name,
			const char *backing)
{
	return smudge_error_set(err, -EXDEV, WHERE,
				"%.60s: its backing file %.70s is not in the "
				"image's folder",
				image_name, backing);
}

/* "name:" before any '/' is a protocol to QEMU. */
static bool has_protocol(const char *backing)
{
	return backing[strcspn(backing, ":/")] == ':';
}

/* Return: 0, 1 (another folder), -errno of the folder itself. */
static int compare_folder(int folder_fd, const char *directory)
{
	struct stat there, here;

	if (fstat(folder_fd, &here) != 0)
		return -errno;
	if (fstatat(folder_fd, directory, &there, AT_NO_AUTOMOUNT) != 0)
		return 1;
	return here.st_dev != there.st_dev || here.st_ino != there.st_ino;
}

int smi_qcow2_backing_resolve(int folder_fd, const char *image_name,
			      char *backing, const char **ret_name,
			      struct smudge_error *err)
{
	char *slash = strrchr(backing, '/');
	const char *name = slash ? slash + 1 : backing;
	int ret;

	if (has_protocol(backing))
		return is_elsewhere(err, image_name, backing);
	if (!name[0] || strlen(name) > NAME_MAX || !strcmp(name, ".") ||
	    !strcmp(name, ".."))
		return smudge_error_set(err, -EBADMSG, WHERE,
					"%.60s: its backing file %.70s is no "
					"file name",
					image_name, backing);
	if (slash) {
		char first = slash[1];

		/* "/name" is in the directory "/", "a/name" in "a/". */
		slash[1] = 0;
		ret = compare_folder(folder_fd, backing);
		slash[1] = first;
		if (ret < 0)
			return smudge_error_set(err, ret, WHERE,
						"the folder: fstat: %s",
						strerror(-ret));
		if (ret)
			return is_elsewhere(err, image_name, backing);
	}
	*ret_name = name;
	return 0;
}
