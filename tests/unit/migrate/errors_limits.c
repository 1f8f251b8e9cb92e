/* SPDX-License-Identifier: MIT */
/*
 * A peer that sends all the time, but not what is due: each thing that is due
 * has one time limit, after which the peer gets code 8.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "wire/bytes.h"
#include "migrate/regions.h"
#include "wire/control.h"
#include "wire/pages.h"

/* Far longer than a peer sleeps that talks on, on a busy machine too. */
#define LIMIT_NS UINT64_C(400000000)

static void nap(void)
{
	const struct timespec time = {.tv_nsec = 5000000};

	nanosleep(&time, NULL);
}

/* A record to be skipped, with @length bytes of payload. */
static bool say_nothing(int fd, size_t length)
{
	static uint8_t record[SMI_WIRE_HEADER_BYTES + SMI_WIRE_CAP_SKIPPABLE];

	smi_wire_record_seal(record, 0x7777, SMI_WIRE_SKIPPABLE, length);
	return send(fd, record, SMI_WIRE_HEADER_BYTES + length, MSG_NOSIGNAL) >
	       0;
}

/* The code of the ABORT or REFUSE that ends the peer's stream; or 0. */
static uint32_t last_code(struct smi_link *link)
{
	struct smi_wire_header header;
	struct smudge_error err = {0};
	uint32_t code = 0;

	while (!smi_link_receive(link, &header, &err))
		if (header.type == SMI_WIRE_ABORT ||
		    header.type == SMI_WIRE_REFUSE)
			code = smi_wire_get_u32(smi_link_payload(link));
	smi_channel_shutdown(smi_link_channel(link));
	return code;
}

/* A destination that stops answering at a record, and talks on. */
struct talker {
	struct smi_link link;
	int fd; /* the link's */
	uint32_t stop_at;
	int nth;
	bool in_time; /* slowly; or as much as it can */
	uint32_t code;
};

static void *talk_on(void *opaque)
{
	struct talker *talker = opaque;

	rig_serve_until(&talker->link, talker->stop_at, talker->nth);
	while (!smi_channel_has_input(smi_link_channel(&talker->link)) &&
	       say_nothing(talker->fd, 0))
		if (talker->in_time)
			nap();
	talker->code = last_code(&talker->link);
	return NULL;
}

static void sender_meets(uint32_t stop_at, int nth, bool in_time, int error,
			 const char *words)
{
	struct rig rig = {.page_shift = 12, .npages = {16, 4}};
	struct talker talker = {
		.stop_at = stop_at, .nth = nth, .in_time = in_time};
	struct smudge_migrate_send_options options;
	pthread_t thread;

	rig.rounds_wanted = 1;
	rig_open(&rig, "sender_meets");
	rig_link_open(&rig, &talker.link);
	talker.fd = rig.fds[1];
	assert_int_equal(pthread_create(&thread, NULL, talk_on, &talker), 0);
	options = rig_send_options(&rig);
	options.peer_timeout_ns = in_time ? LIMIT_NS : 0;
	rig.send_error = rig_send(&rig, &options);
	pthread_join(thread, NULL);
	rig_assert_went_back(&rig, error, words);
	assert_int_equal(talker.code, SMI_WIRE_ABORT_LIMIT);
	smi_link_close(&talker.link);
	rig_close(&rig);
}

static void no_ready(void **state)
{
	sender_meets(SMI_WIRE_REGION_TABLE, 1, true, -ETIMEDOUT,
		     "did not come to the point");
}

static void no_round_ack(void **state)
{
	sender_meets(SMI_WIRE_ROUND_END, 1, true, -ETIMEDOUT,
		     "did not come to the point");
}

static void no_ack(void **state)
{
	sender_meets(SMI_WIRE_END, 1, true, -ETIMEDOUT,
		     "did not come to the point");
}

static void too_much_to_skip(void **state)
{
	sender_meets(SMI_WIRE_ROUND_END, 1, false, -EOVERFLOW,
		     "too many skippable records in a row: 4097");
}

