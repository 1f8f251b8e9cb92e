/* SPDX-License-Identifier: MIT */
/*
 * The loop of a measurement.
 */
#include "rate/session.h"

#include <smudge/error.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "common/clock.h"
#include "rate/output.h"
#include "rate/svg_file.h"

/* A member that joined later has not seen the whole window. */
#define LATE_S 0.05

struct session {
	const struct rate_session_options *options;
	struct rate_members members;
	struct rate_windows windows;
	struct rate_output output;
	struct rate_report interval, summary;
	double began_s; /* the interval */
};

/* What one tick is about, for all members. */
struct moment {
	int64_t now_ns;
	unsigned int closing;
	double seconds[RATE_NWINDOWS];
	struct rate_value sum[RATE_NWINDOWS];
	double sum_seconds[RATE_NWINDOWS];
	unsigned int unknown; /* windows that a member has no answer for */
	bool has_restarted;
	bool is_dropped; /* what it finds is before the first interval */
};

static int out_of_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, "rate", "out of memory");
}

static void fill_process(struct rate_process *process,
			 const struct rate_member *member)
{
	memcpy(process->name, member->target.name, sizeof(process->name));
	memcpy(process->reason, member->reason, sizeof(process->reason));
	process->method =
		member->meter.ops ? member->meter.method : RATE_NOT_MEASURED;
	process->has_ended = member->has_ended;
}

/* The process has ended, so it is let go, and its last report says so. */
static void end_member(struct session *session, struct rate_member *member)
{
	struct rate_report *const reports[] = {&session->interval,
					       &session->summary};

	rate_member_end(member);
	member->has_ended = true;
	for (int i = 0; i < 2; i++) {
		struct rate_process *process =
			rate_report_process(reports[i], member->target.pid);
		enum rate_method method;

		if (!process)
			continue;
		method = process->name[0] ? process->method : RATE_NOT_MEASURED;
		fill_process(process, member);
		process->method = method;
	}
}

static void add_value(struct rate_process *process, int w,
		      const struct rate_tick *tick, struct moment *moment)
{
	double seconds =
		tick->seconds[w] > 0 ? tick->seconds[w] : moment->seconds[w];

	rate_value_add(&moment->sum[w], &tick->values[w]);
	moment->sum_seconds[w] = fmax(moment->sum_seconds[w], seconds);
	if (w == RATE_INTERVAL)
		rate_measure_end(&process->measure, &tick->values[w], seconds);
	else
		rate_window_add(&process->measure.windows[w], &tick->values[w],
				seconds);
}

static void add_values(struct rate_process *process,
		       const struct rate_member *member,
		       const struct rate_tick *tick, struct moment *moment)
{
	for (int w = 0; w < RATE_NWINDOWS; w++) {
		double age_s =
			(double)(moment->now_ns - member->joined_ns) / 1e9;

		if (!(tick->closing & 1u << w) ||
		    age_s + LATE_S < moment->seconds[w])
			continue;
		if (tick->unknown & 1u << w)
			moment->unknown |= 1u << w;
		else
			add_value(process, w, tick, moment);
	}
}

static int tick_member(struct session *session, struct rate_member *member,
		       struct moment *moment, struct smudge_error *err)
{
	struct rate_tick tick = {.closing = moment->closing,
				 .heat = moment->is_dropped ? NULL
							    : member->heat};
	int ret;

	if (rate_target_has_ended(&member->target)) {
		end_member(session, member);
		return 0;
	}
	tick.process =
		rate_report_process(&session->interval, member->target.pid);
	if (!tick.process)
		return out_of_memory(err);
	fill_process(tick.process, member);
	ret = member->meter.ops->tick(member->meter.state, &tick, err);
	if (ret == -ESRCH || (ret && rate_target_has_ended(&member->target))) {
		*err = (struct smudge_error)SMUDGE_ERROR_INIT;
		end_member(session, member);
		return 0;
	}
	if (!ret)
		add_values(tick.process, member, &tick, moment);
	moment->has_restarted = moment->has_restarted || tick.has_restarted;
	return ret;
}

