/* SPDX-License-Identifier: MIT */
/*
 * The QMP commands of migration, with QEMU's names and units (bytes per
 * second, milliseconds, megabits per second in "mbps").
 *
 * "x-smudge" in query-migrate has what QEMU has no name for, in the library's
 * own units.
 */
#include "control/commands.h"

#include "machine/machine.h"
#include "migration/migration.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_MS		  UINT64_C(1000000)
#define DOWNTIME_LIMIT_MAX_MS	  2000000
#define DOWNTIME_LIMIT_DEFAULT_MS 300
#define MAX_ROUNDS_MAX		  1000000
#define MAX_ROUNDS_DEFAULT	  30
#define PAGE_BYTES		  (UINT64_C(1) << RAM_PAGE_SHIFT)

static const char *uri_of(const json_t *arguments)
{
	return json_string_value(json_object_get(arguments, "uri"));
}

json_t *control_migrate(struct control_target *target, const json_t *arguments,
			struct qmp_error *err)
{
	struct smudge_error why = {0};
	int ret = migration_start_outgoing(target->migration, uri_of(arguments),
					   &why);

	return qmp_empty_result(ret, &why, err);
}

json_t *control_migrate_incoming(struct control_target *target,
				 const json_t *arguments, struct qmp_error *err)
{
	struct smudge_error why = {0};
	int ret = migration_start_incoming(target->migration, uri_of(arguments),
					   &why);

	return qmp_empty_result(ret, &why, err);
}

json_t *control_migrate_cancel(struct control_target *target,
			       const json_t *arguments, struct qmp_error *err)
{
	struct migration_report report;
	struct smudge_error why = {0};
	int ret;

	migration_report(target->migration, &report);
	/* an incoming machine cannot continue anywhere else */
	if (report.incoming && migration_is_running(target->migration))
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "an incoming migration is ended by its "
				     "sender, or by quit");
	ret = migration_cancel(target->migration, &why);
	return qmp_empty_result(ret, &why, err);
}

static json_t *number(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static void add(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, number(value));
}

static json_t *ram_report(const struct migration_report *report)
{
	const struct smudge_migrate_stats *stats = &report->stats;
	json_t *ram = json_object();

	add(ram, "transferred", stats->sent_bytes);
	add(ram, "remaining", stats->remaining_bytes);
	add(ram, "total", stats->total_bytes);
	add(ram, "duplicate", stats->zero_pages);
	add(ram, "normal", stats->sent_pages);
	add(ram, "normal-bytes", stats->sent_pages * PAGE_BYTES);
	add(ram, "dirty-sync-count", stats->round);
	add(ram, "dirty-pages-rate", stats->dirty_pages_ps);
	add(ram, "page-size", PAGE_BYTES);
	add(ram, "pages-per-second", stats->bandwidth_bytes_ps / PAGE_BYTES);
	json_object_set_new(
		ram, "mbps",
		json_real((double)stats->bandwidth_bytes_ps * 8.0 / 1e6));
	return ram;
}

static json_t *own_report(const struct migration_report *report)
{
	const struct smudge_migrate_stats *stats = &report->stats;
	json_t *own = json_object();

	if (report->status == MIGRATION_COMPLETED ||
	    report->status == MIGRATION_FAILED ||
	    report->status == MIGRATION_CANCELLED)
		json_object_set_new(
			own, "guest",
			json_string(migration_place_name(report->place)));

	add(own, "phase", stats->phase);
	add(own, "round", stats->round);
	add(own, "round-sent-pages", stats->round_sent_pages);
	add(own, "round-ns", stats->round_ns);
	add(own, "bandwidth-bytes-ps", stats->bandwidth_bytes_ps);
	add(own, "line-bandwidth-bytes-ps", stats->line_bandwidth_bytes_ps);
	add(own, "expected-downtime-ns", stats->expected_downtime_ns);
	add(own, "downtime-ns", stats->downtime_ns);
	add(own, "elapsed-ns", stats->elapsed_ns);
	add(own, "harvest-ns", stats->harvest_ns);
	add(own, "take-ns", stats->take_ns);
	add(own, "bitmap-peak-bytes", stats->bitmap_peak_bytes);
	return own;
}

