/* SPDX-License-Identifier: MIT */
/*
 * A destination that sends all the time, but not what is due: each thing that
 * is due has one time limit, after which the peer gets code 8.
 */
#include "limit_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

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

	rig_try_to_serve_until(&talker->link, talker->stop_at, talker->nth);
	while (!smi_channel_has_input(smi_link_channel(&talker->link)) &&
	       limit_say_nothing(talker->fd, 0))
		if (talker->in_time)
			limit_nap();
	talker->code = limit_last_code(&talker->link);
	return NULL;
}

/* Return: false: it was late. */
static bool try_talker(struct talker talker, uint64_t limit_ns, int error,
		       const char *words)
{
	struct rig rig = {.page_shift = 12, .npages = {16, 4}};
	struct smudge_migrate_send_options options;
	pthread_t thread;
	bool is_late;

	rig.rounds_wanted = 1;
	rig_open(&rig, "sender_meets");
	rig_link_open(&rig, &talker.link);
	talker.fd = rig.fds[1];
	assert_int_equal(pthread_create(&thread, NULL, talk_on, &talker), 0);
	options = rig_send_options(&rig);
	options.peer_timeout_ns = limit_ns;
	rig.send_error = rig_send(&rig, &options);
	pthread_join(thread, NULL);
	is_late = limit_was_late(rig.send_error, &rig.send_err, words);
	if (!is_late) {
		rig_assert_went_back(&rig, error, words);
		assert_int_equal(talker.code, SMI_WIRE_ABORT_LIMIT);
	}
	smi_link_close(&talker.link);
	rig_close(&rig);
	return !is_late;
}

static bool sender_times_out(uint32_t stop_at, uint64_t limit_ns)
{
	const struct talker talker = {
		.stop_at = stop_at, .nth = 1, .in_time = true};

	return try_talker(talker, limit_ns, -ETIMEDOUT, NOT_TO_THE_POINT);
}

static bool talk_for_ready(uint64_t limit_ns)
{
	return sender_times_out(SMI_WIRE_REGION_TABLE, limit_ns);
}

static void no_ready(void **state)
{
	limit_try(talk_for_ready);
}

static bool talk_for_round_ack(uint64_t limit_ns)
{
	return sender_times_out(SMI_WIRE_ROUND_END, limit_ns);
}

static void no_round_ack(void **state)
{
	limit_try(talk_for_round_ack);
}

static bool talk_for_ack(uint64_t limit_ns)
{
	return sender_times_out(SMI_WIRE_END, limit_ns);
}

static void no_ack(void **state)
{
	limit_try(talk_for_ack);
}

static void too_much_to_skip(void **state)
{
	const struct talker talker = {.stop_at = SMI_WIRE_ROUND_END, .nth = 1};

	assert_true(try_talker(talker, 0, -EOVERFLOW,
			       "too many skippable records in a row: 4097"));
}

static void *read_slowly(void *opaque)
{
	struct talker *talker = opaque;
	char bytes[4096];

	rig_try_to_serve_until(&talker->link, SMI_WIRE_ROUND_BEGIN, 2);
	while (recv(talker->fd, bytes, sizeof(bytes), 0) > 0)
		limit_nap();
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

/* Return: false: the machine was not stopped before the limit passed. */
static bool try_slow_reader(uint64_t limit_ns)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_migrate_send_options options;
	struct talker talker = {0};
	pthread_t thread;
	bool is_late;

	rig_open(&rig, "slow_reader");
	rig_link_open(&rig, &talker.link);
	talker.fd = rig.fds[1];
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &talker),
			 0);
	options = rig_send_options(&rig);
	options.peer_timeout_ns = limit_ns;
	options.machine_stop = stop_and_write;
	rig.send_error = rig_send(&rig, &options);
	rig_assert_went_back(&rig, -ETIMEDOUT, "");
	assert_true(rig_stats(rig.sending).elapsed_ns >= limit_ns);
	rig_assert_was_prompt(&rig);
	is_late = !rig.stops;
	pthread_join(thread, NULL);
	smi_link_close(&talker.link);
	rig_close(&rig);
	return !is_late;
}

/* The machine stands still while a peer takes a few bytes now and then. */
static void slow_reader(void **state)
{
	limit_try(try_slow_reader);
}

TEST_MAIN(no_ready, no_round_ack, no_ack, too_much_to_skip, slow_reader)
