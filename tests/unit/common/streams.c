/* SPDX-License-Identifier: MIT */
/*
 * A program that was started without some of its standard streams: nothing
 * it opens gets their numbers, and writing raises no signal that ends it.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/streams.h"

/* In a child: with @mask's descriptors closed. Exit status 0: all is well. */
static void prepare_without(unsigned int mask)
{
	struct stat null;
	struct stat st;

	for (int fd = 0; fd < 3; fd++)
		if (mask >> fd & 1)
			close(fd);
	if (streams_prepare() < 0 || stat("/dev/null", &null) < 0)
		_exit(1);
	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st) < 0)
			_exit(2);
		if ((mask >> fd & 1) && st.st_rdev != null.st_rdev)
			_exit(3);
	}
	_exit(open("/dev/zero", O_RDONLY | O_CLOEXEC) < 3 ? 4 : 0);
}

static int status_of(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_closed_streams(void **state)
{
	for (unsigned int mask = 0; mask < 8; mask++) {
		pid_t pid = fork();

		if (pid == 0)
			prepare_without(mask);
		assert_int_equal(status_of(pid), 0);
	}
}

/* What is printed is lost, which is known at the end. */
static void print_without_output(void)
{
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	if (streams_prepare() < 0 || streams_finish() != 0)
		_exit(1);
	puts("a report");
	if (streams_finish() != -EBADF)
		_exit(2);
	_exit(write(STDERR_FILENO, "x", 1) == 1 ? 0 : 3);
}

static void test_closed_output(void **state)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		print_without_output();
	assert_int_equal(status_of(pid), 0);
}

static void write_without_harm(void)
{
	const struct rlimit limit = {0, 0};
	FILE *file = tmpfile();
	int pair[2];

	if (!file || pipe2(pair, O_CLOEXEC) < 0 || streams_prepare() < 0)
		_exit(1);
	close(pair[0]);
	if (write(pair[1], "x", 1) >= 0 || errno != EPIPE)
		_exit(2);
	setrlimit(RLIMIT_FSIZE, &limit);
	if (write(fileno(file), "x", 1) >= 0 || errno != EFBIG)
		_exit(3);
	_exit(0);
}

static void test_signals_of_writing(void **state)
{
	pid_t pid = fork();

	if (pid == 0)
		write_without_harm();
	assert_int_equal(status_of(pid), 0);
}

static void print_to_a_full_disk(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (dup2(fd, STDOUT_FILENO) < 0)
		_exit(1);
	if (streams_finish() != 0)
		_exit(2);
	puts("a report");
	if (streams_finish() != -ENOSPC)
		_exit(3);
	_exit(0);
}

static void test_output_to_a_full_disk(void **state)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		print_to_a_full_disk();
	assert_int_equal(status_of(pid), 0);
}

TEST_MAIN(test_closed_streams, test_closed_output, test_signals_of_writing,
	  test_output_to_a_full_disk)
