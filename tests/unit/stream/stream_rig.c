/* SPDX-License-Identifier: MIT */
/*
 * Ends of streams over files and pipes, and their records.
 */
#include "stream_rig.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void stream_end_open(struct stream_end *end, int receive_fd, int send_fd,
		     const struct smi_channel_options *options,
		     enum smi_wire_role peer_role)
{
	const struct smi_channel_options none = {.activity = "the copy"};

	*end = (struct stream_end){0};
	assert_int_equal(smi_transport_file_take_fds(&end->file, receive_fd,
						     send_fd, &end->err),
			 0);
	smi_link_open(&end->link, &end->file.base, options ? options : &none,
		      peer_role);
}

int stream_end_sending(struct stream_end *end)
{
	struct smi_transport *transport =
		smi_link_channel(&end->link)->transport;

	return transport->ops->end_sending(transport);
}

void stream_end_close(struct stream_end *end)
{
	smi_link_close(&end->link);
}

int stream_temp_file(void)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void stream_pipes_open(struct stream_end ends[2],
		       const struct smi_channel_options *options)
{
	int there[2];
	int back[2];

	assert_int_equal(pipe2(there, O_CLOEXEC), 0);
	assert_int_equal(pipe2(back, O_CLOEXEC), 0);
	stream_end_open(&ends[0], back[0], there[1], options,
			SMI_WIRE_RECEIVER);
	stream_end_open(&ends[1], there[0], back[1], options, SMI_WIRE_SENDER);
}

/* Return: a record with room for its header, to be freed. */
static uint8_t *make_record(struct test_rng *rng, size_t max_bytes,
			    size_t *ret_length)
{
	size_t length = test_rng_below(rng, max_bytes + 1);
	uint8_t *record = malloc(SMI_WIRE_HEADER_BYTES + length);

	assert_non_null(record);
	for (size_t i = 0; i < length; i++)
		record[SMI_WIRE_HEADER_BYTES + i] = (uint8_t)test_rng_next(rng);
	*ret_length = length;
	return record;
}

int stream_send_record(struct stream_end *end, struct test_rng *rng,
		       size_t max_bytes)
{
	size_t length;
	uint8_t *record = make_record(rng, max_bytes, &length);
	int ret;

	ret = smi_link_send(&end->link, record, SMI_WIRE_STATE, length,
			    &end->err);
	free(record);
	return ret;
}

int stream_expect_record(struct stream_end *end, struct test_rng *rng,
			 size_t max_bytes)
{
	struct smi_wire_header header;
	size_t length;
	uint8_t *record;
	int ret = smi_link_receive(&end->link, &header, &end->err);

	if (ret < 0)
		return ret;
	record = make_record(rng, max_bytes, &length);
	assert_int_equal(header.type, SMI_WIRE_STATE);
	assert_int_equal(header.length, length);
	assert_memory_equal(smi_link_payload(&end->link),
			    record + SMI_WIRE_HEADER_BYTES, length);
	free(record);
	return 0;
}
