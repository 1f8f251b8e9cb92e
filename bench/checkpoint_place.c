/* SPDX-License-Identifier: MIT */
/*
 * A folder on tmpfs, so that a disk is not what is measured.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench_program.h"
#include "checkpoint.h"

static char place[64];

const char *checkpoint_place(void)
{
	if (!place[0]) {
		snprintf(place, sizeof(place), "%s/bench-checkpoint-XXXXXX",
			 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		bench_must(mkdtemp(place) ? 0 : -errno, "a folder on tmpfs");
		atexit(checkpoint_place_remove);
	}
	return place;
}

const char *checkpoint_path(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", checkpoint_place(), name);
	return path;
}

void checkpoint_remove_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (unlinkat(dirfd(folder), entry->d_name, 0) < 0 &&
		    errno == EISDIR && entry->d_name[0] != '.') {
			char below[PATH_MAX];

			snprintf(below, sizeof(below), "%s/%s", path,
				 entry->d_name);
			checkpoint_remove_folder(below);
		}
	closedir(folder);
	rmdir(path);
}

void checkpoint_place_remove(void)
{
	if (place[0])
		checkpoint_remove_folder(place);
	place[0] = 0;
}
