/* SPDX-License-Identifier: MIT */
/*
 * The outcome of a migration follows from what happened: the whole table of
 * facts, and what the callers of a sender and a receiver see of it.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "migrate/outcome.h"

static const struct {
	const char *what;
	struct smi_migrate_facts facts;
	struct smi_migrate_outcome expected;
} table[] = {
	{"confirmed", {0, false, true, true}, {SMUDGE_MIGRATE_COMPLETED, 0}},
	{"confirmed, whatever failed afterwards",
	 {-EPIPE, false, true, true},
	 {SMUDGE_MIGRATE_COMPLETED, 0}},
	{"handed over, then silence",
	 {-ETIMEDOUT, false, true, false},
	 {SMUDGE_MIGRATE_UNCONFIRMED, -EOWNERDEAD}},
	{"handed over, a cancel came too late",
	 {-ECANCELED, true, true, false},
	 {SMUDGE_MIGRATE_UNCONFIRMED, -EOWNERDEAD}},
	{"cancelled in time",
	 {-ECANCELED, true, false, false},
	 {SMUDGE_MIGRATE_CANCELLED, -ECANCELED}},
	{"a callback's own -ECANCELED",
	 {-ECANCELED, false, false, false},
	 {SMUDGE_MIGRATE_FAILED, -EIO}},
	{"a callback's own -EOWNERDEAD",
	 {-EOWNERDEAD, false, false, false},
	 {SMUDGE_MIGRATE_FAILED, -EIO}},
	{"neither done nor failed",
	 {0, false, false, false},
	 {SMUDGE_MIGRATE_FAILED, -EIO}},
	{"the peer closed",
	 {-ECONNRESET, false, false, false},
	 {SMUDGE_MIGRATE_FAILED, -ECONNRESET}},
};

static void each_row_of_facts(void **state)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct smi_migrate_outcome found =
			smi_migrate_outcome(&table[i].facts);

		if (found.phase != table[i].expected.phase ||
		    found.error != table[i].expected.error)
			fail_msg("%s: phase %d, error %d", table[i].what,
				 found.phase, found.error);
	}
}

/* The machine runs here, so the code must not be the one of a lost receipt. */
static void a_callback_s_number_is_not_an_outcome(void **state)
{
	static const struct {
		int error;
		const char *words;
	} rows[] = {
		{-EOWNERDEAD, "machine_stop returned"},
		{-ECANCELED, "stopping the machine failed"},
	};

	for (size_t i = 0; i < 2; i++) {
		struct rig rig = {.rounds_wanted = 1};

		rig_open(&rig, "a_callback_s_number_is_not_an_outcome");
		rig.stop_error = rows[i].error;
		rig_start_receiver(&rig);
		rig_start_sender(&rig);
		rig_join_sender(&rig);
		rig_join_receiver(&rig);
		rig_assert_went_back(&rig, -EIO, rows[i].words);
		assert_int_equal(rig.resumes, 1);
		rig_close(&rig);
	}
}

static void a_receiver_s_callback_likewise(void **state)
{
	struct rig rig = {.rounds_wanted = 1};

	rig_open(&rig, "a_receiver_s_callback_likewise");
	rig.load_error = -ECANCELED;
	rig_start_receiver(&rig);
	rig_start_sender(&rig);
	rig_join_sender(&rig);
	rig_join_receiver(&rig);
	assert_int_equal(rig.receive_error, -EIO);
	assert_int_equal(rig_stats(rig.receiving).phase, SMUDGE_MIGRATE_FAILED);
	rig_assert_went_back(&rig, -EREMOTEIO, "of another machine");
	rig_close(&rig);
}

/* The phase is that of the end, also when it never began. */
static void a_descriptor_that_is_no_socket(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migrate_send_options options;

	rig_open(&rig, "a_descriptor_that_is_no_socket");
	options = rig_send_options(&rig);
	assert_int_equal(smudge_migrate_send(rig.sending, rig.source.memory, -1,
					     &options, &rig.send_err),
			 -ENOTSOCK);
	assert_int_equal(rig_stats(rig.sending).phase, SMUDGE_MIGRATE_FAILED);
	assert_int_equal(smudge_migration_cancel(rig.sending), -EALREADY);
	rig_close(&rig);
}

/* Serve the sender until GO, which is held. */
static void hold_at_go(struct rig *rig, struct smi_link *link, const char *name)
{
	rig->rounds_wanted = 1;
	rig_open(rig, name);
	rig_link_open(rig, link);
	rig_start_sender(rig);
	rig_serve_until(link, SMI_WIRE_GO, 1);
}

static void a_cancel_after_ack_is_refused(void **state)
{
	struct rig rig = {0};
	struct smudge_error err = {0};
	struct smi_link link;

	hold_at_go(&rig, &link, "a_cancel_after_ack_is_refused");
	assert_int_equal(smudge_migration_cancel(rig.sending), -EALREADY);
	assert_int_equal(smi_link_send_empty(&link, SMI_WIRE_RECEIPT, &err), 0);
	rig_join_sender(&rig);
	assert_int_equal(rig.send_error, 0);
	assert_int_equal(rig_stats(rig.sending).phase,
			 SMUDGE_MIGRATE_COMPLETED);
	assert_int_equal(rig.resumes, 0);
	smi_link_close(&link);
	rig_close(&rig);
}

static void a_lost_receipt_after_a_late_cancel(void **state)
{
	struct rig rig = {0};
	struct smi_link link;

	hold_at_go(&rig, &link, "a_lost_receipt_after_a_late_cancel");
	assert_int_equal(smudge_migration_cancel(rig.sending), -EALREADY);
	rig_close_destination(&rig);
	smi_link_close(&link);
	rig_join_sender(&rig);
	assert_int_equal(rig.send_error, -EOWNERDEAD);
	assert_int_equal(rig.send_err.code, -EOWNERDEAD);
	assert_int_equal(rig_stats(rig.sending).phase,
			 SMUDGE_MIGRATE_UNCONFIRMED);
	assert_int_equal(rig.resumes, 0);
	rig_close(&rig);
}

/* A cancel at any moment: its answer and the end agree, at both sides. */
static void a_cancel_s_answer_is_kept(void **state)
{
	struct test_rng rng = test_rng_start("a_cancel_s_answer_is_kept");
	int ncancelled = 0;

	for (int i = 0; i < 60; i++) {
		struct rig rig = {.page_shift = 12, .npages = {64, 64}};
		struct timespec nap = {
			.tv_nsec = (long)test_rng_below(&rng, 1000000)};
		int answer;

		rig_open(&rig, "a_cancel_s_answer_is_kept");
		rig_start_receiver(&rig);
		rig_start_sender(&rig);
		nanosleep(&nap, NULL);
		answer = smudge_migration_cancel(rig.sending);
		rig_join_sender(&rig);
		rig_join_receiver(&rig);
		ncancelled += answer == 0;
		assert_int_equal(rig.send_error, answer ? 0 : -ECANCELED);
		assert_int_equal(rig.receive_error == 0, answer != 0);
		assert_int_equal(rig.stops - rig.resumes, answer != 0);
		assert_true(answer == 0 || answer == -EALREADY);
		rig_close(&rig);
	}
	print_message("# %d of 60 were in time\n", ncancelled);
}

TEST_MAIN(each_row_of_facts, a_callback_s_number_is_not_an_outcome,
	  a_receiver_s_callback_likewise, a_descriptor_that_is_no_socket,
	  a_cancel_after_ack_is_refused, a_lost_receipt_after_a_late_cancel,
	  a_cancel_s_answer_is_kept)
