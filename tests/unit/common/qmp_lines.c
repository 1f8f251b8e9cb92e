/* SPDX-License-Identifier: MIT */
/*
 * Messages of a QMP server, in whatever pieces they come, and how waiting for
 * one ends.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <smudge/error.h>

#include "common/clock.h"
#include "common/qmp_lines.h"

#define MAX_BYTES ((size_t)200 << 10)

struct ends {
	struct qmp_lines lines;
	int server;
};

static const struct qmp_patience at_once = {.deadline_ns = 0, .end_fd = -1};

static void begin(struct ends *ends)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	qmp_lines_begin(&ends->lines, fds[0], MAX_BYTES);
	ends->server = fds[1];
}

static void end(struct ends *ends)
{
	qmp_lines_end(&ends->lines);
	close(ends->server);
}

static void say(const struct ends *ends, const char *text, size_t length)
{
	assert_int_equal(write(ends->server, text, length), length);
}

/* The number in the next message. */
static int next(struct ends *ends)
{
	json_t *message = NULL;
	int ret = qmp_lines_read(&ends->lines, at_once, &message);

	if (!ret)
		ret = (int)json_integer_value(json_object_get(message, "n"));
	json_decref(message);
	return ret;
}

static void in_pieces(void **state)
{
	static const char text[] = "{\"n\": 1}\n{\"n\": 2}\r\n{\"n\": 3}\n";
	struct ends ends;

	begin(&ends);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		say(&ends, text + i, 1);
		if (text[i] != '\n')
			assert_int_equal(next(&ends), -ETIMEDOUT);
		else
			assert_true(next(&ends) > 0);
	}
	say(&ends, text, sizeof(text) - 1);
	assert_int_equal(next(&ends), 1);
	assert_int_equal(next(&ends), 2);
	assert_int_equal(next(&ends), 3);
	assert_int_equal(next(&ends), -ETIMEDOUT);
	end(&ends);
}

/* A message of @length bytes, its end of line among them. */
static int say_long(struct ends *ends, size_t length)
{
	char *text = malloc(length);
	size_t sent = 0;
	int ret = -ETIMEDOUT;

	assert_non_null(text);
	memset(text, ' ', length);
	memcpy(text, "{\"n\": 5", 7);
	memcpy(text + length - 2, "}\n", 2);
	while (ret == -ETIMEDOUT && sent < length) {
		ssize_t n = write(ends->server, text + sent, length - sent);

		if (n > 0)
			sent += (size_t)n;
		ret = next(ends);
	}
	free(text);
	return ret;
}

static void long_ones(void **state)
{
	struct ends ends;

	begin(&ends);
	assert_int_equal(say_long(&ends, MAX_BYTES / 2), 5);
	assert_int_equal(say_long(&ends, MAX_BYTES), 5);
	assert_int_equal(say_long(&ends, MAX_BYTES + 1), -EMSGSIZE);
	end(&ends);
}

static void refused(void **state)
{
	static const char text[] = "{\"QMP\": 1}\nhello\n{}\n";
	struct ends ends;

	begin(&ends);
	say(&ends, text, sizeof(text) - 1);
	assert_int_equal(qmp_lines_greet(&ends.lines, at_once), 0);
	assert_int_equal(next(&ends), -EPROTO);
	assert_int_equal(qmp_lines_greet(&ends.lines, at_once), -EPROTO);
	say(&ends, "{", 1);
	shutdown(ends.server, SHUT_WR);
	assert_int_equal(next(&ends), -ECONNRESET);
	end(&ends);
}

static void waits_end(void **state)
{
	struct qmp_patience patience = {.deadline_ns = INT64_MAX};
	int64_t began_ns = clock_now_ns();
	json_t *message;
	struct ends ends;
	int fds[2];

	begin(&ends);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "", 1), 1);
	patience.end_fd = fds[0];
	assert_int_equal(qmp_lines_read(&ends.lines, patience, &message),
			 -ECANCELED);
	patience.end_fd = -1;
	patience.deadline_ns = began_ns + 20 * CLOCK_NS_PER_MS;
	assert_int_equal(qmp_lines_read(&ends.lines, patience, &message),
			 -ETIMEDOUT);
	assert_true(clock_now_ns() >= patience.deadline_ns);
	close(fds[0]);
	close(fds[1]);
	end(&ends);
}

static void commands(void **state)
{
	static const char expected[] = "{\"execute\":\"a\"}{\"execute\":\"b\","
				       "\"arguments\":{\"n\":1}}";
	char text[sizeof(expected)] = "";
	struct ends ends;

	begin(&ends);
	assert_int_equal(qmp_lines_command(&ends.lines, "a", NULL, -1, at_once),
			 0);
	assert_int_equal(qmp_lines_command(&ends.lines, "b",
					   json_pack("{s:i}", "n", 1), -1,
					   at_once),
			 0);
	assert_int_equal(read(ends.server, text, sizeof(text) - 1),
			 sizeof(text) - 1);
	assert_string_equal(text, expected);
	end(&ends);
}

static void replies(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	json_t *value = NULL;

	assert_int_equal(
		qmp_open_reply(json_pack("{s:i}", "return", 7), &value, &err),
		0);
	assert_int_equal(json_integer_value(value), 7);
	json_decref(value);
	assert_int_equal(qmp_open_reply(json_pack("{s:{s:s}}", "error", "desc",
						  "it is not to be"),
					&value, &err),
			 -EREMOTEIO);
	assert_string_equal(err.message, "it is not to be");
}

TEST_MAIN(in_pieces, long_ones, refused, waits_end, commands, replies)
