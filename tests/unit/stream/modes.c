/* SPDX-License-Identifier: MIT */
/*
 * A cancel and a deadline end calls that would not have to wait, and in its
 * final mode a channel obeys its new timeout alone.
 */
#include "stream_rig.h"

#include <errno.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)

static uint64_t one_byte_ps(void *opaque)
{
	return 1;
}

/* A regular file, whose calls never wait. */
static void a_cancel(void **state)
{
	struct smi_cancel cancel;
	const struct smi_channel_options options = {
		.activity = "the copy",
		.cancel = &cancel,
	};
	struct stream_end end;
	struct smi_channel *channel = smi_link_channel(&end.link);
	int fd = stream_temp_file();
	char byte = 0;

	assert_int_equal(smi_cancel_open(&cancel), 0);
	stream_end_open(&end, dup(fd), fd, &options, SMI_WIRE_RECEIVER);
	assert_int_equal(smi_channel_send(channel, &byte, 1, NULL), 0);
	assert_int_equal(smi_cancel_request(&cancel), 0);
	assert_int_equal(smi_channel_send(channel, &byte, 1, NULL), -ECANCELED);
	assert_int_equal(smi_channel_receive(channel, &byte, 1, NULL),
			 -ECANCELED);
	assert_int_equal(smi_channel_sent_bytes(channel), 1);
	/* Its final message may have to report the cancel. */
	smi_channel_begin_final(channel, 1000 * NS_PER_MS);
	assert_int_equal(smi_channel_send(channel, &byte, 1, NULL), 0);
	stream_end_close(&end);
	smi_cancel_close(&cancel);
}

/* A peer that always has another byte must not go beyond it. */
static void a_deadline(void **state)
{
	const struct smi_channel_options options = {
		.activity = "the copy",
		.timeout_ns = NS_PER_MS,
	};
	struct stream_end end;
	struct smi_channel *channel = smi_link_channel(&end.link);
	int fd = stream_temp_file();
	char bytes[2] = {0};

	assert_int_equal(write(fd, bytes, 2), 2);
	lseek(fd, 0, SEEK_SET);
	stream_end_open(&end, fd, -1, &options, SMI_WIRE_SENDER);
	assert_int_equal(smi_channel_receive(channel, bytes, 1, NULL), 0);
	smi_channel_set_deadline(channel, 1);
	usleep(2000);
	assert_int_equal(smi_channel_receive(channel, bytes, 1, NULL),
			 -ETIMEDOUT);
	smi_channel_clear_deadline(channel);
	assert_int_equal(smi_channel_receive(channel, bytes, 1, NULL), 0);
	stream_end_close(&end);
}

/* A full pipe, and input, which would interrupt a send before. */
static void a_final_message(void **state)
{
	const struct smi_channel_options options = {
		.activity = "the copy",
		.timeout_ns = 10 * NS_PER_MS,
		.rate_limit_bytes_ps = one_byte_ps,
	};
	struct stream_end ends[2];
	struct smi_channel *channel = smi_link_channel(&ends[0].link);
	char byte = 0;

	stream_pipes_open(ends, &options);
	while (!smi_link_send_empty(&ends[0].link, SMI_WIRE_ACK, NULL))
		continue;
	assert_int_equal(smi_link_send_empty(&ends[1].link, SMI_WIRE_ACK, NULL),
			 0);
	smi_channel_set_interruptible(channel, true);
	assert_int_equal(smi_link_send_empty(&ends[0].link, SMI_WIRE_ACK, NULL),
			 SMI_INTERRUPTED);
	smi_channel_set_rate_limited(channel, true);
	assert_true(smi_channel_is_rate_limited(channel));
	smi_channel_begin_final(channel, 10 * NS_PER_MS);
	assert_false(smi_channel_is_rate_limited(channel));
	while (!smi_channel_send(channel, &byte, 1, &ends[0].err))
		continue;
	assert_int_equal(ends[0].err.code, -ETIMEDOUT);
	stream_end_close(&ends[0]);
	stream_end_close(&ends[1]);
}

TEST_MAIN(a_cancel, a_deadline, a_final_message)
