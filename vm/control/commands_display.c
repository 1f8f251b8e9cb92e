/* SPDX-License-Identifier: MIT */
/*
 * The QMP commands of the display: QEMU's query-vnc and screendump.
 *
 * "x-smudge" in query-vnc has what refreshes of the screen cost; all its
 * numbers are 0 while no viewer is connected.
 */
#include "control/commands.h"

#include "control/screendump.h"
#include "vnc/vnc.h"

#include <smudge/error.h>

#include <stdlib.h>

static const char *family(bool is_ipv6)
{
	return is_ipv6 ? "ipv6" : "ipv4";
}

static json_t *viewers(const struct vnc_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->nviewers; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:b}", "host",
					report->viewers[i].host, "service",
					report->viewers[i].service, "family",
					family(report->viewers[i].is_ipv6),
					"websocket",
					report->viewers[i].is_websocket));
	return list;
}

static json_t *costs(const struct vnc_report *report)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "open",
			 report->is_open, "refreshes",
			 (json_int_t)report->refreshes, "refresh-ns",
			 (json_int_t)report->refresh_ns, "taken-pages",
			 (json_int_t)report->taken_pages, "compared-bytes",
			 (json_int_t)report->compared_bytes, "changed-bytes",
			 (json_int_t)report->changed_bytes, "rects",
			 (json_int_t)report->rects);
}

json_t *control_query_vnc(struct control_target *target,
			  const json_t *arguments, struct qmp_error *err)
{
	struct vnc_report *report;
	json_t *reply;

	if (!target->vnc)
		return json_pack("{s:b}", "enabled", 0);
	report = malloc(sizeof(*report));
	if (!report)
		return NULL;
	vnc_report(target->vnc, report);
	reply = json_pack("{s:b, s:s, s:s, s:s, s:s, s:o, s:o}", "enabled", 1,
			  "host", report->host, "service", report->service,
			  "family", family(report->is_ipv6), "auth",
			  report->has_password ? "vnc" : "none", "clients",
			  viewers(report), "x-smudge", costs(report));
	free(report);
	return reply;
}

json_t *control_screendump(struct control_target *target,
			   const json_t *arguments, struct qmp_error *err)
{
	const char *path =
		json_string_value(json_object_get(arguments, "filename"));
	const char *format =
		json_string_value(json_object_get(arguments, "format"));
	struct smudge_error why = {0};
	int ret = screendump(target->machine, path, format ? format : "ppm",
			     &why);

	return qmp_empty_result(ret, &why, err);
}
