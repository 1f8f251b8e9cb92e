/* SPDX-License-Identifier: MIT */
/*
 * Whole files: made, replaced, through links and to devices; and read, also
 * from a FIFO whose writer comes late.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

#include "folder.h"

static void check_content(const char *name, const char *expected)
{
	uint8_t *bytes = NULL;
	size_t len = 0;

	assert_int_equal(file_read(name, 1 << 20, -1, &bytes, &len), 0);
	assert_int_equal(len, strlen(expected));
	assert_string_equal((char *)bytes, expected);
	free(bytes);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(name, &st), 0);
	return st.st_mode & 07777;
}

static void test_new_file(void **state)
{
	mode_t before = umask(027);

	assert_int_equal(file_write("new", "abc", 3, -1), 0);
	umask(before);
	check_content("new", "abc");
	assert_int_equal(mode_of("new"), 0640);
	folder_check(*state, 1);
}

static void test_replaced_file(void **state)
{
	assert_int_equal(file_write("old", "a longer text", 13, -1), 0);
	assert_int_equal(chmod("old", 0604), 0);
	assert_int_equal(file_write("old", "abc", 3, FILE_NO_WAIT), 0);
	check_content("old", "abc");
	assert_int_equal(mode_of("old"), 0604);
	/* a replaced program is no program any more */
	assert_int_equal(chmod("old", 06755), 0);
	assert_int_equal(file_write("old", "abc", 3, FILE_NO_WAIT), 0);
	assert_int_equal(mode_of("old"), 0755);
	folder_check(*state, 1);
}

static void test_link_stays(void **state)
{
	struct stat st;

	assert_int_equal(mkdir("below", 0700), 0);
	assert_int_equal(file_write("below/target", "old", 3, -1), 0);
	assert_int_equal(symlink("below/target", "link"), 0);
	assert_int_equal(file_write("link", "new", 3, -1), 0);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	check_content("below/target", "new");
	folder_check(*state, 2);
}

static void test_devices(void **state)
{
	struct stat st;

	assert_int_equal(file_write("/dev/null", "abc", 3, FILE_NO_WAIT), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void test_file_without_a_name(void **state)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[64];
	char text[8] = "";

	if (fd < 0)
		skip();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(file_write(path, "abc", 3, -1), 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 3);
	assert_string_equal(text, "abc");
	close(fd);
	folder_check(*state, 0);
}

/* Opens the FIFO when the reader has long been waiting. */
static void *write_late(void *opaque)
{
	static char text[200000];
	int fd;

	usleep(50000);
	memset(text, 'x', sizeof(text));
	text[3] = '\n';
	fd = open("fifo", O_WRONLY | O_CLOEXEC);
	for (size_t done = 0; fd >= 0 && done < sizeof(text);) {
		ssize_t n = write(fd, text + done, sizeof(text) - done);

		if (n < 0)
			break;
		done += (size_t)n;
	}
	close(fd);
	return opaque;
}

static void test_fifo_is_read_to_its_end(void **state)
{
	uint8_t *bytes = NULL;
	pthread_t thread;
	size_t len = 0;

	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_late, NULL), 0);
	assert_int_equal(file_read("fifo", 1 << 20, -1, &bytes, &len), 0);
	pthread_join(thread, NULL);
	assert_int_equal(len, 200000);
	free(bytes);
}

static void test_first_line(void **state)
{
	char line[8] = "";

	assert_int_equal(file_write("lines", "one\r\ntwo\n", 9, -1), 0);
	assert_int_equal(file_read_line("lines", line, sizeof(line), -1), 3);
	assert_string_equal(line, "one");
	assert_int_equal(file_write("lines", "0123456789\n", 11, -1), 0);
	assert_int_equal(file_read_line("lines", line, sizeof(line), -1), 7);
	assert_string_equal(line, "0123456");
	assert_int_equal(file_write("lines", "end", 3, -1), 0);
	assert_int_equal(file_read_line("lines", line, sizeof(line), -1), 3);
	assert_int_equal(file_write("lines", "", 0, -1), 0);
	assert_int_equal(file_read_line("lines", line, sizeof(line), -1), 0);
}

static void test_log_needs_no_reader(void **state)
{
	char text[8] = "";
	int out;
	int in;

	assert_int_equal(mkfifo("fifo", 0600), 0);
	out = file_open_log("fifo");
	assert_true(out >= 0);
	assert_int_equal(write(out, "abc", 3), 3);
	in = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(read(in, text, sizeof(text)), 3);
	close(in);
	/* without a reader again: no EPIPE */
	assert_int_equal(write(out, "abc", 3), 3);
	close(out);
	assert_int_equal(file_write("log", "old", 3, -1), 0);
	out = file_open_log("log");
	assert_true(out >= 0);
	assert_int_equal(lseek(out, 0, SEEK_END), 0);
	close(out);
}

static void test_unlink_by_identity(void **state)
{
	struct file_identity identity;

	assert_int_equal(file_write("mine", "a", 1, -1), 0);
	assert_int_equal(file_identify("mine", &identity), 0);
	assert_int_equal(rename("mine", "moved"), 0);
	assert_int_equal(file_write("mine", "b", 1, -1), 0);
	assert_int_equal(file_unlink("mine", &identity), -ESTALE);
	check_content("mine", "b");
	assert_int_equal(file_unlink("moved", &identity), 0);
	assert_int_equal(file_unlink("moved", &identity), -ENOENT);
	folder_check(*state, 1);
}

TEST_MAIN_WITH(folder_enter, folder_leave, test_new_file, test_replaced_file,
	       test_link_stays, test_devices, test_file_without_a_name,
	       test_fifo_is_read_to_its_end, test_first_line,
	       test_log_needs_no_reader, test_unlink_by_identity)
