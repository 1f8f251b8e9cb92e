/* SPDX-License-Identifier: MIT */
/*
 * The processes that are measured together.
 */
#ifndef TOOLS_RATE_MEMBERS_H
#define TOOLS_RATE_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rate/meter.h"
#include "rate/report.h"
#include "rate/target.h"

enum rate_wish {
	RATE_WISH_AUTO = -1, /* otherwise an enum rate_method */
};

struct rate_request {
	pid_t pid;
	int method; /* enum rate_method, or RATE_WISH_AUTO */
	struct rate_select select;
	uint64_t nsamples;
	bool has_children;	    /* they are measured too */
	bool has_heat;		    /* for a heat map */
	char name[RATE_NAME_BYTES]; /* of a guest; "": the process's own */
};

struct rate_member {
	struct rate_target target;
	struct rate_meter meter; /* without ops: not measured */
	struct rate_heat *heat;	 /* or NULL */
	char reason[RATE_REASON_BYTES];
	int64_t joined_ns;
	bool has_ended;
	bool has_fixed_name; /* the guest's */
};

/* All zero is an empty one. */
struct rate_members {
	struct rate_member *list;
	size_t n;
};

/*
 * rate_members_open - the process that was asked for
 * Return: 0, or -errno with one sentence.
 */
int rate_members_open(struct rate_members *members,
		      const struct rate_request *request,
		      struct smudge_error *err);

/*
 * rate_members_look - measure children that are new, too
 *
 * One that cannot be measured is tried again at the next look: it may execute
 * another program.
 * Return: 0 or -ENOMEM with one sentence.
 */
int rate_members_look(struct rate_members *members,
		      const struct rate_request *request,
		      struct smudge_error *err);

/* Those that are measured now. */
size_t rate_members_measured(const struct rate_members *members);

/*
 * rate_members_wait - sleep, and look where a method has to
 * @until_ns: of the monotonic clock; a signal ends it before
 */
void rate_members_wait(struct rate_members *members, int64_t until_ns);

/* End the measurement of a process; it stays a member. */
void rate_member_end(struct rate_member *member);

/* Let all go. Heat is kept until the free. */
void rate_members_end(struct rate_members *members);
void rate_members_free(struct rate_members *members);

#endif
