/* SPDX-License-Identifier: MIT */
/*
 * Makes the folder in the system's folder for temporary files, enters it, and
 * returns to the earlier working directory.
 */
#include "folder.h"

#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int folder_enter(void **state)
{
	char *path = strdup("/tmp/smudge-unit-XXXXXX");

	if (!path || !mkdtemp(path) || chdir(path) < 0)
		return -1;
	*state = path;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *where)
{
	return remove(path);
}

int folder_leave(void **state)
{
	int ret = chdir("/");

	if (nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		ret = -1;
	free(*state);
	return ret;
}

void folder_check(const char *path, size_t nentries)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);
	size_t found = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		found += strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	assert_int_equal(found, nentries);
}

void folder_flip(const char *name, off_t at, uint8_t bits)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= bits;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}