static int tick_all(struct session *session, struct moment *moment,
		    struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < session->members.n && !ret; i++) {
		struct rate_member *member = &session->members.list[i];

		if (member->meter.ops)
			ret = tick_member(session, member, moment, err);
	}
	for (int w = 0; w < RATE_INTERVAL && !ret; w++) {
		double seconds = moment->sum_seconds[w];

		if (moment->closing & ~moment->unknown & 1u << w)
			rate_window_add(&session->interval.sum.windows[w],
					&moment->sum[w],
					seconds > 0 ? seconds
						    : moment->seconds[w]);
	}
	if (moment->has_restarted)
		rate_windows_begin(&session->windows, clock_now_ns());
	return ret;
}

static double elapsed_s(const struct session *session, int64_t now_ns)
{
	return (double)(now_ns - session->windows.start_ns) / 1e9;
}

/* Members that cannot be measured are shown with their reason. */
static int show_unmeasured(struct session *session, struct smudge_error *err)
{
	for (size_t i = 0; i < session->members.n; i++) {
		const struct rate_member *member = &session->members.list[i];
		struct rate_process *process;

		if (member->meter.ops || member->has_ended)
			continue;
		process = rate_report_process(&session->interval,
					      member->target.pid);
		if (!process)
			return out_of_memory(err);
		fill_process(process, member);
	}
	return 0;
}

/* What the next interval begins with. Those that ended are not in it. */
static void begin_interval(struct session *session, double began_s)
{
	struct rate_report *report = &session->interval;
	size_t n = 0;

	for (size_t i = 0; i < report->nprocesses; i++) {
		struct rate_process *process = &report->processes[i];

		if (process->has_ended) {
			rate_mappings_free(&process->mappings);
			continue;
		}
		rate_mappings_clear(&process->mappings);
		rate_measure_begin(&process->measure);
		process->tracked_pages = 0;
		report->processes[n++] = *process;
	}
	report->nprocesses = n;
	rate_measure_begin(&report->sum);
	session->began_s = began_s;
}

static void end_heat(struct session *session, double finished_s)
{
	for (size_t i = 0; i < session->members.n; i++) {
		struct rate_member *member = &session->members.list[i];

		if (member->heat && member->meter.ops)
			rate_heat_end_interval(member->heat, session->began_s,
					       finished_s);
	}
}

/* A process may execute another program; a guest keeps its name. */
static void read_names(struct session *session)
{
	for (size_t i = 0; i < session->members.n; i++) {
		struct rate_member *member = &session->members.list[i];

		if (member->meter.ops && !member->has_fixed_name)
			rate_target_read_name(&member->target);
	}
}

static int end_interval(struct session *session, const struct moment *moment,
			struct smudge_error *err)
{
	struct rate_report *report = &session->interval;
	int ret = show_unmeasured(session, err);

	if (ret)
		return ret;
	report->number++;
	report->elapsed_s = elapsed_s(session, moment->now_ns);
	rate_measure_end(&report->sum, &moment->sum[RATE_INTERVAL],
			 moment->seconds[RATE_INTERVAL]);
	end_heat(session, report->elapsed_s);
	read_names(session);
	if (rate_report_add(&session->summary, report))
		return out_of_memory(err);
	return rate_output_interval(&session->output, report, err);
}

static int tick(struct session *session, struct smudge_error *err)
{
	struct moment moment = {.now_ns = clock_now_ns()};
	int ret;

	moment.closing = rate_windows_close(&session->windows, moment.now_ns,
					    moment.seconds);
	if (!moment.closing)
		return rate_output_resize(&session->output, &session->interval,
					  err);
	ret = tick_all(session, &moment, err);
	/* an interval that nothing lived through is none */
	if (ret || !(moment.closing & 1u << RATE_INTERVAL) ||
	    !rate_members_measured(&session->members))
		return ret;
	ret = end_interval(session, &moment, err);
	if (!ret)
		ret = rate_members_look(&session->members,
					&session->options->request, err);
	begin_interval(session, session->interval.elapsed_s);
	return ret;
}

