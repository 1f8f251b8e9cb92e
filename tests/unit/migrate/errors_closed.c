/* SPDX-License-Identifier: MIT */
/*
 * The destination closes the connection: at whatever moment before it has the
 * machine, the source's machine runs on and its tracking is off.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

static void begin(struct rig *rig, const char *name)
{
	rig->rounds_wanted = 3;
	rig_open(rig, name);
	memset(rig->source.hva[0], 0x5a, rig->npages[0] << 12);
	rig_start_writer(rig);
}

static void end(struct rig *rig, const char *words)
{
	/* The error depends on the call that meets the end: send or receive. */
	int error;
	unsigned long before;

	rig_join_sender(rig);
	error = rig->send_error == -EPIPE ? -EPIPE : -ECONNRESET;
	rig_assert_went_back(rig, error, words);
	/* It does run. */
	before = atomic_load_explicit(&rig->writes, memory_order_relaxed);
	while (atomic_load_explicit(&rig->writes, memory_order_relaxed) ==
	       before)
		sched_yield();
	rig_end_writer(rig);
	rig_close(rig);
}

static void close_after(const char *name, uint32_t type, int nth)
{
	struct rig rig = {0};
	struct smi_link link;

	begin(&rig, name);
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, type, nth);
	rig_close_destination(&rig);
	smi_link_close(&link);
	end(&rig, "peer");
}

static void before_the_greeting(void **state)
{
	struct rig rig = {0};

	begin(&rig, "before_the_greeting");
	rig_close_destination(&rig);
	rig_start_sender(&rig);
	end(&rig, "peer");
}

static void after_the_region_table(void **state)
{
	close_after("after_the_region_table", SMI_WIRE_REGION_TABLE, 1);
}

static void in_the_first_round(void **state)
{
	close_after("in_the_first_round", SMI_WIRE_PAGES, 2);
}

static void before_the_first_answer(void **state)
{
	close_after("before_the_first_answer", SMI_WIRE_ROUND_END, 1);
}

static void between_rounds(void **state)
{
	close_after("between_rounds", SMI_WIRE_ROUND_BEGIN, 3);
}

static void in_the_final_round(void **state)
{
	close_after("in_the_final_round", SMI_WIRE_ROUND_BEGIN, 4);
}

static void at_the_state(void **state)
{
	close_after("at_the_state", SMI_WIRE_STATE, 1);
}

static void after_the_end(void **state)
{
	close_after("after_the_end", SMI_WIRE_END, 1);
}

/* The pages of the batch in flight went back before the client was closed. */
static void pages_in_flight_are_returned(void **state)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};
	struct rig rig = {0};
	struct smi_link link;

	begin(&rig, "pages_in_flight_are_returned");
	rig_link_open(&rig, &link);
	rig_start_sender(&rig);
	rig_serve_until(&link, SMI_WIRE_PAGES, 1);
	rig_close_destination(&rig);
	smi_link_close(&link);
	rig_join_sender(&rig);
	smudge_memory_stats(rig.source.memory, &stats);
	assert_true(stats.returned_pages > 0);
	rig_end_writer(&rig);
	rig_close(&rig);
}

TEST_MAIN(before_the_greeting, after_the_region_table, in_the_first_round,
	  before_the_first_answer, between_rounds, in_the_final_round,
	  at_the_state, after_the_end, pages_in_flight_are_returned)
