/* SPDX-License-Identifier: MIT */
/*
 * Processes and their meters.
 */
#include "rate/members.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/process.h"

#define END_MS 200

/* Failures of one method that another one may not have. */
static bool may_sample(int code)
{
	return code != -ESRCH && code != -ENOENT && code != -ENOMEM;
}

static int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void set_reason(struct rate_member *member,
		       const struct smudge_error *why)
{
	snprintf(member->reason, sizeof(member->reason), "%s", why->message);
}

static int check_guest_ram(pid_t pid, struct smudge_error *err)
{
	int n = rate_maps_guest_ram(pid);

	/* without permission a method says what is missing */
	if (n > 0 || n == -EACCES)
		return 0;
	return smudge_error_set(err, n ? n : -ENOENT, "rate",
				"process %d has no mapping that looks like a "
				"guest's RAM",
				(int)pid);
}

/*
 * Beside another tracker it is measured by looking at what that one armed; the
 * reason is its refusal.
 */
static int open_tracker(struct rate_member *member,
			const struct rate_request *request,
			struct smudge_error *why)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	pid_t pid = member->target.pid;
	int ret = rate_tracker_open(pid, request->method, &request->select,
				    &member->meter, why);

	if (ret != -EBUSY || request->method != RATE_WISH_AUTO ||
	    rate_beside_open(pid, &request->select, &member->meter, &ignored))
		return ret;
	set_reason(member, why);
	return 0;
}

static int open_meter(struct rate_member *member,
		      const struct rate_request *request,
		      struct smudge_error *err)
{
	struct smudge_error why = SMUDGE_ERROR_INIT;
	const struct rate_select *select = &request->select;
	int ret = 0;

	if (select->is_guest_ram)
		ret = check_guest_ram(member->target.pid, err);
	if (ret)
		return ret;
	if (request->method == RATE_BESIDE)
		return rate_beside_open(member->target.pid, select,
					&member->meter, err);
	if (request->method != RATE_SAMPLE) {
		ret = open_tracker(member, request, &why);
		if (!ret)
			return 0;
		if (request->method != RATE_WISH_AUTO || !may_sample(ret)) {
			*err = why;
			return ret;
		}
		set_reason(member, &why);
	}
	return rate_sampler_open(member->target.pid, request->nsamples, select,
				 &member->meter, err);
}

/* What fails in a process that ends fails for that reason. */
static int explain(const struct rate_member *member, int code,
		   struct smudge_error *err)
{
	/* One that only has nothing to measure is not waited for. */
	if (!process_wait_ending(member->target.pid, member->target.pidfd,
				 END_MS, NULL))
		return code;
	*err = (struct smudge_error)SMUDGE_ERROR_INIT;
	return smudge_error_set(err, -ESRCH, "rate", "process %d has ended",
				(int)member->target.pid);
}

static int open_member(struct rate_member *member, pid_t pid,
		       const struct rate_request *request,
		       struct smudge_error *err)
{
	int ret;

	*member = (struct rate_member){.target.pidfd = -1};
	ret = rate_target_open(pid, &member->target, err);
	if (ret)
		return ret;
	ret = open_meter(member, request, err);
	if (ret)
		return explain(member, ret, err);
	if (request->has_heat && !(member->heat = rate_heat_create()))
		ret = smudge_error_set(err, -ENOMEM, "rate", "out of memory");
	member->joined_ns = clock_now_ns();
	return ret;
}

static struct rate_member *add(struct rate_members *members)
{
	struct rate_member *list =
		realloc(members->list, (members->n + 1) * sizeof(*list));

	if (!list)
		return NULL;
	members->list = list;
	return &list[members->n++];
}

int rate_members_open(struct rate_members *members,
		      const struct rate_request *request,
		      struct smudge_error *err)
{
	struct rate_member *member = add(members);
	int ret;

	if (!member)
		return smudge_error_set(err, -ENOMEM, "rate", "out of memory");
	ret = open_member(member, request->pid, request, err);
	if (!ret && request->name[0]) {
		rate_name_copy(member->target.name, request->name);
		member->has_fixed_name = true;
	}
	return ret;
}

static bool is_member(const struct rate_members *members, pid_t pid)
{
	for (size_t i = 0; i < members->n; i++) {
		if (members->list[i].target.pid == pid &&
		    !members->list[i].has_ended)
			return true;
	}
	return false;
}

/* What is known without stopping it. */
static bool lacks_memory(pid_t pid, const struct rate_select *select)
{
	struct rate_mappings mappings = {0};
	int ret = rate_maps_read(pid, select, &mappings);
	bool is_none = ret == 0 && !mappings.n;

	rate_mappings_free(&mappings);
	return is_none;
}

static int add_child(struct rate_members *members, pid_t pid,
		     const struct rate_request *request,
		     struct smudge_error *err)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	struct rate_member *member = add(members);

	if (!member)
		return smudge_error_set(err, -ENOMEM, "rate", "out of memory");
	if (open_member(member, pid, request, &ignored)) {
		rate_member_end(member);
		members->n--;
	}
	return 0;
}

int rate_members_look(struct rate_members *members,
		      const struct rate_request *request,
		      struct smudge_error *err)
{
	pid_t *pids = NULL;
	int n;
	int ret = 0;

	if (!request->has_children)
		return 0;
	n = rate_target_children(request->pid, &pids);
	if (n < 0)
		return smudge_error_set(err, n, "rate",
					"the children of process %d cannot be "
					"found: %s",
					(int)request->pid, strerror(-n));
	for (int i = 0; i < n && !ret; i++) {
		if (pids[i] != getpid() && !is_member(members, pids[i]) &&
		    !lacks_memory(pids[i], &request->select))
			ret = add_child(members, pids[i], request, err);
	}
	free(pids);
	return ret;
}

size_t rate_members_measured(const struct rate_members *members)
{
	size_t n = 0;

	for (size_t i = 0; i < members->n; i++)
		n += members->list[i].meter.ops != NULL;
	return n;
}

void rate_members_wait(struct rate_members *members, int64_t until_ns)
{
	int64_t now_ns = clock_now_ns();

	while (now_ns < until_ns) {
		int64_t at_ns = until_ns;
		struct timespec at;

		for (size_t i = 0; i < members->n; i++) {
			struct rate_meter *meter = &members->list[i].meter;

			if (meter->ops && meter->ops->peek)
				at_ns = min_i64(
					at_ns,
					meter->ops->peek(meter->state, now_ns));
		}
		at = (struct timespec){.tv_sec = at_ns / CLOCK_NS_PER_S,
				       .tv_nsec = at_ns % CLOCK_NS_PER_S};
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL))
			return;
		now_ns = clock_now_ns();
	}
}

void rate_member_end(struct rate_member *member)
{
	if (member->meter.ops)
		member->meter.ops->close(member->meter.state);
	member->meter = (struct rate_meter){0};
	if (member->target.pidfd >= 0)
		rate_target_close(&member->target);
	member->target.pidfd = -1;
}

void rate_members_end(struct rate_members *members)
{
	for (size_t i = 0; i < members->n; i++)
		rate_member_end(&members->list[i]);
}

void rate_members_free(struct rate_members *members)
{
	rate_members_end(members);
	for (size_t i = 0; i < members->n; i++)
		rate_heat_destroy(members->list[i].heat);
	free(members->list);
	*members = (struct rate_members){0};
}
