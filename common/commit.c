/* SPDX-License-Identifier: MIT */
/*
 * Both have one descriptor that ends them.
 */
#include "common/commit.h"

#include <smudge/error.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/block_snapshot.h"
#include "common/clock.h"
#include "common/nbd_uri.h"
#include "common/shell_command.h"

#define NAME "checkpoint"

struct commit {
	struct commit_options options; /* of copies */
	char *place, *command, *snapshot_qmp, *snapshot_node;
	int end_fd;
	_Atomic(const char *) awaited; /* relaxed: shown to users only */
};

/* Return: is it there, if it has to be? */
static bool copy(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

int commit_create(const struct commit_options *options, struct commit **ret,
		  struct smudge_error *err)
{
	struct commit *commit = calloc(1, sizeof(*commit));
	int code;

	if (!commit)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	commit->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	code = commit->end_fd < 0 ? -errno : 0;
	if (!copy(options->place, &commit->place) ||
	    !copy(options->command, &commit->command) ||
	    !copy(options->snapshot_qmp, &commit->snapshot_qmp) ||
	    !copy(options->snapshot_node, &commit->snapshot_node))
		code = -ENOMEM;
	if (code) {
		commit_destroy(commit);
		return smudge_error_set(err, code, NAME, "%s", strerror(-code));
	}
	commit->options = (struct commit_options){
		.place = commit->place,
		.command = commit->command,
		.snapshot_qmp = commit->snapshot_qmp,
		.snapshot_node = commit->snapshot_node,
		.timeout_ns = options->timeout_ns,
	};
	*ret = commit;
	return 0;
}

void commit_destroy(struct commit *commit)
{
	if (!commit)
		return;
	if (commit->end_fd >= 0)
		close(commit->end_fd);
	free(commit->place);
	free(commit->command);
	free(commit->snapshot_qmp);
	free(commit->snapshot_node);
	free(commit);
}

uint64_t commit_timeout_ns(const struct commit *commit)
{
	return commit->options.timeout_ns;
}

static struct block_snapshot snapshot_of(const struct commit *commit)
{
	return (struct block_snapshot){
		.socket_path = commit->snapshot_qmp,
		.node = commit->snapshot_node,
		.end_fd = commit->end_fd,
		.timeout_ns = commit->options.timeout_ns,
	};
}

int commit_last_number(struct commit *commit, int end_fd, uint64_t *ret_number,
		       struct smudge_error *err)
{
	struct block_snapshot snapshot = snapshot_of(commit);

	snapshot.end_fd = end_fd;
	*ret_number = 0;
	if (!commit->snapshot_qmp)
		return 0;
	return block_snapshot_last(&snapshot, ret_number, err);
}

/* What the command is told, each as NAME=VALUE. */
struct variables {
	char layer[PATH_MAX + 128];
	char number[64];
	char digest[64];
	char time[64];
	char full[32];
};

static void set_time(char *text, size_t size, uint64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / CLOCK_NS_PER_S);
	char second[32];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(second, sizeof(second), "%Y%m%dT%H%M%S", &utc);
	snprintf(text, size, "SMUDGE_TIME=%s.%03uZ", second,
		 (unsigned int)(time_ns % CLOCK_NS_PER_S / CLOCK_NS_PER_MS));
}

static void set_digest(char *text, const struct smudge_digest *digest)
{
	text += sprintf(text, "SMUDGE_DIGEST=");
	for (size_t i = 0; i < sizeof(digest->bytes); i++)
		text += sprintf(text, "%02x", digest->bytes[i]);
}

static void set_variables(struct variables *variables, const char *place,
			  const struct smudge_layer_info *info)
{
	bool is_disk = nbd_uri_is(place);

	snprintf(variables->layer, sizeof(variables->layer),
		 "SMUDGE_LAYER=%s%s%s", place, is_disk ? "" : "/",
		 is_disk ? "" : info->file_name);
	snprintf(variables->number, sizeof(variables->number),
		 "SMUDGE_NUMBER=%" PRIu64, info->number);
	snprintf(variables->full, sizeof(variables->full), "SMUDGE_FULL=%d",
		 info->is_full);
	set_digest(variables->digest, &info->digest);
	set_time(variables->time, sizeof(variables->time), info->time_ns);
}

static int run_command(struct commit *commit,
		       const struct smudge_layer_info *info,
		       struct smudge_error *err)
{
	struct variables variables;
	const char *const environment[] = {
		variables.layer, variables.number, variables.digest,
		variables.time,	 variables.full,   NULL,
	};
	const struct shell_command command = {
		.name = "--on-commit",
		.text = commit->command,
		.environment = environment,
		.end_fd = commit->end_fd,
		.timeout_ns = commit->options.timeout_ns,
	};

	set_variables(&variables, commit->place, info);
	return shell_command_run(&command, err);
}

static void set_awaited(struct commit *commit, const char *what)
{
	atomic_store_explicit(&commit->awaited, what, memory_order_relaxed);
}

int commit_run(struct commit *commit, const struct smudge_layer_info *info,
	       struct smudge_error *err)
{
	const struct block_snapshot snapshot = snapshot_of(commit);
	int ret = 0;

	if (commit->snapshot_qmp) {
		set_awaited(commit, "snapshot");
		ret = block_snapshot_take(&snapshot, info->number, err);
	}
	if (!ret && commit->command) {
		set_awaited(commit, "on-commit");
		ret = run_command(commit, info, err);
	}
	set_awaited(commit, NULL);
	return ret;
}

const char *commit_awaited(const struct commit *commit)
{
	return atomic_load_explicit(&commit->awaited, memory_order_relaxed);
}

void commit_cancel(struct commit *commit)
{
	/* it fails only where it is readable already */
	(void)eventfd_write(commit->end_fd, 1);
}

void commit_expect(struct commit *commit)
{
	eventfd_t ignored;

	(void)eventfd_read(commit->end_fd, &ignored);
}