static void *read_slowly(void *opaque)
{
	struct talker *talker = opaque;
	char bytes[4096];

	rig_serve_until(&talker->link, SMI_WIRE_ROUND_BEGIN, 2);
	while (recv(talker->fd, bytes, sizeof(bytes), 0) > 0)
		nap();
	return NULL;
}

static int stop_and_write(void *opaque)
{
	struct rig *rig = opaque;

	rig->stops++;
	memset(rig->source.hva[0], 0x44, rig->npages[0] << rig->page_shift);
	smudge_region_mark(rig->source.regions[0], 0, rig->npages[0]);
	return 0;
}

/* The machine stands still while a peer takes a few bytes now and then. */
static void slow_reader(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migrate_send_options options;
	struct talker talker = {0};
	pthread_t thread;

	rig_open(&rig, "slow_reader");
	rig_link_open(&rig, &talker.link);
	talker.fd = rig.fds[1];
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &talker),
			 0);
	options = rig_send_options(&rig);
	options.peer_timeout_ns = LIMIT_NS;
	options.machine_stop = stop_and_write;
	rig.send_error = rig_send(&rig, &options);
	rig_assert_went_back(&rig, -ETIMEDOUT, "");
	assert_int_equal(rig.resumes, 1);
	assert_true(rig_stats(rig.sending).elapsed_ns >= LIMIT_NS);
	rig_assert_was_prompt(&rig);
	pthread_join(thread, NULL);
	smi_link_close(&talker.link);
	rig_close(&rig);
}

/* A receiver of its own, and a sender by hand. */
struct receiving {
	struct rig rig;
	uint64_t limit_ns;
	struct smi_link link;
	pthread_t thread;
};

static int load_nothing(void *opaque, const void *bytes, size_t length,
			struct smudge_error *err)
{
	return 0;
}

static void *receive(void *opaque)
{
	struct receiving *receiving = opaque;
	struct rig *rig = &receiving->rig;
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options),
		.state_load = load_nothing,
		.peer_timeout_ns = receiving->limit_ns,
	};

	rig->receive_error = smudge_migrate_receive(
		rig->receiving, rig->destination.memory, rig->fds[1], &options,
		&rig->receive_err);
	return NULL;
}

static void receiver_begin(struct receiving *receiving, const char *name)
{
	struct rig *rig = &receiving->rig;

	rig->page_shift = 12;
	rig->npages[0] = 16;
	rig->npages[1] = 4;
	rig_open(rig, name);
	rig_link_open_sender(rig, &receiving->link);
	assert_int_equal(
		pthread_create(&receiving->thread, NULL, receive, receiving),
		0);
	assert_int_equal(smi_link_greet(&receiving->link, &rig->send_err), 0);
}

static void receiver_end(struct receiving *receiving, int error,
			 const char *words)
{
	struct rig *rig = &receiving->rig;

	assert_int_equal(last_code(&receiving->link), SMI_WIRE_REFUSE_LIMIT);
	pthread_join(receiving->thread, NULL);
	if (rig->receive_error != error ||
	    !strstr(rig->receive_err.message, words))
		fail_msg("%d \"%s\"", rig->receive_error,
			 rig->receive_err.message);
	smi_link_close(&receiving->link);
	rig_close(rig);
}

/* The bytes of a record's header come one at a time. */
static void no_region_table(void **state)
{
	struct receiving receiving = {.limit_ns = LIMIT_NS};
	uint8_t header[SMI_WIRE_HEADER_BYTES] = {1};

	receiver_begin(&receiving, "no_region_table");
	header[8] = 100;
	for (size_t i = 0; i < 500; i++) {
		if (smi_channel_has_input(smi_link_channel(&receiving.link)))
			break;
		(void)send(receiving.rig.fds[0],
			   i < sizeof(header) ? &header[i] : header, 1,
			   MSG_NOSIGNAL);
		nap();
	}
	receiver_end(&receiving, -ETIMEDOUT, "did not come to the point");
}