static void wait_for_tick(struct session *session)
{
	rate_members_wait(
		&session->members,
		rate_windows_next_ns(&session->windows, clock_now_ns()));
}

/* Whole intervals only. */
static bool is_over(const struct session *session)
{
	const struct rate_session_options *options = session->options;
	uint64_t due_tick = session->windows.due_tick[RATE_INTERVAL];

	if (interrupted() || !rate_members_measured(&session->members))
		return true;
	if (options->duration_ticks && due_tick > options->duration_ticks)
		return true;
	return options->intervals &&
	       session->summary.number >= options->intervals;
}

/* What was written while the members were opened is nothing of theirs. */
static int start(struct session *session, struct smudge_error *err)
{
	struct moment moment = {.closing = RATE_ALL_WINDOWS,
				.is_dropped = true};
	int ret = rate_members_open(&session->members,
				    &session->options->request, err);

	if (!ret)
		ret = rate_members_look(&session->members,
					&session->options->request, err);
	if (ret)
		return ret;
	rate_output_start(&session->output, session->options->is_json);
	/* none was there for the whole of a window of this length */
	for (int w = 0; w < RATE_NWINDOWS; w++)
		moment.seconds[w] = 1e9;
	moment.now_ns = clock_now_ns();
	rate_windows_start(&session->windows, session->options->interval_ticks,
			   moment.now_ns);
	return tick_all(session, &moment, err);
}

static void restart(struct session *session)
{
	rate_report_free(&session->interval);
	for (size_t i = 0; i < session->members.n; i++)
		session->members.list[i].joined_ns = session->windows.start_ns;
}

/* The summary, with the forecast that was asked for. */
static int show_summary(struct session *session, struct smudge_error *err)
{
	struct rate_forecast forecast = {.options = session->options->forecast};
	bool is_asked = forecast.options.bandwidth_bytes_ps;
	struct smudge_error why = SMUDGE_ERROR_INIT;
	int without = 0;
	int ret;

	if (is_asked) {
		rate_forecast_count(&session->summary, &forecast);
		without = rate_forecast(&session->summary, &forecast, &why);
	}
	ret = rate_output_summary(&session->output, &session->summary,
				  is_asked && !without ? &forecast : NULL, err);
	if (ret || !without)
		return ret;
	*err = why;
	return without;
}

static int finish(struct session *session, struct smudge_error *err)
{
	int ret;

	rate_members_end(&session->members);
	if (!session->summary.number)
		return smudge_error_set(
			err, interrupted() ? -EINTR : -ESRCH, "rate",
			interrupted() ? "interrupted before the first interval "
					"had ended"
				      : "process %d ended before the first "
					"interval had ended",
			(int)session->options->request.pid);
	ret = show_summary(session, err);
	if (session->options->svg && !ret)
		ret = rate_svg_file(session->options->svg, &session->members,
				    &session->summary, err);
	return ret;
}

int rate_session(const struct rate_session_options *options,
		 struct smudge_error *err)
{
	struct session session = {.options = options};
	struct smudge_error first = SMUDGE_ERROR_INIT;
	int ret = start(&session, &first);

	if (!ret)
		restart(&session);
	while (!ret && !is_over(&session)) {
		wait_for_tick(&session);
		ret = tick(&session, &first);
	}
	if (!ret || session.summary.number)
		ret = finish(&session, &first);
	rate_output_end(&session.output);
	rate_members_free(&session.members);
	rate_report_free(&session.interval);
	rate_report_free(&session.summary);
	*err = first;
	return first.code;
}
