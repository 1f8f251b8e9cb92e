/* SPDX-License-Identifier: MIT */
/*
 * The QMP commands for a QEMU that waits for its device state.
 *
 * The state is handed over as a descriptor: a QEMU that may start no program
 * (-sandbox) or open no file (-chroot, -runas) can load it too.
 */
#include "restore/incoming.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "clock.h"
#include "qmp_client.h"

#define NAME	"restore"
#define FD_NAME "smudge-state"
#define POLL_MS 10

json_t *incoming_capabilities(void)
{
	return json_pack("{s:[{s:s, s:b}]}", "capabilities", "capability",
			 "x-ignore-shared", "state", 1);
}

static int query_status(struct qmp_client *client, char *status, size_t size,
			struct smudge_error *err)
{
	json_t *reply = NULL;
	const char *text;
	int ret = qmp_client_run(client, "query-status", NULL, &reply, err);

	if (ret)
		return ret;
	text = json_string_value(json_object_get(reply, "status"));
	snprintf(status, size, "%s", text ? text : "?");
	json_decref(reply);
	return 0;
}

static int begin(struct qmp_client *client, int state_fd,
		 struct smudge_error *err)
{
	int ret = qmp_client_run(client, "migrate-set-capabilities",
				 incoming_capabilities(), NULL, err);

	if (!ret)
		ret = qmp_client_run_fd(client, "getfd",
					json_pack("{s:s}", "fdname", FD_NAME),
					state_fd, NULL, err);
	if (!ret)
		ret = qmp_client_run(client, "migrate-incoming",
				     json_pack("{s:s}", "uri", "fd:" FD_NAME),
				     NULL, err);
	return ret;
}

/* QEMU ends by itself if it cannot load the state. */
static int wait_loaded(struct qmp_client *client, struct smudge_error *err)
{
	char status[32];
	int ret;

	for (;;) {
		ret = query_status(client, status, sizeof(status), err);
		if (ret || strcmp(status, "inmigrate") != 0)
			return ret;
		clock_sleep_ms(POLL_MS);
	}
}

static int check_running(struct qmp_client *client, struct smudge_error *err)
{
	char status[32];
	int ret = qmp_client_run(client, "cont", NULL, NULL, err);

	if (!ret)
		ret = query_status(client, status, sizeof(status), err);
	if (ret || strcmp(status, "running") == 0)
		return ret;
	return smudge_error_set(err, -EPROTO, NAME,
				"the guest does not run: QEMU says %s", status);
}

int incoming_load(struct qmp_client *client, int state_fd, bool was_running,
		  struct smudge_error *err)
{
	int ret = begin(client, state_fd, err);

	if (!ret)
		ret = wait_loaded(client, err);
	return ret || !was_running ? ret : check_running(client, err);
}
