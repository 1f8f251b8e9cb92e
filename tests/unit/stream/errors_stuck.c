/* SPDX-License-Identifier: MIT */
/*
 * A pipe that nothing is read from, or written to: the timeout, the deadline,
 * a cancel and an interruption end the wait, each in its time.
 */
#include "stream_rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/clock.h"

#define TIMEOUT_NS   UINT64_C(50000000)
#define LONG_NS	     UINT64_C(20000000000)
#define RECORD_BYTES (1 << 20)
/* Only a wait of another kind is longer, however busy the machine is. */
#define LONGEST_NS (LONG_NS / 2)
#define NTRIES	   50

static const struct smi_channel_options short_timeout = {
	.activity = "the copy",
	.timeout_ns = TIMEOUT_NS,
};

/* Fill the pipe until a send does not return 0. Return: what it returned. */
static int fill(struct stream_end *end)
{
	struct test_rng rng = {.state = 1};
	int ret = 0;

	while (!ret)
		ret = stream_send_record(end, &rng, RECORD_BYTES);
	return ret;
}

static void nothing_is_read(void **state)
{
	struct stream_end ends[2];
	uint64_t start_ns = smi_sys_now_ns();

	stream_pipes_open(ends, &short_timeout);
	assert_int_equal(fill(&ends[0]), -ETIMEDOUT);
	assert_in_range(smi_sys_now_ns() - start_ns, TIMEOUT_NS, LONGEST_NS);
	assert_string_equal(ends[0].err.message,
			    "no byte of the file moved for 50 ms, the "
			    "connection is taken for dead");
	stream_end_close(&ends[0]);
	stream_end_close(&ends[1]);
}

static void nothing_is_written(void **state)
{
	struct stream_end ends[2];
	uint64_t start_ns = smi_sys_now_ns();
	char byte;

	stream_pipes_open(ends, &short_timeout);
	assert_int_equal(smi_channel_receive(smi_link_channel(&ends[1].link),
					     &byte, 1, &ends[1].err),
			 -ETIMEDOUT);
	assert_in_range(smi_sys_now_ns() - start_ns, TIMEOUT_NS, LONGEST_NS);
	stream_end_close(&ends[0]);
	stream_end_close(&ends[1]);
}

/* Reads a little, often enough for the timeout, until the pipe is closed. */
static void *read_slowly(void *opaque)
{
	struct stream_end *end = opaque;
	char bytes[4096];

	while (!smi_channel_receive(smi_link_channel(&end->link), bytes,
				    sizeof(bytes), NULL))
		usleep(TIMEOUT_NS / 10000);
	return NULL;
}

/* How long the deadline of three timeouts took. */
static uint64_t meet_deadline(void)
{
	struct stream_end ends[2];
	struct smi_channel *channel;
	pthread_t thread;
	uint64_t start_ns, took_ns;

	stream_pipes_open(ends, &short_timeout);
	channel = smi_link_channel(&ends[0].link);
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &ends[1]),
			 0);
	assert_false(smi_channel_has_deadline(channel));
	smi_channel_set_deadline(channel, 3);
	assert_true(smi_channel_has_deadline(channel));
	start_ns = smi_sys_now_ns();
	assert_int_equal(fill(&ends[0]), -ETIMEDOUT);
	took_ns = smi_sys_now_ns() - start_ns;
	smi_channel_clear_deadline(channel);
	assert_false(smi_channel_has_deadline(channel));
	smi_channel_shutdown(channel);
	pthread_join(thread, NULL);
	stream_end_close(&ends[0]);
	stream_end_close(&ends[1]);
	return took_ns;
}

/*
 * Bytes move, so only the deadline ends it. On a busy machine the reader may
 * not run for a timeout, which ends it earlier: that is tried again.
 */
static void a_deadline(void **state)
{
	uint64_t took_ns = 0;

	for (int i = 0; i < NTRIES && took_ns < 3 * TIMEOUT_NS - 1000000; i++)
		took_ns = meet_deadline();
	assert_in_range(took_ns, 3 * TIMEOUT_NS - 1000000, LONGEST_NS);
}

