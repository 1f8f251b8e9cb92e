/* SPDX-License-Identifier: MIT */
/*
 * A connection to QEMU, and the events of its machine.
 *
 * The process that listens on the socket may be another one than QEMU: a
 * manager may have made the socket. So the process must have the threads that
 * QEMU says it has.
 */
#include "qemu/peer.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "common/clock.h"
#include "qmp_client.h"

#define NAME	    "qemu"
#define GREETING_MS 3000
#define REPLY_MS    10000
#define NS_PER_US   1000

static int64_t event_ns(const json_t *event)
{
	const json_t *time = json_object_get(event, "timestamp");
	json_int_t seconds =
		json_integer_value(json_object_get(time, "seconds"));
	json_int_t us =
		json_integer_value(json_object_get(time, "microseconds"));

	/* QEMU says -1 if it does not know */
	if (seconds < 0 || us < 0 || seconds > INT64_MAX / CLOCK_NS_PER_S - 1)
		return 0;
	return seconds * CLOCK_NS_PER_S + us % 1000000 * NS_PER_US;
}

static void note_event(void *opaque, const json_t *event)
{
	struct qemu_peer *peer = opaque;
	const char *name = json_string_value(json_object_get(event, "event"));

	if (!name)
		return;
	if (strcmp(name, "STOP") == 0) {
		peer->stopped_ns = event_ns(event);
	} else if (strcmp(name, "RESUME") == 0) {
		peer->resumed_ns = event_ns(event);
		peer->has_resumed = true;
	}
}

void qemu_peer_forget(struct qemu_peer *peer)
{
	peer->has_resumed = false;
	peer->stopped_ns = 0;
	peer->resumed_ns = 0;
}

uint64_t qemu_peer_stopped_ns(const struct qemu_peer *peer)
{
	if (!peer->stopped_ns || peer->resumed_ns < peer->stopped_ns)
		return 0;
	return (uint64_t)(peer->resumed_ns - peer->stopped_ns);
}

int qemu_peer_run(struct qemu_peer *peer, const char *command,
		  json_t *arguments, json_t **ret_value,
		  struct smudge_error *err)
{
	return qmp_client_run(peer->client, command, arguments, ret_value, err);
}

char *qemu_peer_ask(struct qemu_peer *peer, const char *line)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	json_t *value = NULL;
	char *text = NULL;

	if (qemu_peer_run(peer, "human-monitor-command",
			  json_pack("{s:s}", "command-line", line), &value,
			  &ignored))
		return NULL;
	if (json_is_string(value))
		text = strdup(json_string_value(value));
	json_decref(value);
	return text;
}

int qemu_peer_status(struct qemu_peer *peer, struct smudge_error *err)
{
	json_t *value = NULL;
	const char *status;
	int ret = qemu_peer_run(peer, "query-status", NULL, &value, err);

	if (ret)
		return ret;
	status = json_string_value(json_object_get(value, "status"));
	snprintf(peer->status, sizeof(peer->status), "%s",
		 status ? status : "");
	peer->is_running = json_is_true(json_object_get(value, "running"));
	json_decref(value);
	return 0;
}

char *qemu_peer_property(struct qemu_peer *peer, const char *object,
			 const char *property)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	json_t *value = NULL;
	char *text = NULL;

	if (qemu_peer_run(peer, "qom-get",
			  json_pack("{s:s, s:s}", "path", object, "property",
				    property),
			  &value, &ignored))
		return NULL;
	if (json_is_string(value))
		text = strdup(json_string_value(value));
	json_decref(value);
	return text;
}

/* The last number of a line "NSpid:": what the thread calls itself. */
static json_int_t own_number(pid_t pid, const char *thread)
{
	char path[300], line[256];
	json_int_t number = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid,
		 thread);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		const char *last = strrchr(line, '\t');

		if (strncmp(line, "NSpid:", 6) == 0 && last)
			number = strtoll(last, NULL, 10);
	}
	fclose(file);
	return number;
}

static bool has_thread(pid_t pid, json_int_t thread)
{
	bool is_there = false;
	char path[64];
	struct dirent *entry;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	threads = opendir(path);
	while (threads && !is_there && (entry = readdir(threads)))
		is_there = entry->d_name[0] != '.' &&
			   own_number(pid, entry->d_name) == thread;
	if (threads)
		closedir(threads);
	return is_there;
}

static int check_process(struct qemu_peer *peer, const char *path,
			 struct smudge_error *err)
{
	json_t *cpus = NULL;
	json_int_t thread;
	int ret = qemu_peer_run(peer, "query-cpus-fast", NULL, &cpus, err);

	if (ret)
		return ret;
	thread = json_integer_value(
		json_object_get(json_array_get(cpus, 0), "thread-id"));
	json_decref(cpus);
	if (has_thread(peer->pid, thread))
		return 0;
	return smudge_error_set(err, -ESRCH, NAME,
				"process %d is not the QEMU behind %.80s: "
				"--pid PID says which one is",
				(int)peer->pid, path);
}

static int read_version(struct qemu_peer *peer, struct smudge_error *err)
{
	json_int_t major = 0, minor = 0, micro = 0;
	json_t *value = NULL;
	int ret = qemu_peer_run(peer, "query-version", NULL, &value, err);

	if (ret)
		return ret;
	ret = json_unpack(value, "{s:{s:I, s:I, s:I}}", "qemu", "major", &major,
			  "minor", &minor, "micro", &micro);
	json_decref(value);
	if (ret)
		return smudge_error_set(err, -EPROTO, NAME,
					"this is no QEMU: a VM of smudge-vm is "
					"saved with --qmp");
	snprintf(peer->version, sizeof(peer->version), "%d.%d.%d", (int)major,
		 (int)minor, (int)micro);
	return 0;
}

static int get_ready(struct qemu_peer *peer, const char *path, pid_t pid,
		     struct smudge_error *err)
{
	int ret = read_version(peer, err);

	if (ret)
		return ret;
	if (pid)
		peer->pid = pid;
	if (!peer->pid)
		return smudge_error_set(err, -ESRCH, NAME,
					"the process behind %.80s is in "
					"another namespace of processes: "
					"--pid PID says which one it is",
					path);
	ret = check_process(peer, path, err);
	return ret ? ret : qemu_peer_status(peer, err);
}

int qemu_peer_open(struct qemu_peer *peer, const char *path, pid_t pid,
		   struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret;

	memset(peer, 0, sizeof(*peer));
	ret = qmp_client_open_peer(path, GREETING_MS, &peer->pid, &peer->client,
				   &own);
	if (ret == -ETIMEDOUT)
		return smudge_error_set(
			err, -EBUSY, NAME,
			"%.80s serves another client, or does not answer: give "
			"QEMU a second monitor "
			"(-qmp unix:PATH,server=on,wait=off), or end that "
			"client",
			path);
	if (ret)
		return smudge_error_set(err, ret, NAME, "%s", own.message);
	qmp_client_on_event(peer->client, note_event, peer);
	qmp_client_set_timeout(peer->client, REPLY_MS);
	ret = get_ready(peer, path, pid, err);
	if (ret)
		qemu_peer_close(peer);
	return ret;
}

void qemu_peer_close(struct qemu_peer *peer)
{
	qmp_client_close(peer->client);
	peer->client = NULL;
}
