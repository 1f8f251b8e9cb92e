/* SPDX-License-Identifier: MIT */
/*
 * One end of a stream over files and pipes, and records to send and to expect.
 */
#ifndef TESTS_UNIT_STREAM_STREAM_RIG_H
#define TESTS_UNIT_STREAM_STREAM_RIG_H

#include <stdint.h>

#include "stream/link.h"
#include "stream/transport_file.h"
#include "support.h"

struct stream_end {
	struct smi_transport_file file;
	struct smi_link link;
	struct smudge_error err; /* of the calls below */
};

/* @options: NULL for none of them. The descriptors become the end's. */
void stream_end_open(struct stream_end *end, int receive_fd, int send_fd,
		     const struct smi_channel_options *options,
		     enum smi_wire_role peer_role);
/* Nothing more will be sent: the reader sees the end. */
int stream_end_sending(struct stream_end *end);
void stream_end_close(struct stream_end *end);

/* An empty regular file in memory. */
int stream_temp_file(void);

/* Two ends over a pair of pipes: the first is the sender's. */
void stream_pipes_open(struct stream_end ends[2],
		       const struct smi_channel_options *options);

/* Send the @n-th record of @rng's: a STATE of up to @max_bytes. */
int stream_send_record(struct stream_end *end, struct test_rng *rng,
		       size_t max_bytes);
/* Receive it, and compare it with the one that the same @rng makes. */
int stream_expect_record(struct stream_end *end, struct test_rng *rng,
			 size_t max_bytes);

#endif
