/* SPDX-License-Identifier: MIT */
/*
 * The switchover: stop the machine, send the rest, hand the machine over.
 *
 * The machine is the sender's until the transport has accepted the last byte of
 * GO: a part of GO cannot be valid at the receiver, so the machine may be
 * started here again. From that byte on it must stay stopped here, whatever
 * happens (docs/protocol.md, section 6).
 */
#include "migrate/sender_switch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/sender_peer.h"
#include "migrate/sender_rounds.h"
#include "sys/clock.h"
#include "sys/error.h"

/* Harvests of the stopped machine that may still find dirty pages. */
#define MAX_FINAL_PASSES 8

/* State of the machine, from state_save. */
struct saved_state {
	void *bytes;
	size_t length;
};

/* Check the value that @callback returned; @doing says what it did. */
static int check_machine(struct smi_sender *sender, int value,
			 const char *callback, const char *doing)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = smi_sys_callback_check(&own, value, "machine", callback);

	if (ret == 0)
		return 0;
	errno = -ret;
	smudge_error_set(&own, ret, "machine", "%s failed: %m", doing);
	smi_sys_error_keep(&sender->err, &own);
	return ret;
}

static int save(struct smi_sender *sender, struct saved_state *state)
{
	const struct smudge_migrate_send_options *options = &sender->options;
	struct saved_state now = {0};
	int ret = options->state_save(options->opaque, &now.bytes, &now.length);

	ret = check_machine(sender, ret, "state_save",
			    "saving the machine's state");
	if (ret < 0)
		return ret; /* the contents of @now are not defined then */
	*state = now;
	if (!now.bytes && now.length)
		return smudge_error_set(&sender->err, -EIO, "machine",
					"state_save gave no memory for its "
					"%zu bytes of state",
					now.length);
	return 0;
}

static int stop_and_save(struct smi_sender *sender, struct saved_state *state)
{
	const struct smudge_migrate_send_options *options = &sender->options;
	int ret;

	sender->is_stopped = true;
	ret = options->machine_stop(options->opaque);
	ret = check_machine(sender, ret, "machine_stop",
			    "stopping the machine");
	if (ret < 0)
		return ret;
	/* Before the last harvest, because saving may write guest memory. */
	return save(sender, state);
}

/* Send the dirty pages until a harvest finds none. */
static int send_rest(struct smi_sender *sender)
{
	uint64_t dirty_pages;
	int ret = smi_sender_harvest(sender, &dirty_pages);

	if (ret < 0)
		return ret;
	smi_meter_remaining(&sender->meter, dirty_pages, false);
	ret = smi_sender_round_begin(sender, true, dirty_pages);
	for (int pass = 0; !ret && dirty_pages; pass++) {
		if (pass == MAX_FINAL_PASSES)
			return smudge_error_set(
				&sender->err, -EBUSY, "migrate",
				"memory is written though the machine was "
				"stopped: %llu pages are dirty again",
				(unsigned long long)dirty_pages);
		ret = smi_sender_send_dirty(sender);
		if (!ret)
			ret = smi_sender_harvest(sender, &dirty_pages);
	}
	return ret ? ret : smi_sender_round_end(sender);
}

/* The record is built where the state is: it may be large. */
static int send_state(struct smi_sender *sender, struct saved_state *state)
{
	size_t head = smi_wire_state_head_bytes();
	size_t front = SMI_WIRE_HEADER_BYTES + head;
	uint8_t *record;

	if (state->length > SMI_WIRE_CAP_STATE - head) {
		sender->abort_code = SMI_WIRE_ABORT_LOCAL;
		return smudge_error_set(&sender->err, -EFBIG, "migrate",
					"the machine's state of %zu bytes is "
					"larger than a stream can carry",
					state->length);
	}
	record = realloc(state->bytes, front + state->length);
	if (!record)
		return smudge_error_set(&sender->err, -ENOMEM, "migrate",
					"no memory for %zu bytes of state",
					state->length);
	state->bytes = record;
	memmove(record + front, record, state->length);
	smi_wire_state_head_encode(record + SMI_WIRE_HEADER_BYTES);
	return smi_sender_send(sender, record, SMI_WIRE_STATE,
			       head + state->length);
}

static int send_end(struct smi_sender *sender)
{
	uint8_t record[SMI_WIRE_HEADER_BYTES + SMI_WIRE_END_BYTES];
	struct smi_wire_end end = {
		.records = smi_link_records_sent(&sender->link),
		.totals = sender->totals,
		.rounds = sender->meter.stats.round,
	};

	smi_wire_end_encode(&end, record + SMI_WIRE_HEADER_BYTES);
	return smi_sender_send(sender, record, SMI_WIRE_END,
			       SMI_WIRE_END_BYTES);
}

/* Everything until the receiver's acknowledgement. */
static int send_final(struct smi_sender *sender)
{
	struct saved_state state = {0};
	int ret = stop_and_save(sender, &state);

	if (!ret)
		ret = send_rest(sender);
	if (!ret)
		ret = send_state(sender, &state);
	free(state.bytes);
	if (!ret)
		ret = send_end(sender);
	return ret ? ret : smi_sender_wait(sender, SMI_WIRE_ACK);
}

static int no_receipt(struct smi_sender *sender)
{
	sender->err = (struct smudge_error){0};
	return smudge_error_set(
		&sender->err, -EOWNERDEAD, "migrate",
		"the machine was handed over, but the destination did not "
		"confirm: it stays stopped here; start it again only if it "
		"does not run there");
}

/* GO and RECEIPT: the point of no return. */
static int hand_over(struct smi_sender *sender)
{
	struct smi_channel *channel = smi_sender_channel(sender);
	uint8_t record[SMI_WIRE_HEADER_BYTES];
	int ret;

	ret = smi_channel_commit(channel, &sender->err);
	if (ret < 0)
		return ret;
	/* A cancel would be too late now: a deadline replaces it. */
	smi_channel_set_deadline(channel, 1);
	/* This looks for a REFUSE, or the end of the connection, first. */
	ret = smi_sender_send(sender, record, SMI_WIRE_GO, 0);
	if (ret < 0)
		return ret;
	sender->is_handed_over = true;
	ret = smi_sender_wait(sender, SMI_WIRE_RECEIPT);
	if (ret < 0)
		return no_receipt(sender);
	sender->is_confirmed = true;
	return 0;
}

int smi_sender_switch(struct smi_sender *sender)
{
	uint64_t start_ns = smi_sys_now_ns();
	int ret;

	sender->meter.stats.phase = SMUDGE_MIGRATE_SWITCHOVER;
	smi_channel_set_rate_limited(smi_sender_channel(sender), false);
	smi_sender_progress(sender);
	ret = send_final(sender);
	if (ret < 0)
		return ret;
	sender->meter.stats.downtime_ns = smi_sys_now_ns() - start_ns;
	return hand_over(sender);
}
