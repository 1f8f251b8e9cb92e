/* SPDX-License-Identifier: MIT */
/*
 * A destination of a later version, which sends records that this one does not
 * know: before each answer, while pages pour out, and before GO. The source
 * skips them all and continues, in the middle of a record too. But a peer must
 * not hold the source for ever with them once it cannot be cancelled any more.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "log_catch.h"

#define LATER_TYPE 0x7777
#define LONGEST_NS UINT64_C(30000000000)

static bool say_something(struct smi_link *link)
{
	uint8_t record[SMI_WIRE_HEADER_BYTES + 5];

	memcpy(record + SMI_WIRE_HEADER_BYTES, "hello", 5);
	smi_wire_record_seal(record, LATER_TYPE, SMI_WIRE_SKIPPABLE, 5);
	return !smi_channel_send(smi_link_channel(link), record, sizeof(record),
				 NULL);
}

static void answer(struct smi_link *link, const struct smi_wire_header *header,
		   bool is_final)
{
	uint8_t ack[SMI_WIRE_HEADER_BYTES + SMI_WIRE_ROUND_ACK_BYTES] = {0};
	struct smudge_error err = {0};

	if (header->type == SMI_WIRE_REGION_TABLE)
		smi_link_send_empty(link, SMI_WIRE_READY, &err);
	if (header->type == SMI_WIRE_ROUND_END && !is_final) {
		memcpy(ack + SMI_WIRE_HEADER_BYTES, smi_link_payload(link),
		       SMI_WIRE_ROUND_ACK_BYTES);
		smi_link_send(link, ack, SMI_WIRE_ROUND_ACK,
			      SMI_WIRE_ROUND_ACK_BYTES, &err);
	}
	if (header->type == SMI_WIRE_END)
		smi_link_send_empty(link, SMI_WIRE_ACK, &err);
	if (header->type == SMI_WIRE_GO)
		smi_link_send_empty(link, SMI_WIRE_RECEIPT, &err);
}

static void talks_all_the_time(void **state)
{
	struct rig rig = {.rounds_wanted = 3};
	struct smi_wire_header header = {0};
	struct smudge_error err = {0};
	struct smi_link link;
	struct log_catch log;
	bool is_final = false;

	log_catch_open(&log, SMUDGE_LOG_INFO);
	rig_open(&rig, "talks_all_the_time");
	/* More than the socket holds: the source waits inside a record. */
	memset(rig.source.hva[0], 0x22, rig.npages[0] << 12);
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	assert_int_equal(smi_link_greet(&link, &err), 0);
	while (header.type != SMI_WIRE_GO) {
		assert_int_equal(smi_link_receive(&link, &header, &err), 0);
		if (header.type == SMI_WIRE_ROUND_BEGIN)
			is_final = smi_link_payload(&link)[4];
		assert_true(say_something(&link));
		answer(&link, &header, is_final);
		if (header.type != SMI_WIRE_GO)
			assert_true(say_something(&link));
	}
	rig_join_sender(&rig);
	if (rig.send_error)
		fail_msg("%d %s", rig.send_error, rig.send_err.message);
	assert_int_equal(rig.resumes, 0);
	rig_assert_untracked(&rig);
	smi_link_close(&link);
	rig_close(&rig);
	log_catch_close(&log);
	assert_in_range(log_catch_count(&log, "a record of type 0x7777"), 1, 8);
}

static void *talk_on(void *opaque)
{
	const struct timespec nap = {.tv_nsec = 5000000};
	struct smi_link *link = opaque;

	if (rig_try_to_serve_until(link, SMI_WIRE_GO, 1))
		while (say_something(link))
			nanosleep(&nap, NULL);
	return NULL;
}

/* Return: what the send returned to a peer that never sends the receipt. */
static int meet_talker(uint64_t timeout_ns)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migrate_send_options options;
	struct smi_link link;
	pthread_t talker;

	rig_open(&rig, "talks_for_ever");
	rig_link_open(&rig, &link);
	assert_int_equal(pthread_create(&talker, NULL, talk_on, &link), 0);
	options = rig_send_options(&rig);
	options.peer_timeout_ns = timeout_ns;
	rig.send_error = rig_send(&rig, &options);
	if (rig.send_error == -EOWNERDEAD) {
		assert_int_equal(rig.stops, 1);
		assert_int_equal(rig.resumes, 0);
	}
	rig_assert_untracked(&rig);
	shutdown(rig.fds[0], SHUT_RDWR);
	pthread_join(talker, NULL);
	smi_link_close(&link);
	rig_close(&rig);
	return rig.send_error;
}

/*
 * It never comes to the receipt. On a busy machine the timeout may pass before
 * that, and it is tried again with a longer one.
 */
static void talks_for_ever(void **state)
{
	uint64_t timeout_ns = 2000000000;
	int ret = meet_talker(timeout_ns);

	while (ret == -ETIMEDOUT && timeout_ns < LONGEST_NS)
		ret = meet_talker(timeout_ns *= 2);
	assert_int_equal(ret, -EOWNERDEAD);
}

TEST_MAIN(talks_all_the_time, talks_for_ever)