/* 16 MiB may be skipped in a row, and not a byte more. */
static void too_many_bytes_to_skip(void **state)
{
	struct receiving receiving = {0};

	receiver_begin(&receiving, "too_many_bytes_to_skip");
	for (int i = 0; i < 16; i++)
		assert_true(say_nothing(receiving.rig.fds[0],
					SMI_WIRE_CAP_SKIPPABLE));
	assert_false(smi_channel_has_input(smi_link_channel(&receiving.link)));
	assert_true(say_nothing(receiving.rig.fds[0], 1));
	receiver_end(&receiving, -EOVERFLOW,
		     "too many skippable records in a row: 17 of 16777217");
}

static void send_record(struct receiving *receiving, uint32_t type,
			const uint8_t *payload, size_t length)
{
	uint8_t record[1024];

	memcpy(record + SMI_WIRE_HEADER_BYTES, payload, length);
	assert_int_equal(smi_link_send(&receiving->link, record, type, length,
				       &receiving->rig.send_err),
			 0);
}

static void send_zeros(struct receiving *receiving, uint32_t region)
{
	struct smudge_run run = {0, receiving->rig.npages[region]};
	uint8_t payload[64];

	smi_wire_runs_encode(region, &run, 1, payload);
	send_record(receiving, SMI_WIRE_ZERO, payload, smi_wire_runs_bytes(1));
}

static void send_round(struct receiving *receiving, uint32_t round)
{
	struct smi_wire_round_begin begin = {.round = round,
					     .final = round > 1};
	struct smi_wire_round_end end = {
		.round = round, .totals.zero_pages = round == 1 ? 20 : 0};
	uint8_t payload[64];

	smi_wire_round_begin_encode(&begin, payload);
	send_record(receiving, SMI_WIRE_ROUND_BEGIN, payload,
		    SMI_WIRE_ROUND_BEGIN_BYTES);
	for (uint32_t i = 0; round == 1 && i < RIG_REGIONS; i++)
		send_zeros(receiving, i);
	smi_wire_round_end_encode(&end, payload);
	send_record(receiving, SMI_WIRE_ROUND_END, payload,
		    SMI_WIRE_ROUND_END_BYTES);
}

/* Everything but GO. */
static void send_all(struct receiving *receiving)
{
	struct smi_wire_end end = {
		.records = 8, .totals.zero_pages = 20, .rounds = 2};
	struct smi_regions regions;
	struct smudge_error err = {0};
	uint8_t payload[512];

	assert_int_equal(
		smi_regions_list(receiving->rig.source.memory, &regions, &err),
		0);
	smi_wire_region_table_encode(regions.table, regions.nregions, payload);
	send_record(
		receiving, SMI_WIRE_REGION_TABLE, payload,
		smi_wire_region_table_bytes(regions.table, regions.nregions));
	smi_regions_free(&regions);
	send_round(receiving, 1);
	send_round(receiving, 2);
	smi_wire_state_head_encode(payload);
	send_record(receiving, SMI_WIRE_STATE, payload,
		    smi_wire_state_head_bytes());
	smi_wire_end_encode(&end, payload);
	send_record(receiving, SMI_WIRE_END, payload, SMI_WIRE_END_BYTES);
}

static void no_go(void **state)
{
	struct receiving receiving = {.limit_ns = LIMIT_NS};
	struct smi_wire_header header = {0};

	receiver_begin(&receiving, "no_go");
	send_all(&receiving);
	while (header.type != SMI_WIRE_ACK)
		assert_int_equal(smi_link_receive(&receiving.link, &header,
						  &receiving.rig.send_err),
				 0);
	while (!smi_channel_has_input(smi_link_channel(&receiving.link)) &&
	       say_nothing(receiving.rig.fds[0], 0))
		nap();
	receiver_end(&receiving, -ETIMEDOUT, "did not come to the point");
}

TEST_MAIN(no_ready, no_round_ack, no_ack, too_much_to_skip, slow_reader,
	  no_region_table, too_many_bytes_to_skip, no_go)
