/* SPDX-License-Identifier: MIT */
/*
 * A new file appears whole or not at all, is its owner's only, and replaces
 * another one only where that was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <smudge/error.h>

#include "folder.h"
#include "new_file.h"
#include "support.h"

#define LETTERS "0123456789"

static struct new_file file;

static void begin(bool replaces)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_int_equal(new_file_open(&file, "core", replaces, &err), 0);
	assert_int_equal(write(file.fd, LETTERS, 10), 10);
}

static void put_other(void)
{
	int fd = open("core", O_WRONLY | O_CREAT | O_EXCL, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "other", 5), 5);
	close(fd);
}

static void check_content(const char *expected)
{
	char bytes[64] = "";
	int fd = open("core", O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, bytes, sizeof(bytes) - 1) >= 0);
	close(fd);
	assert_string_equal(bytes, expected);
}

static void kept(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct stat status;

	begin(false);
	assert_int_equal(access("core", F_OK), -1);
	assert_int_equal(new_file_keep(&file, &err), 0);
	new_file_close(&file);
	check_content(LETTERS);
	assert_int_equal(stat("core", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	folder_check(".", 1);
}

static void given_up(void **state)
{
	begin(false);
	new_file_close(&file);
	folder_check(".", 0);
}

static void given_up_when_replacing(void **state)
{
	put_other();
	begin(true);
	new_file_close(&file);
	check_content("other");
	folder_check(".", 1);
}

static void replaced(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct stat status;

	put_other();
	begin(true);
	check_content("other");
	assert_int_equal(new_file_keep(&file, &err), 0);
	new_file_close(&file);
	check_content(LETTERS);
	assert_int_equal(stat("core", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	folder_check(".", 1);
}

static void refused(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	put_other();
	assert_int_equal(new_file_open(&file, "core", false, &err), -EEXIST);
	assert_string_equal(err.message,
			    "core is there already; --force replaces it");
	assert_int_equal(mkdir("folder", 0700), 0);
	memset(&err, 0, sizeof(err));
	assert_int_equal(new_file_open(&file, "folder", true, &err), -EISDIR);
	memset(&err, 0, sizeof(err));
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(new_file_open(&file, "pipe", true, &err), -ENXIO);
	memset(&err, 0, sizeof(err));
	assert_int_equal(new_file_open(&file, "none/core", true, &err),
			 -ENOENT);
	check_content("other");
	folder_check(".", 3);
}

/* The name of what is no file stays; that of a file, or of nothing, goes. */
static void links(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct stat status;

	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(symlink("pipe", "core"), 0);
	assert_int_equal(new_file_open(&file, "core", true, &err), -ENXIO);
	assert_int_equal(unlink("core"), 0);
	assert_int_equal(symlink(".", "core"), 0);
	assert_int_equal(new_file_open(&file, "core", true, &err), -EISDIR);
	assert_int_equal(unlink("core"), 0);
	assert_int_equal(unlink("pipe"), 0);
	assert_int_equal(symlink("nothing", "core"), 0);
	assert_int_equal(new_file_open(&file, "core", false, &err), -EEXIST);
	begin(true);
	assert_int_equal(new_file_keep(&file, &err), 0);
	new_file_close(&file);
	assert_int_equal(lstat("core", &status), 0);
	assert_true(S_ISREG(status.st_mode));
	check_content(LETTERS);
}

static void appeared_meanwhile(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	begin(false);
	put_other();
	assert_int_equal(new_file_keep(&file, &err), -EEXIST);
	new_file_close(&file);
	check_content("other");
	folder_check(".", 1);
}

/* /proc has no files without a name, and none that can be made either. */
static void no_room_for_it(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_true(new_file_open(&file, "/proc/core", false, &err) < 0);
	assert_non_null(strstr(err.message, "cannot write /proc/core: "));
}

static void open_two(struct new_file files[2])
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(new_file_open(&files[i], i ? "second" : "core",
					       true, &err),
				 0);
		assert_int_equal(write(files[i].fd, LETTERS, 10), 10);
	}
}

static void close_two(struct new_file files[2])
{
	for (size_t i = 0; i < 2; i++)
		new_file_close(&files[i]);
}

/* One is replaced, and one is new. */
static void several(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct new_file files[2];

	put_other();
	open_two(files);
	check_content("other");
	assert_int_equal(new_files_keep(files, 2, &err), 0);
	close_two(files);
	check_content(LETTERS);
	assert_int_equal(rename("second", "core"), 0);
	check_content(LETTERS);
	folder_check(".", 1);
}

/* The later name fails: what the first one replaced is there, as it was. */
static void a_later_name_fails(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct new_file files[2];
	struct stat status;

	for (int is_there = 0; is_there < 2; is_there++) {
		if (is_there)
			put_other();
		open_two(files);
		assert_int_equal(mkdir("second", 0700), 0);
		memset(&err, 0, sizeof(err));
		assert_int_equal(new_files_keep(files, 2, &err), -EISDIR);
		assert_non_null(strstr(err.message, "cannot write second: "));
		close_two(files);
		assert_int_equal(stat("second", &status), 0);
		assert_true(S_ISDIR(status.st_mode));
		if (is_there)
			check_content("other");
		folder_check(".", 1 + (unsigned int)is_there);
		assert_int_equal(rmdir("second"), 0);
	}
}

TEST_MAIN_WITH(folder_enter, folder_leave, kept, given_up,
	       given_up_when_replacing, replaced, refused, links,
	       appeared_meanwhile, no_room_for_it, several, a_later_name_fails)
