/* SPDX-License-Identifier: MIT */
/*
 * A link carries the same records over a regular file and over pipes as over a
 * socket, and leaves the flags of the descriptors alone.
 */
#include "stream_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define NRECORDS	 40
#define MAX_RECORD_BYTES (200 << 10)

static void write_all(struct stream_end *end, struct test_rng rng)
{
	assert_int_equal(smi_link_send_greeting(&end->link, &end->err), 0);
	for (int i = 0; i < NRECORDS; i++)
		assert_int_equal(
			stream_send_record(end, &rng, MAX_RECORD_BYTES), 0);
	assert_int_equal(stream_end_sending(end), 0);
}

static void read_all(struct stream_end *end, struct test_rng rng)
{
	assert_int_equal(smi_link_receive_greeting(&end->link, &end->err), 0);
	for (int i = 0; i < NRECORDS; i++)
		assert_int_equal(
			stream_expect_record(end, &rng, MAX_RECORD_BYTES), 0);
	/* And nothing behind them. */
	assert_int_equal(stream_expect_record(end, &rng, MAX_RECORD_BYTES),
			 -ENODATA);
}

static void a_regular_file(void **state)
{
	struct test_rng rng = test_rng_start("a_regular_file");
	struct stream_end end;
	int fd = stream_temp_file();
	int copy = dup(fd);
	uint64_t sent_bytes;

	stream_end_open(&end, -1, fd, NULL, SMI_WIRE_RECEIVER);
	assert_false(smi_channel_has_input(smi_link_channel(&end.link)));
	write_all(&end, rng);
	assert_int_equal(smi_link_records_sent(&end.link), NRECORDS);
	sent_bytes = smi_channel_sent_bytes(smi_link_channel(&end.link));
	stream_end_close(&end);
	assert_int_equal(lseek(copy, 0, SEEK_END), sent_bytes);

	lseek(copy, 0, SEEK_SET);
	stream_end_open(&end, copy, -1, NULL, SMI_WIRE_SENDER);
	assert_true(smi_channel_has_input(smi_link_channel(&end.link)));
	read_all(&end, rng);
	assert_int_equal(
		smi_channel_received_bytes(smi_link_channel(&end.link)),
		sent_bytes);
	stream_end_close(&end);
	assert_int_equal(fcntl(copy, F_GETFD), -1);
}

struct job {
	struct stream_end *end;
	struct test_rng rng;
};

static void *write_on_a_thread(void *opaque)
{
	struct job *job = opaque;

	write_all(job->end, job->rng);
	return NULL;
}

/* More than a pipe holds: the writer waits for the reader, again and again. */
static void a_pipe(void **state)
{
	struct test_rng rng = test_rng_start("a_pipe");
	struct stream_end reader;
	struct stream_end writer;
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	stream_end_open(&reader, fds[0], -1, NULL, SMI_WIRE_SENDER);
	stream_end_open(&writer, -1, fds[1], NULL, SMI_WIRE_RECEIVER);
	assert_false(smi_channel_has_input(smi_link_channel(&reader.link)));
	assert_int_equal(pthread_create(&thread, NULL, write_on_a_thread,
					&(struct job){&writer, rng}),
			 0);
	read_all(&reader, rng);
	pthread_join(thread, NULL);
	assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
	stream_end_close(&reader);
	stream_end_close(&writer);
}

/* Both directions, as over a socket: greetings cross, records answer. */
static void a_pair_of_pipes(void **state)
{
	struct test_rng there = test_rng_start("a_pair_of_pipes");
	struct test_rng arrived = there;
	struct stream_end ends[2];
	struct smi_wire_header header;

	stream_pipes_open(ends, NULL);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			smi_link_send_greeting(&ends[i].link, &ends[i].err), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			smi_link_receive_greeting(&ends[i].link, &ends[i].err),
			0);
	for (int i = 0; i < NRECORDS; i++) {
		assert_int_equal(stream_send_record(&ends[0], &there, 1000), 0);
		assert_int_equal(stream_expect_record(&ends[1], &arrived, 1000),
				 0);
		assert_int_equal(smi_link_send_empty(&ends[1].link,
						     SMI_WIRE_ACK,
						     &ends[1].err),
				 0);
		assert_int_equal(
			smi_link_receive(&ends[0].link, &header, &ends[0].err),
			0);
		assert_int_equal(header.type, SMI_WIRE_ACK);
	}
	stream_end_close(&ends[0]);
	stream_end_close(&ends[1]);
}

/* A final record arrives, and then the end of the stream. */
static void a_final_record(void **state)
{
	struct stream_end ends[2];
	struct smi_wire_header header;

	stream_pipes_open(ends, NULL);
	assert_true(smi_link_send_final(&ends[0].link, SMI_WIRE_ABORT, 1,
					"that is all"));
	smi_channel_drain(smi_link_channel(&ends[0].link), 1000000);
	assert_int_equal(smi_link_receive_greeting(&ends[1].link, &ends[1].err),
			 0);
	assert_int_equal(smi_link_receive(&ends[1].link, &header, &ends[1].err),
			 0);
	assert_int_equal(header.type, SMI_WIRE_ABORT);
	assert_int_equal(smi_link_receive(&ends[1].link, &header, &ends[1].err),
			 -ENODATA);
	stream_end_close(&ends[0]);
	stream_end_close(&ends[1]);
}

TEST_MAIN(a_regular_file, a_pipe, a_pair_of_pipes, a_final_record)
