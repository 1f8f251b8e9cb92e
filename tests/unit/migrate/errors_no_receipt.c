/* SPDX-License-Identifier: MIT */
/*
 * Around the point of no return: never two running machines. A destination that
 * got GO and falls silent may run the machine, so the source's stays stopped;
 * one that closes before GO cannot, so the source's runs again.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>

static void dies_after_go(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smi_link link;

	rig_open(&rig, "dies_after_go");
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, SMI_WIRE_GO, 1);
	rig_close_destination(&rig);
	smi_link_close(&link);
	rig_join_sender(&rig);
	assert_int_equal(rig.send_error, -EOWNERDEAD);
	assert_non_null(strstr(rig.send_err.message, "stays stopped here"));
	assert_int_equal(rig.stops, 1);
	assert_int_equal(rig.resumes, 0);
	rig_assert_untracked(&rig);
	rig_close(&rig);
}

/* ACK and the end of the connection arrive together. */
static void dies_with_the_ack(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_error err = {0};
	struct smi_link link;

	rig_open(&rig, "dies_with_the_ack");
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, SMI_WIRE_END, 1);
	smi_link_send_empty(&link, SMI_WIRE_ACK, &err);
	rig_close_destination(&rig);
	smi_link_close(&link);
	rig_join_sender(&rig);
	/* Which of the two it is depends on who was faster; both are safe. */
	assert_int_equal(rig.stops, 1);
	if (rig.send_error == -EOWNERDEAD)
		assert_int_equal(rig.resumes, 0);
	else
		assert_int_equal(rig.resumes, 1);
	assert_true(rig.send_error < 0);
	rig_assert_untracked(&rig);
	rig_close(&rig);
}

/* It refuses in the place of the receipt, after it had acknowledged. */
static void refuses_before_go(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_error err = {0};
	uint8_t two[2 * SMI_WIRE_HEADER_BYTES + 8] = {0};
	struct smi_link link;

	rig_open(&rig, "refuses_before_go");
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, SMI_WIRE_END, 1);
	/* In one piece, so that the refusal is there when GO is to be sent. */
	smi_wire_record_seal(two, SMI_WIRE_ACK, 0, 0);
	memcpy(two + 2 * SMI_WIRE_HEADER_BYTES, "\1\0\0\0late", 8);
	smi_wire_record_seal(two + SMI_WIRE_HEADER_BYTES, SMI_WIRE_REFUSE, 0,
			     8);
	smi_channel_send(smi_link_channel(&link), two, sizeof(two), &err);
	rig_join_sender(&rig);
	rig_assert_went_back(&rig, -EREMOTEIO, "late");
	assert_int_equal(rig.resumes, 1);
	/* And GO was not sent. */
	assert_int_not_equal(
		smi_channel_receive(smi_link_channel(&link), two, 1, &err), 0);
	smi_link_close(&link);
	rig_close(&rig);
}

/* A receiver that got everything but GO has no machine. */
static void receiver_needs_go(void **state)
{
	struct rig rig = {.rounds_wanted = 1};

	rig_open(&rig, "receiver_needs_go");
	rig.save_error = -EIO;
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	rig_join_sender(&rig);
	rig_join_receiver(&rig);
	rig_assert_went_back(&rig, -EIO, "saving the machine's state failed");
	assert_int_equal(rig.receive_error, -EREMOTEIO);
	assert_non_null(strstr(rig.receive_err.message,
			       "the source gave up: saving the machine's"));
	rig_close(&rig);
}

TEST_MAIN(dies_after_go, dies_with_the_ack, refuses_before_go,
	  receiver_needs_go)
