/* SPDX-License-Identifier: MIT */
/*
 * How far the memory of --lazy is, in the library's own units: bytes and
 * nanoseconds.
 */
#include "control/commands.h"

#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/lazy.h"

static const char *status_name(enum lazy_status status)
{
	static const char *const names[] = {
		[LAZY_ACTIVE] = "active",
		[LAZY_COMPLETED] = "completed",
		[LAZY_FAILED] = "failed",
	};

	return names[status];
}

static void add_stats(json_t *reply, const struct smudge_lazy_stats *stats)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"total-bytes", stats->total_bytes},
		{"missing-bytes", stats->missing_bytes},
		{"fault-bytes", stats->fault_bytes},
		{"read-ahead-bytes", stats->read_ahead_bytes},
		{"stream-bytes", stats->stream_bytes},
		{"zero-bytes", stats->zero_bytes},
		{"dropped-bytes", stats->dropped_bytes},
		{"faults", stats->faults},
		{"last-fault-ns", stats->last_fault_ns},
		{"longest-fault-ns", stats->longest_fault_ns},
		{"total-fault-ns", stats->total_fault_ns},
		{"elapsed-ns", stats->elapsed_ns},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(
			reply, numbers[i].name,
			json_integer(numbers[i].value > INT64_MAX
					     ? INT64_MAX
					     : (json_int_t)numbers[i].value));
}

json_t *control_query_lazy(struct control_target *target,
			   const json_t *arguments, struct qmp_error *err)
{
	struct lazy_report report;
	json_t *reply;

	if (!target->lazy)
		return json_pack("{s:s}", "status", "none");
	lazy_report(target->lazy, &report);
	reply = json_pack("{s:s}", "status", status_name(report.status));
	add_stats(reply, &report.stats);
	if (report.status == LAZY_FAILED)
		json_object_set_new(reply, "error-desc",
				    qmp_text(report.error.message));
	return reply;
}

json_t *control_lazy_event(const struct smudge_error *why)
{
	json_t *data =
		json_pack("{s:s}", "status",
			  status_name(why ? LAZY_FAILED : LAZY_COMPLETED));

	if (why)
		json_object_set_new(data, "error-desc", qmp_text(why->message));
	return data;
}
