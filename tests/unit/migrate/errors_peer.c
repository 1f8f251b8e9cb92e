/* SPDX-License-Identifier: MIT */
/*
 * The other end is not what it should be: no smudge, another version, another
 * sender, silent, out of order, or no socket at all.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/bytes.h"
#include "wire/greeting.h"

/* The code of the only record behind a greeting; 0: there is none. */
static uint32_t read_code(int fd)
{
	uint8_t bytes[SMI_WIRE_GREETING_BYTES + SMI_WIRE_HEADER_BYTES +
		      SMI_WIRE_MAX_REASON];
	ssize_t length = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (length <= SMI_WIRE_GREETING_BYTES + SMI_WIRE_HEADER_BYTES)
		return 0;
	return smi_wire_get_u32(bytes + SMI_WIRE_GREETING_BYTES +
				SMI_WIRE_HEADER_BYTES);
}

static void meets(struct rig *rig, const void *bytes, size_t length, int error,
		  const char *words, uint32_t code)
{
	rig_start_sender(rig);
	assert_int_equal(send(rig->fds[1], bytes, length, 0), length);
	rig_join_sender(rig);
	rig_assert_went_back(rig, error, words);
	assert_int_equal(rig->stops, 0);
	assert_int_equal(read_code(rig->fds[1]), code);
	rig_close(rig);
}

static void not_smudge(void **state)
{
	struct rig rig = {0};

	rig_open(&rig, "not_smudge");
	meets(&rig, "220 mail", 8, -EPROTO,
	      "the peer is not smudge: it begins with '220 mail'", 0);
}

static void meets_greeting(const struct smi_wire_greeting *greeting, int error,
			   const char *words, uint32_t code)
{
	uint8_t bytes[SMI_WIRE_GREETING_BYTES];
	struct rig rig = {0};

	rig_open(&rig, words);
	smi_wire_greeting_encode(greeting, bytes);
	meets(&rig, bytes, sizeof(bytes), error, words, code);
}

static void another_version(void **state)
{
	meets_greeting(&(struct smi_wire_greeting){.version = 9, .role = 2},
		       -EPROTO, "speaks version 9 of the migration stream", 0);
}

static void two_senders(void **state)
{
	meets_greeting(&(struct smi_wire_greeting){.version = 1, .role = 1},
		       -EPROTO, "not the receiver of a migration", 4);
}

static void unknown_feature(void **state)
{
	meets_greeting(&(struct smi_wire_greeting){.version = 1,
						   .role = 2,
						   .mandatory = 2},
		       -EPROTONOSUPPORT, "demands features 0x2", 7);
}

static void damaged_greeting(void **state)
{
	const struct smi_wire_greeting greeting = {.version = 1, .role = 2};
	uint8_t bytes[SMI_WIRE_GREETING_BYTES];
	struct rig rig = {0};

	rig_open(&rig, "damaged_greeting");
	smi_wire_greeting_encode(&greeting, bytes);
	bytes[20] ^= 1;
	meets(&rig, bytes, sizeof(bytes), -EBADMSG, "greeting is damaged", 4);
}

/* It answers a round that was not asked about. */
static void out_of_order(void **state)
{
	struct rig rig = {0};
	struct smudge_error err = {0};
	struct smi_link link;

	rig_open(&rig, "out_of_order");
	memset(rig.source.hva[0], 0x22, rig.npages[0] << 12);
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, SMI_WIRE_ROUND_BEGIN, 1);
	smi_link_send_empty(&link, SMI_WIRE_ACK, &err);
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, -EPROTO, "ACK record when none was due");
	smi_link_close(&link);
	rig_close(&rig);
}

static void silent_sender_side(void **state)
{
	struct rig rig = {0};
	struct smudge_migrate_send_options options;

	rig_open(&rig, "silent_sender_side");
	options = rig_send_options(&rig);
	options.peer_timeout_ns = 20000000;
	rig.send_error = rig_send(&rig, &options);
	rig_assert_went_back(&rig, -ETIMEDOUT, "the peer was silent for 20 ms");
	assert_int_equal(read_code(rig.fds[1]), 8);
	rig_close(&rig);
}

static int load_nothing(void *opaque, const void *bytes, size_t length,
			struct smudge_error *err)
{
	return 0;
}

static void silent_receiver_side(void **state)
{
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options),
		.state_load = load_nothing,
		.peer_timeout_ns = 20000000,
	};
	struct rig rig = {0};

	rig_open(&rig, "silent_receiver_side");
	assert_int_equal(
		smudge_migrate_receive(rig.receiving, rig.destination.memory,
				       rig.fds[1], &options, &rig.receive_err),
		-ETIMEDOUT);
	assert_non_null(strstr(rig.receive_err.message,
			       "the peer was silent for 20 ms"));
	assert_int_equal(rig_stats(rig.receiving).phase, SMUDGE_MIGRATE_FAILED);
	assert_int_equal(read_code(rig.fds[0]), 8);
	rig_close(&rig);
}

static void no_socket(void **state)
{
	struct rig rig = {0};
	int fds[2];

	rig_open(&rig, "no_socket");
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(
		smudge_migrate_send(rig.sending, rig.source.memory, fds[1],
				    &(struct smudge_migrate_send_options){0},
				    &rig.send_err),
		-EINVAL);
	memset(&rig.send_err, 0, sizeof(rig.send_err));
	close(rig.fds[0]);
	rig.fds[0] = fds[1];
	assert_int_equal(rig_send(&rig, NULL), -ENOTSOCK);
	assert_non_null(strstr(rig.send_err.message, "not a stream socket"));
	close(fds[0]);
	rig_close(&rig);
}

TEST_MAIN(not_smudge, another_version, two_senders, unknown_feature,
	  damaged_greeting, out_of_order, silent_sender_side,
	  silent_receiver_side, no_socket)
