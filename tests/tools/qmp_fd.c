/* SPDX-License-Identifier: MIT */
/*
 * A QMP client on a socket that was connected already: it negotiates, and sends
 * a descriptor beside a command. The replies are in the socket before the
 * client asks.
 */
#include "support.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <smudge/error.h>

#include "qmp_client.h"

#define GREETING "{\"QMP\": {}}\n"
#define DONE	 "{\"return\": {}}\n"

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Text of the peer, and the descriptor beside it or -1. */
static int receive(int fd, char *text, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec bytes = {.iov_base = text, .iov_len = size - 1};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &message, 0);
	int received = -1;

	assert_true(n > 0);
	text[n] = '\0';
	if (CMSG_FIRSTHDR(&message))
		memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)),
		       sizeof(received));
	return received;
}

static void descriptor_goes_with_its_command(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qmp_client *client = NULL;
	char text[200];
	int ends[2], pipes[2], received;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(pipe(pipes), 0);
	put(ends[1], GREETING DONE DONE DONE);
	assert_int_equal(qmp_client_open_fd(ends[0], QMP_CLIENT_NO_TIMEOUT,
					    &client, &err),
			 0);
	assert_int_equal(receive(ends[1], text, sizeof(text)), -1);
	assert_non_null(strstr(text, "qmp_capabilities"));
	assert_int_equal(qmp_client_run_fd(client, "getfd",
					   json_pack("{s:s}", "fdname", "x"),
					   pipes[1], NULL, &err),
			 0);
	received = receive(ends[1], text, sizeof(text));
	assert_non_null(strstr(text, "getfd"));
	assert_true(received >= 0);
	put(received, "through");
	assert_int_equal(read(pipes[0], text, 7), 7);
	assert_memory_equal(text, "through", 7);
	/* the next command has none */
	assert_int_equal(
		qmp_client_run(client, "query-status", NULL, NULL, &err), 0);
	assert_int_equal(receive(ends[1], text, sizeof(text)), -1);
	qmp_client_close(client);
	close(received);
	close(pipes[0]);
	close(pipes[1]);
	close(ends[1]);
}

static void peer_that_ends_gives_a_sentence(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qmp_client *client = NULL;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	close(ends[1]);
	assert_int_equal(qmp_client_open_fd(ends[0], QMP_CLIENT_NO_TIMEOUT,
					    &client, &err),
			 -ECONNRESET);
	assert_non_null(strstr(err.message, "closed the connection"));
	/* it was stolen */
	assert_int_equal(close(ends[0]), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptor_goes_with_its_command),
		cmocka_unit_test(peer_that_ends_gives_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
