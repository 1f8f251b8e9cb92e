/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that a file transport does not take: they stay the caller's, and
 * the sentence says what is wrong with them.
 */
#include "stream_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void refused(int receive_fd, int send_fd, int error, const char *words)
{
	struct smi_transport_file file;
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_int_equal(
		smi_transport_file_take_fds(&file, receive_fd, send_fd, &err),
		error);
	if (!strstr(err.message, words))
		fail_msg("\"%s\"", err.message);
}

static void not_open(void **state)
{
	int fd = stream_temp_file();

	close(fd);
	refused(fd, -1, -EBADF, "is not open");
	refused(-1, fd, -EBADF, "is not open");
	refused(-2, -1, -EBADF, "is not open");
}

static void for_the_other_direction(void **state)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	refused(fds[1], -1, -EBADF, "is not open for reading");
	refused(-1, fds[0], -EBADF, "is not open for writing");
	refused(fds[0], fds[0], -EBADF, "is not open for writing");
	assert_true(fcntl(fds[0], F_GETFD) >= 0);
	assert_true(fcntl(fds[1], F_GETFD) >= 0);
	close(fds[0]);
	close(fds[1]);
}

static void of_another_kind(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	refused(-1, null, -EINVAL, "is neither a regular file nor a pipe");
	refused(sock, -1, -EINVAL, "is neither a regular file nor a pipe");
	refused(dir, -1, -EINVAL, "is neither a regular file nor a pipe");
	close(null);
	close(sock);
	close(dir);
}

/* The first direction that ends would close it for the other one. */
static void one_for_both(void **state)
{
	int fd = stream_temp_file();

	refused(fd, fd, -EINVAL, "is given for both directions");
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}

/* A direction without a descriptor fails, and is never ready. */
static void none(void **state)
{
	struct stream_end end;
	struct smi_channel *channel = smi_link_channel(&end.link);
	char byte = 0;

	stream_end_open(&end, -1, -1, NULL, SMI_WIRE_SENDER);
	assert_int_equal(smi_channel_send(channel, &byte, 1, NULL), -EBADF);
	assert_int_equal(smi_channel_receive(channel, &byte, 1, NULL), -EBADF);
	assert_false(smi_channel_has_input(channel));
	assert_int_equal(stream_end_sending(&end), 0);
	stream_end_close(&end);
}

TEST_MAIN(not_open, for_the_other_direction, of_another_kind, one_for_both,
	  none)
