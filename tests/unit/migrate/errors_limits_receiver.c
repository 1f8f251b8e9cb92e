/* SPDX-License-Identifier: MIT */
/*
 * A source that sends all the time, but not what is due: each thing that is due
 * has one time limit, after which the peer gets code 8.
 */
#include "limit_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "migrate/regions.h"
#include "wire/control.h"
#include "wire/pages.h"

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
	/* It is late if this fails. */
	(void)smi_link_greet(&receiving->link, &rig->send_err);
}

/* Return: false: this sender was late. */
static bool receiver_end(struct receiving *receiving, int error,
			 const char *words)
{
	struct rig *rig = &receiving->rig;
	uint32_t code = limit_last_code(&receiving->link);
	bool is_late;

	pthread_join(receiving->thread, NULL);
	is_late = limit_was_late(rig->receive_error, &rig->receive_err, words);
	if (!is_late && (rig->receive_error != error ||
			 !strstr(rig->receive_err.message, words)))
		fail_msg("%d \"%s\"", rig->receive_error,
			 rig->receive_err.message);
	if (!is_late)
		assert_int_equal(code, SMI_WIRE_REFUSE_LIMIT);
	smi_link_close(&receiving->link);
	rig_close(rig);
	return !is_late;
}

/* The bytes of a record's header come one at a time. */
static bool send_header_slowly(uint64_t limit_ns)
{
	struct receiving receiving = {.limit_ns = limit_ns};
	uint8_t header[SMI_WIRE_HEADER_BYTES] = {1};

	receiver_begin(&receiving, "no_region_table");
	header[8] = 100;
	for (size_t i = 0; i < limit_ns / 800000; i++) {
		if (smi_channel_has_input(smi_link_channel(&receiving.link)))
			break;
		(void)send(receiving.rig.fds[0],
			   i < sizeof(header) ? &header[i] : header, 1,
			   MSG_NOSIGNAL);
		limit_nap();
	}
	return receiver_end(&receiving, -ETIMEDOUT, NOT_TO_THE_POINT);
}

static void no_region_table(void **state)
{
	limit_try(send_header_slowly);
}

/* 16 MiB may be skipped in a row, and not a byte more. */
static void too_many_bytes_to_skip(void **state)
{
	struct receiving receiving = {0};

	receiver_begin(&receiving, "too_many_bytes_to_skip");
	for (int i = 0; i < 16; i++)
		assert_true(limit_say_nothing(receiving.rig.fds[0],
					      SMI_WIRE_CAP_SKIPPABLE));
	assert_false(smi_channel_has_input(smi_link_channel(&receiving.link)));
	assert_true(limit_say_nothing(receiving.rig.fds[0], 1));
	assert_true(receiver_end(
		&receiving, -EOVERFLOW,
		"too many skippable records in a row: 17 of 16777217"));
}

static void send_record(struct receiving *receiving, uint32_t type,
			const uint8_t *payload, size_t length)
{
	uint8_t record[1024];

	memcpy(record + SMI_WIRE_HEADER_BYTES, payload, length);
	/* It is late if this fails. */
	(void)smi_link_send(&receiving->link, record, type, length,
			    &receiving->rig.send_err);
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

static bool send_all_but_go(uint64_t limit_ns)
{
	struct receiving receiving = {.limit_ns = limit_ns};
	struct smi_wire_header header = {0};

	receiver_begin(&receiving, "no_go");
	send_all(&receiving);
	while (header.type != SMI_WIRE_ACK &&
	       !smi_link_receive(&receiving.link, &header,
				 &receiving.rig.send_err))
		;
	while (!smi_channel_has_input(smi_link_channel(&receiving.link)) &&
	       limit_say_nothing(receiving.rig.fds[0], 0))
		limit_nap();
	return receiver_end(&receiving, -ETIMEDOUT, NOT_TO_THE_POINT);
}

static void no_go(void **state)
{
	limit_try(send_all_but_go);
}

TEST_MAIN(no_region_table, too_many_bytes_to_skip, no_go)