static void add_address(json_t *reply, const struct migration_uri *uri)
{
	json_t *address;

	if (uri->is_tcp)
		address = json_pack("{s:s, s:o, s:s}", "type", "inet", "host",
				    qmp_text(uri->host), "port", uri->port);
	else
		address = json_pack("{s:s, s:o}", "type", "unix", "path",
				    qmp_text(uri->file.path));
	json_object_set_new(reply, "socket-address", json_pack("[o]", address));
}

json_t *control_query_migrate(struct control_target *target,
			      const json_t *arguments, struct qmp_error *err)
{
	struct migration_report report;
	json_t *reply;

	migration_report(target->migration, &report);
	reply = json_object();
	json_object_set_new(reply, "status",
			    json_string(migration_status_name(report.status)));
	if (report.status == MIGRATION_NONE)
		return reply;
	if (report.has_listened)
		add_address(reply, &report.listened);
	add(reply, "total-time", report.total_ns / NS_PER_MS);
	if (report.status == MIGRATION_FAILED)
		json_object_set_new(reply, "error-desc",
				    qmp_text(report.error.message));
	if (report.status == MIGRATION_SETUP)
		return reply;
	add(reply, "setup-time", report.setup_ns / NS_PER_MS);
	if (report.status == MIGRATION_COMPLETED)
		add(reply, "downtime", report.stats.downtime_ns / NS_PER_MS);
	else
		add(reply, "expected-downtime",
		    report.stats.expected_downtime_ns / NS_PER_MS);
	json_object_set_new(reply, "ram", ram_report(&report));
	json_object_set_new(reply, "x-smudge", own_report(&report));
	return reply;
}

bool control_get_number(const json_t *arguments, const char *name,
			json_int_t max, json_int_t *ret, struct qmp_error *err)
{
	const json_t *value = json_object_get(arguments, name);

	if (!value)
		return true;
	if (json_integer_value(value) < 0 || json_integer_value(value) > max) {
		qmp_error_set(err, QMP_CLASS_GENERIC,
			      "Parameter '%s' expects a value from 0 to %lld",
			      name, (long long)max);
		return false;
	}
	*ret = json_integer_value(value);
	return true;
}

bool control_get_limits(const json_t *arguments,
			struct smudge_migrate_limits *limits,
			struct qmp_error *err)
{
	json_int_t bandwidth = -1;
	json_int_t downtime_ms = -1;
	json_int_t rounds = -1;

	if (!control_get_number(arguments, "max-bandwidth", INT64_MAX,
				&bandwidth, err) ||
	    !control_get_number(arguments, "downtime-limit",
				DOWNTIME_LIMIT_MAX_MS, &downtime_ms, err) ||
	    !control_get_number(arguments, "x-smudge-max-rounds",
				MAX_ROUNDS_MAX, &rounds, err))
		return false;
	if (bandwidth >= 0)
		limits->max_bandwidth_bytes_ps = (uint64_t)bandwidth;
	/* the library takes 0 for its default; 1 ns is practically 0 */
	if (downtime_ms >= 0)
		limits->downtime_limit_ns =
			downtime_ms ? (uint64_t)downtime_ms * NS_PER_MS : 1;
	if (rounds >= 0)
		limits->max_rounds = (uint32_t)rounds;
	return true;
}

json_t *control_set_parameters(struct control_target *target,
			       const json_t *arguments, struct qmp_error *err)
{
	struct smudge_migrate_limits limits =
		migration_limits(target->migration);

	if (!control_get_limits(arguments, &limits, err))
		return NULL;
	migration_set_limits(target->migration, &limits);
	return json_object();
}

json_t *control_query_parameters(struct control_target *target,
				 const json_t *arguments, struct qmp_error *err)
{
	struct smudge_migrate_limits limits =
		migration_limits(target->migration);
	uint64_t downtime_ms = limits.downtime_limit_ns / NS_PER_MS;
	json_t *reply = json_object();

	if (!limits.downtime_limit_ns)
		downtime_ms = DOWNTIME_LIMIT_DEFAULT_MS;
	add(reply, "max-bandwidth", limits.max_bandwidth_bytes_ps);
	add(reply, "downtime-limit", downtime_ms);
	add(reply, "x-smudge-max-rounds",
	    limits.max_rounds ? limits.max_rounds : MAX_ROUNDS_DEFAULT);
	return reply;
}
