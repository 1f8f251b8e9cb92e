/* SPDX-License-Identifier: MIT */
/*
 * A migration's progress, and the wait for its end.
 */
#include "progress.h"

#include "clock.h"
#include "common/streams.h"
#include "progress_line.h"
#include "qmp_client.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS	     50
#define LINE_MS	     1000
#define CLEAR_TO_END "\x1b[K"

struct progress {
	bool quiet;
	bool terminal;
	bool open_line;	   /* the terminal's cursor is at the end of our line */
	bool arrives;	   /* the migration is watched at its destination */
	bool is_cancelled; /* a cancel was asked for */
	unsigned int round;
	int64_t shown_ms;
	/* the last state, and whether a line of its own shows it */
	char text[PROGRESS_LINE_BYTES];
	bool is_kept;
};

/* On a terminal the line stays open, to be rewritten. */
static void put_line(struct progress *progress)
{
	if (progress->terminal)
		printf("\r%s" CLEAR_TO_END, progress->text);
	else
		puts(progress->text);
	progress->open_line = progress->terminal;
	progress->is_kept = !progress->terminal;
}

static void close_line(struct progress *progress)
{
	if (progress->open_line)
		putchar('\n');
	progress->open_line = false;
}

/* The last state of a round stays as a line of its own. */
static void keep_round(struct progress *progress)
{
	if (progress->round && !progress->terminal && !progress->is_kept)
		puts(progress->text);
	close_line(progress);
}

/* The last column stays empty: in it some terminals wrap at once. */
static void take_state(struct progress *progress, const json_t *reply)
{
	size_t columns = sizeof(progress->text) - 1;

	if (progress->terminal)
		columns = parts_columns(STDOUT_FILENO) - 1;
	progress_line(reply, progress->round, columns, progress->text);
	progress->is_kept = false;
}

static void show(struct progress *progress, const json_t *reply)
{
	unsigned int round =
		(unsigned int)progress_number(reply, "ram", "dirty-sync-count");
	int64_t now_ms = clock_now_ms();

	if (progress->quiet || round == 0)
		return;
	if (round != progress->round)
		keep_round(progress);
	progress->round = round;
	take_state(progress, reply);
	if (progress->terminal || now_ms - progress->shown_ms >= LINE_MS) {
		put_line(progress);
		progress->shown_ms = now_ms;
	}
	streams_flush();
}

/* 1 while the migration runs, 0 if it completed, or -errno. */
static int outcome(const json_t *reply, struct smudge_error *err)
{
	const char *status =
		json_string_value(json_object_get(reply, "status"));
	const char *why =
		json_string_value(json_object_get(reply, "error-desc"));

	if (!status)
		return smudge_error_set(err, -EPROTO, "migrate",
					"query-migrate gives no status");
	if (strcmp(status, "completed") == 0)
		return 0;
	if (strcmp(status, "cancelled") == 0)
		return smudge_error_set(err, -ECANCELED, "migrate",
					"the migration was cancelled");
	if (strcmp(status, "failed") == 0 || strcmp(status, "none") == 0)
		return smudge_error_set(err, -EREMOTEIO, "migrate",
					"the migration failed: %s",
					why ? why : "no reason is given");
	return 1;
}

/* A refused cancel is no failure: the migration continues to its own end. */
static void cancel(struct progress *progress, struct qmp_client *client)
{
	struct smudge_error err = {0};

	if (qmp_client_run(client, "migrate_cancel", NULL, NULL, &err) !=
	    -EREMOTEIO)
		return;
	close_line(progress);
	streams_flush();
	fprintf(stderr, "smudge: %s; waiting for the end\n", err.message);
}

/* The command must end before the migration has ended. */
static int ended_early(struct smudge_error *err)
{
	*err = (struct smudge_error){0};
	return smudge_error_set(err, -EINTR, "migrate",
				"interrupted before the migration's end");
}

/* After a signal cancel the migration, or end the wait. 0 or -EINTR. */
static int react_to_signals(struct progress *progress,
			    struct qmp_client *client, struct smudge_error *err)
{
	if (!interrupted())
		return 0;
	if (progress->arrives)
		return ended_early(err);
	if (!progress->is_cancelled)
		cancel(progress, client);
	progress->is_cancelled = true;
	return 0;
}

static int watch(struct progress *progress, struct qmp_client *client,
		 json_t **ret_migration, struct smudge_error *err)
{
	for (;;) {
		int ret = qmp_client_run(client, "query-migrate", NULL,
					 ret_migration, err);

		if (ret)
			return interrupted() ? ended_early(err) : ret;
		show(progress, *ret_migration);
		ret = outcome(*ret_migration, err);
		if (ret == 1)
			ret = react_to_signals(progress, client, err);
		else if (!ret)
			return 0;
		json_decref(*ret_migration);
		*ret_migration = NULL;
		if (ret)
			return ret;
		clock_sleep_ms(POLL_MS);
	}
}

int progress_watch(struct qmp_client *client, bool quiet,
		   json_t **ret_migration, struct smudge_error *err)
{
	struct progress progress = {
		.quiet = quiet,
		.terminal = parts_can_redraw(STDOUT_FILENO),
	};
	int ret = watch(&progress, client, ret_migration, err);

	keep_round(&progress);
	streams_flush();
	return ret;
}

int progress_wait_arrival(struct qmp_client *client, struct smudge_error *err)
{
	struct progress progress = {.quiet = true, .arrives = true};
	json_t *reply = NULL;
	int ret = watch(&progress, client, &reply, err);

	json_decref(reply);
	return ret;
}
