/* SPDX-License-Identifier: MIT */
/*
 * Paths that cannot be read or written: refused by name, at once, and with
 * nothing changed and nothing left beside.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.h"
#include "common/streams.h"

#include "folder.h"

static int write_abc(const char *path, int end_fd)
{
	return file_write(path, "abc", 3, end_fd);
}

static int read_any(const char *path, int end_fd)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	int ret = file_read(path, 1000, end_fd, &bytes, &len);

	if (ret < 0)
		assert_null(bytes);
	free(bytes);
	return ret;
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (void *)&address, sizeof(address)), 0);
	close(fd);
}

static void test_kinds(void **state)
{
	assert_int_equal(mkfifo("fifo", 0600), 0);
	make_socket("socket");
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(write_abc("fifo", FILE_NO_WAIT), -EMEDIUMTYPE);
	assert_int_equal(write_abc("fifo", -1), -ENXIO);
	assert_int_equal(write_abc("socket", -1), -EMEDIUMTYPE);
	assert_int_equal(write_abc(".", -1), -EISDIR);
	assert_int_equal(write_abc("dangling", -1), -ENOENT);
	assert_int_equal(write_abc("loop", -1), -ELOOP);
	assert_int_equal(write_abc("no/such", -1), -ENOENT);
	assert_int_equal(read_any("fifo", FILE_NO_WAIT), -EMEDIUMTYPE);
	assert_int_equal(read_any("socket", -1), -ENXIO);
	assert_int_equal(read_any(".", -1), -EISDIR);
	assert_int_equal(file_open_log("."), -EISDIR);
	assert_int_equal(file_open_log("socket"), -ENXIO);
	folder_check(*state, 4);
}

static void test_full_device(void **state)
{
	struct stat st;

	assert_int_equal(write_abc("/dev/full", FILE_NO_WAIT), -ENOSPC);
	assert_int_equal(stat("/dev/full", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void test_file_size_limit(void **state)
{
	struct rlimit before;
	struct rlimit limit;
	char byte = 0;
	int fd;

	assert_int_equal(write_abc("picture", -1), 0);
	/* SIGXFSZ would end this test */
	assert_int_equal(streams_prepare(), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){2, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(write_abc("picture", -1), -EFBIG);
	assert_int_equal(write_abc("other", -1), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
	fd = open("picture", O_RDONLY | O_CLOEXEC);
	assert_int_equal(lseek(fd, 0, SEEK_END), 3);
	assert_int_equal(pread(fd, &byte, 1, 2), 1);
	assert_int_equal(byte, 'c');
	close(fd);
	folder_check(*state, 1);
}

static void test_too_large(void **state)
{
	uint8_t *bytes = NULL;
	size_t len = 0;

	assert_int_equal(write_abc("file", -1), 0);
	assert_int_equal(file_read("file", 2, -1, &bytes, &len), -EFBIG);
	assert_int_equal(file_read("file", 3, -1, &bytes, &len), 0);
	assert_int_equal(len, 3);
	free(bytes);
	/* one whose size is not known before */
	assert_int_equal(file_read("/dev/zero", 100000, -1, &bytes, &len),
			 -EFBIG);
}

/* Without a writer or a reader only the end of the program ends the wait. */
static void test_waits_end(void **state)
{
	static char much[1 << 20];
	char line[8];
	int end_fd = eventfd(1, EFD_CLOEXEC);
	int reader;

	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(read_any("fifo", end_fd), -ECANCELED);
	assert_int_equal(file_read_line("fifo", line, sizeof(line), end_fd),
			 -ECANCELED);
	reader = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(file_write("fifo", much, sizeof(much), end_fd),
			 -ECANCELED);
	close(reader);
	close(end_fd);
}

static void test_end_leaves_the_old_file(void **state)
{
	int end_fd = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(file_write("file", "old", 3, -1), 0);
	assert_int_equal(write_abc("file", end_fd), -ECANCELED);
	assert_int_equal(write_abc("new", end_fd), -ECANCELED);
	close(end_fd);
	folder_check(*state, 1);
}

/* Root may do everything, so the test runs as another user. */
static void test_not_allowed(void **state)
{
	const uid_t nobody = 65534;
	bool is_root = geteuid() == 0;
	int ret;

	assert_int_equal(write_abc("file", -1), 0);
	assert_int_equal(chmod("file", 0444), 0);
	assert_int_equal(chmod(".", 0777), 0);
	if (is_root)
		assert_int_equal(seteuid(nobody), 0);
	ret = write_abc("file", -1);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(ret, -EACCES);
	assert_int_equal(chmod(".", 0700), 0);
	folder_check(*state, 1);
}

static void test_reasons(void **state)
{
	assert_string_equal(file_reason(-ENOSPC), "No space left on device");
	assert_string_equal(file_reason(-EFBIG), "File too large");
	assert_string_equal(file_reason(-EMEDIUMTYPE), "it is no regular file");
}

TEST_MAIN_WITH(folder_enter, folder_leave, test_kinds, test_full_device,
	       test_file_size_limit, test_too_large, test_waits_end,
	       test_end_leaves_the_old_file, test_not_allowed, test_reasons)