static void *cancel_soon(void *opaque)
{
	usleep(20000);
	smi_cancel_request(opaque);
	return NULL;
}

static void a_cancel(void **state)
{
	struct smi_cancel cancel;
	const struct smi_channel_options options = {
		.activity = "the copy",
		.cancel = &cancel,
		.timeout_ns = LONG_NS,
	};
	uint64_t start_ns = smi_sys_now_ns();
	struct stream_end ends[2];
	pthread_t thread;
	char byte;

	assert_int_equal(smi_cancel_open(&cancel), 0);
	stream_pipes_open(ends, &options);
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel),
			 0);
	assert_int_equal(fill(&ends[0]), -ECANCELED);
	assert_string_equal(ends[0].err.message, "the copy was cancelled");
	assert_true(smi_channel_was_cancelled(smi_link_channel(&ends[0].link)));
	assert_int_equal(smi_channel_receive(smi_link_channel(&ends[1].link),
					     &byte, 1, NULL),
			 -ECANCELED);
	/* It came in time, so it is too late to commit. */
	assert_int_equal(smi_channel_commit(smi_link_channel(&ends[0].link),
					    &ends[0].err),
			 -ECANCELED);
	assert_true(smi_sys_now_ns() - start_ns < LONGEST_NS);
	pthread_join(thread, NULL);
	stream_end_close(&ends[0]);
	stream_end_close(&ends[1]);
	smi_cancel_close(&cancel);
}

static void *receive_one(void *opaque)
{
	struct stream_end *end = opaque;
	struct smi_wire_header header;

	assert_int_equal(smi_link_receive(&end->link, &header, &end->err), 0);
	assert_int_equal(header.length, RECORD_BYTES);
	return NULL;
}

/* The peer sends a record while the pipe to it is full: the send stops, and is
 * continued in the middle of its own record. */
static void an_interruption(void **state)
{
	uint8_t *record = calloc(1, SMI_WIRE_HEADER_BYTES + RECORD_BYTES);
	struct smi_wire_header header;
	struct stream_end ends[2];
	pthread_t thread;

	assert_non_null(record);
	stream_pipes_open(ends, NULL);
	smi_channel_set_interruptible(smi_link_channel(&ends[0].link), true);
	smi_link_send_empty(&ends[1].link, SMI_WIRE_ACK, NULL);
	assert_int_equal(smi_link_send(&ends[0].link, record, SMI_WIRE_STATE,
				       RECORD_BYTES, &ends[0].err),
			 SMI_INTERRUPTED);
	/* Inside a record no other may follow, not even the final one. */
	assert_false(smi_link_send_final(&ends[0].link, SMI_WIRE_ABORT, 1,
					 "in a record"));
	assert_int_equal(smi_link_receive(&ends[0].link, &header, &ends[0].err),
			 0);
	assert_int_equal(header.type, SMI_WIRE_ACK);
	assert_int_equal(pthread_create(&thread, NULL, receive_one, &ends[1]),
			 0);
	assert_int_equal(smi_link_send_rest(&ends[0].link, record, RECORD_BYTES,
					    &ends[0].err),
			 0);
	pthread_join(thread, NULL);
	stream_end_close(&ends[0]);
	stream_end_close(&ends[1]);
	free(record);
}

/* The end of the peer's stream interrupts a send too. */
static void an_interrupting_end(void **state)
{
	struct stream_end ends[2];
	struct smi_wire_header header;

	stream_pipes_open(ends, NULL);
	smi_channel_set_interruptible(smi_link_channel(&ends[0].link), true);
	assert_int_equal(stream_end_sending(&ends[1]), 0);
	assert_int_equal(fill(&ends[0]), SMI_INTERRUPTED);
	assert_int_equal(smi_link_receive(&ends[0].link, &header, &ends[0].err),
			 -ENODATA);
	stream_end_close(&ends[0]);
	stream_end_close(&ends[1]);
}

TEST_MAIN(nothing_is_read, nothing_is_written, a_deadline, a_cancel,
	  an_interruption, an_interrupting_end)
