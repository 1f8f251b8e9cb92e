/* SPDX-License-Identifier: MIT */
/*
 * A chain's folder: its names, its lock, what is left in it.
 */
#include "checkpoint/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/folder_sync.h"

#define WHERE "folder"

#define PREFIX "layer-"
#define SUFFIX ".qcow2"

void smi_folder_name(uint64_t number, char name[SMI_FOLDER_NAME_BYTES])
{
	snprintf(name, SMI_FOLDER_NAME_BYTES, PREFIX "%08" PRIu64 SUFFIX,
		 number);
}

uint64_t smi_folder_number(const char *name)
{
	char expected[SMI_FOLDER_NAME_BYTES];
	uint64_t number = 0;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return 0;
	/* More than 64 bits wrap, and then it is not the same name. */
	for (const char *digit = name + strlen(PREFIX);
	     *digit >= '0' && *digit <= '9'; digit++)
		number = number * 10 + (uint64_t)(*digit - '0');
	smi_folder_name(number, expected);
	return strcmp(name, expected) == 0 ? number : 0;
}

static int cannot(const char *what, const char *path, struct smudge_error *err)
{
	int ret = -errno;

	return smudge_error_set(err, ret, WHERE, "%.100s cannot be %s: %s",
				path, what, strerror(-ret));
}

int smi_folder_open(const char *path, struct smudge_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? cannot("opened", path, err) : fd;
}

/* The entries of a folder, from the first one on. */
static DIR *entries_of(int folder_fd)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

/* A regular file that no process holds: its writer has ended. */
static bool is_abandoned(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* What cannot be opened is not ours, and what cannot be removed stays. */
static void remove_if_abandoned(int folder_fd, const char *name)
{
	int fd = openat(folder_fd, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (is_abandoned(fd))
		(void)unlinkat(folder_fd, name, 0);
	close(fd);
}

static int remove_leftovers(int folder_fd, const char *path,
			    struct smudge_error *err)
{
	DIR *dir = entries_of(folder_fd);
	const struct dirent *entry;

	if (!dir)
		return cannot("read", path, err);
	while ((entry = readdir(dir)))
		if (smi_folder_is_temporary(entry->d_name))
			remove_if_abandoned(folder_fd, entry->d_name);
	closedir(dir);
	return 0;
}

static int lock(int folder_fd, const char *path, struct smudge_error *err)
{
	if (flock(folder_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return cannot("locked", path, err);
	return smudge_error_set(err, -EBUSY, WHERE,
				"%.100s is in use by another writer of "
				"checkpoints",
				path);
}

/* The umask may have taken what the owner needs: it is to have all. */
static int allow_owner(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -1;
	return (st.st_mode & 0700) == 0700 ? 0 : chmod(path, 0700);
}

/* A folder that was made is there after a crash as well. */
static int make(const char *path, struct smudge_error *err)
{
	int fd, ret = 0;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : cannot("made", path, err);
	if (allow_owner(path) < 0)
		return cannot("made", path, err);
	fd = smi_folder_open(path, err);
	if (fd < 0)
		return fd;
	if (smi_folder_sync_parent(fd) < 0)
		ret = cannot("flushed", path, err);
	close(fd);
	return ret;
}

int smi_folder_lock(int folder_fd, const char *path, struct smudge_error *err)
{
	int ret = lock(folder_fd, path, err);

	return ret ? ret : remove_leftovers(folder_fd, path, err);
}

int smi_folder_open_to_write(const char *path, struct smudge_error *err)
{
	int ret = make(path, err);
	int fd;

	if (ret < 0)
		return ret;
	fd = smi_folder_open(path, err);
	if (fd < 0)
		return fd;
	ret = smi_folder_lock(fd, path, err);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

struct numbers {
	uint64_t *items;
	size_t n, room;
};

static int add_number(struct numbers *numbers, uint64_t number)
{
	if (numbers->n == numbers->room) {
		size_t room = numbers->room ? 2 * numbers->room : 64;
		uint64_t *items =
			realloc(numbers->items, room * sizeof(*items));

		if (!items)
			return -ENOMEM;
		numbers->items = items;
		numbers->room = room;
	}
	numbers->items[numbers->n++] = number;
	return 0;
}

static int read_numbers(DIR *dir, struct numbers *numbers)
{
	for (;;) {
		const struct dirent *entry;
		uint64_t number;

		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		number = smi_folder_number(entry->d_name);
		if (number && add_number(numbers, number) < 0)
			return -ENOMEM;
	}
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

int smi_folder_list(int folder_fd, uint64_t **ret_numbers, size_t *ret_n,
		    struct smudge_error *err)
{
	struct numbers numbers = {0};
	DIR *dir = entries_of(folder_fd);
	int ret;

	if (!dir)
		return cannot("read", "the folder of layers", err);
	ret = read_numbers(dir, &numbers);
	closedir(dir);
	if (ret < 0) {
		free(numbers.items);
		return smudge_error_set(err, ret, WHERE,
					"the folder of layers cannot be read: "
					"%s",
					strerror(-ret));
	}
	if (numbers.n)
		qsort(numbers.items, numbers.n, sizeof(*numbers.items),
		      compare);
	*ret_numbers = numbers.items;
	*ret_n = numbers.n;
	return 0;
}

static bool is_other(const char *name)
{
	return !smi_folder_number(name) && !smi_folder_is_temporary(name) &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int smi_folder_each_other(int folder_fd,
			  int (*found)(void *opaque, const char *name),
			  void *opaque, struct smudge_error *err)
{
	DIR *dir = entries_of(folder_fd);
	const struct dirent *entry;
	int ret = 0;

	if (!dir)
		return cannot("read", "the folder of layers", err);
	while (!ret && (entry = readdir(dir)))
		if (is_other(entry->d_name))
			ret = found(opaque, entry->d_name);
	closedir(dir);
	return 0;
}

int smi_folder_newest(int folder_fd, uint64_t *ret_number,
		      struct smudge_error *err)
{
	uint64_t *numbers;
	size_t n;
	int ret = smi_folder_list(folder_fd, &numbers, &n, err);

	if (ret < 0)
		return ret;
	*ret_number = n ? numbers[n - 1] : 0;
	free(numbers);
	return 0;
}
