/* SPDX-License-Identifier: MIT */
/*
 * The QMP commands of the dirty rate, with QEMU's names and units (MiB per
 * second, rounded down).
 *
 * The mode is that of the machine's source, so another one is refused.
 * "x-smudge-windows", milliseconds, are measured besides; "x-smudge" in
 * query-dirty-rate has them, in the library's own units.
 */
#include "control/commands.h"

#include "machine/machine.h"
#include "rate/rate.h"

#include <string.h>

#define MS_PER_S      1000
#define NS_PER_MS     1000000
#define NS_PER_S      1e9
#define MIB	      1048576.0
#define PAGE_BYTES    4096.0
#define MIN_CALC_MS   50
#define MAX_CALC_MS   60000
#define MIN_WINDOW_MS 10

static const char *mode_of(const struct control_target *target)
{
	return strcmp(machine_dirty_name(target->machine), "kvm-ring") == 0
		       ? "dirty-ring"
		       : "dirty-bitmap";
}

static const char *word(const json_t *arguments, const char *name)
{
	return json_string_value(json_object_get(arguments, name));
}

/* False if the unit is none. */
static bool get_unit(const json_t *arguments, bool *ret_is_ms,
		     struct qmp_error *err)
{
	const char *unit = word(arguments, "calc-time-unit");

	*ret_is_ms = unit && strcmp(unit, "millisecond") == 0;
	if (!unit || *ret_is_ms || strcmp(unit, "second") == 0)
		return true;
	qmp_error_set(err, QMP_CLASS_GENERIC,
		      "Parameter 'calc-time-unit' does not accept value "
		      "'%.40s'",
		      unit);
	return false;
}

static bool check_mode(const struct control_target *target,
		       const json_t *arguments, struct qmp_error *err)
{
	const char *mode = word(arguments, "mode");
	const char *offered = mode_of(target);

	if (json_object_get(arguments, "sample-pages"))
		qmp_error_set(err, QMP_CLASS_GENERIC,
			      "sample-pages is for the mode page-sampling, "
			      "which this program does not have: it counts all "
			      "pages");
	else if (mode && strcmp(mode, offered) != 0)
		qmp_error_set(err, QMP_CLASS_GENERIC,
			      "mode is %s here, as --dirty %s has it, not "
			      "'%.40s'",
			      offered, machine_dirty_name(target->machine),
			      mode);
	return !err->class;
}

static bool get_calc_ms(const json_t *arguments, uint64_t *ret_ms,
			struct qmp_error *err)
{
	json_int_t time =
		json_integer_value(json_object_get(arguments, "calc-time"));
	json_int_t unit_ms;
	bool is_ms;

	if (!get_unit(arguments, &is_ms, err))
		return false;
	unit_ms = is_ms ? 1 : MS_PER_S;
	if (time < 0 || time > MAX_CALC_MS / unit_ms ||
	    time * unit_ms < MIN_CALC_MS) {
		qmp_error_set(err, QMP_CLASS_GENERIC,
			      "calc-time is from %d to %d milliseconds",
			      MIN_CALC_MS, MAX_CALC_MS);
		return false;
	}
	*ret_ms = (uint64_t)(time * unit_ms);
	return true;
}

/* The further windows behind the first one, which is the longest. */
static bool get_windows(const json_t *arguments, uint64_t *windows_ms,
			size_t *nwindows, struct qmp_error *err)
{
	const json_t *list = json_object_get(arguments, "x-smudge-windows");
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(list, i);
		json_int_t ms = json_integer_value(item);

		if (n >= RATE_MAX_WINDOWS || !json_is_integer(item) ||
		    ms < MIN_WINDOW_MS || (uint64_t)ms > windows_ms[0]) {
			qmp_error_set(err, QMP_CLASS_GENERIC,
				      "x-smudge-windows is a list of at most "
				      "%d numbers, from %d milliseconds to "
				      "calc-time",
				      RATE_MAX_WINDOWS - 1, MIN_WINDOW_MS);
			return false;
		}
		windows_ms[i + 1] = (uint64_t)ms;
	}
	*nwindows = n + 1;
	return true;
}

json_t *control_calc_dirty_rate(struct control_target *target,
				const json_t *arguments, struct qmp_error *err)
{
	uint64_t windows_ms[RATE_MAX_WINDOWS];
	struct smudge_error why = {0};
	size_t nwindows;
	int ret;

	if (!check_mode(target, arguments, err) ||
	    !get_calc_ms(arguments, &windows_ms[0], err) ||
	    !get_windows(arguments, windows_ms, &nwindows, err))
		return NULL;
	ret = rate_start(target->rate, windows_ms, nwindows, &why);
	return qmp_empty_result(ret, &why, err);
}

static double bytes_ps(const struct rate_window *window)
{
	return window->ns ? (double)window->pages * PAGE_BYTES * NS_PER_S /
				    (double)window->ns
			  : 0;
}

static json_t *window_report(const struct rate_window *window)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "window-ms",
			 (json_int_t)window->asked_ms, "measured",
			 (json_int_t)window->nmeasured, "ns",
			 (json_int_t)window->ns, "pages",
			 (json_int_t)window->pages, "bytes-ps",
			 (json_int_t)bytes_ps(window));
}

static json_t *own_report(const struct rate_report *report)
{
	json_t *windows = json_array();
	json_t *own =
		json_pack("{s:I, s:I, s:I}", "total-pages",
			  (json_int_t)report->total_pages, "content-pages",
			  (json_int_t)report->content_pages, "cost-ns",
			  (json_int_t)report->cost_ns);

	for (size_t i = 0; i < report->nwindows; i++)
		json_array_append_new(windows,
				      window_report(&report->windows[i]));
	json_object_set_new(own, "windows", windows);
	if (report->error.message[0])
		json_object_set_new(own, "error-desc",
				    qmp_text(report->error.message));
	return own;
}

json_t *control_query_dirty_rate(struct control_target *target,
				 const json_t *arguments, struct qmp_error *err)
{
	struct rate_report report;
	json_int_t calc_ms;
	json_t *reply;
	bool is_ms;

	if (!get_unit(arguments, &is_ms, err))
		return NULL;
	rate_report(target->rate, &report);
	calc_ms = (json_int_t)report.windows[0].asked_ms;
	reply = json_pack("{s:s, s:I, s:I, s:s, s:i, s:s, s:o}", "status",
			  rate_status_name(report.status), "start-time",
			  (json_int_t)report.start_s, "calc-time",
			  is_ms ? calc_ms : calc_ms / MS_PER_S,
			  "calc-time-unit", is_ms ? "millisecond" : "second",
			  "sample-pages", 0, "mode", mode_of(target),
			  "x-smudge", own_report(&report));
	if (report.status == RATE_MEASURED)
		json_object_set_new(
			reply, "dirty-rate",
			json_integer((json_int_t)(bytes_ps(&report.windows[0]) /
						  MIB)));
	return reply;
}
