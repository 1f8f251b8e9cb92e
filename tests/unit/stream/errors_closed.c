/* SPDX-License-Identifier: MIT */
/*
 * A stream that ends too early: a file cut anywhere, a pipe whose writer or
 * reader is gone.
 */
#include "stream_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define NRECORDS	 4
#define MAX_RECORD_BYTES 300

/* Read a whole stream. Return: how it ended. */
static int read_stream(struct stream_end *end, struct test_rng rng)
{
	int ret = smi_link_receive_greeting(&end->link, &end->err);

	for (int i = 0; !ret && i < NRECORDS; i++)
		ret = stream_expect_record(end, &rng, MAX_RECORD_BYTES);
	return ret;
}

/* Every length but the whole is too short, and is reported as such. */
static void a_short_file(void **state)
{
	struct test_rng rng = test_rng_start("a_short_file");
	struct test_rng records = rng;
	struct stream_end end;
	int fd = stream_temp_file();

	stream_end_open(&end, -1, dup(fd), NULL, SMI_WIRE_RECEIVER);
	assert_int_equal(smi_link_send_greeting(&end.link, &end.err), 0);
	for (int i = 0; i < NRECORDS; i++)
		assert_int_equal(
			stream_send_record(&end, &records, MAX_RECORD_BYTES),
			0);
	stream_end_close(&end);
	for (off_t length = lseek(fd, 0, SEEK_END); length >= 0; length--) {
		bool is_whole = length == lseek(fd, 0, SEEK_END);

		assert_int_equal(ftruncate(fd, length), 0);
		lseek(fd, 0, SEEK_SET);
		stream_end_open(&end, dup(fd), -1, NULL, SMI_WIRE_SENDER);
		assert_int_equal(read_stream(&end, rng),
				 is_whole ? 0 : -ENODATA);
		if (!is_whole)
			assert_non_null(strstr(end.err.message,
					       "before the copy was complete"));
		stream_end_close(&end);
	}
	close(fd);
}

static void *close_soon(void *opaque)
{
	struct stream_end *end = opaque;

	usleep(20000);
	stream_end_close(end);
	return NULL;
}

/* It waits for the first byte, and is woken by the end. */
static void a_writer_that_goes(void **state)
{
	struct test_rng rng = test_rng_start("a_writer_that_goes");
	struct stream_end ends[2];
	pthread_t thread;

	stream_pipes_open(ends, NULL);
	assert_int_equal(pthread_create(&thread, NULL, close_soon, &ends[0]),
			 0);
	assert_int_equal(read_stream(&ends[1], rng), -ENODATA);
	pthread_join(thread, NULL);
	assert_string_equal(
		ends[1].err.message,
		"the file ended after 0 bytes, before the copy was complete");
	stream_end_close(&ends[1]);
}

/* Send until it fails. Return: how. */
static int fill(struct stream_end *end)
{
	struct test_rng rng = test_rng_start("fill");
	int ret = 0;

	while (!ret)
		ret = stream_send_record(end, &rng, 1 << 20);
	return ret;
}

/* It waits in a full pipe, and is woken; no signal comes. */
static void a_reader_that_goes(void **state)
{
	struct stream_end ends[2];
	sigset_t pending;
	sigset_t blocked;
	pthread_t thread;

	stream_pipes_open(ends, NULL);
	assert_int_equal(pthread_create(&thread, NULL, close_soon, &ends[1]),
			 0);
	assert_int_equal(fill(&ends[0]), -EPIPE);
	pthread_join(thread, NULL);
	assert_non_null(strstr(ends[0].err.message, strerror(EPIPE)));
	/* At once, too. */
	assert_int_equal(smi_link_send_empty(&ends[0].link, SMI_WIRE_GO, NULL),
			 -EPIPE);
	sigpending(&pending);
	assert_int_equal(sigismember(&pending, SIGPIPE), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	assert_int_equal(sigismember(&blocked, SIGPIPE), 0);
	stream_end_close(&ends[0]);
}

/* A SIGPIPE that was pending in the thread before stays pending. */
static void a_callers_pending_signal(void **state)
{
	struct stream_end ends[2];
	const struct timespec no_wait = {0};
	sigset_t pipe_only;
	sigset_t old;
	sigset_t pending;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
	pthread_kill(pthread_self(), SIGPIPE);
	stream_pipes_open(ends, NULL);
	stream_end_close(&ends[1]);
	assert_int_equal(fill(&ends[0]), -EPIPE);
	sigpending(&pending);
	assert_int_equal(sigismember(&pending, SIGPIPE), 1);
	assert_int_equal(sigtimedwait(&pipe_only, NULL, &no_wait), SIGPIPE);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	stream_end_close(&ends[0]);
}

TEST_MAIN(a_short_file, a_writer_that_goes, a_reader_that_goes,
	  a_callers_pending_signal)
