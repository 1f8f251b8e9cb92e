/* SPDX-License-Identifier: MIT */
/*
 * A machine by its QMP socket.
 */
#include "rate/qmp.h"

#include <smudge/error.h>

#include <errno.h>

#include "qmp_client.h"

#define GREETING_MS 3000

/* Machines that do not know the command have no name. */
static void read_name(struct qmp_client *client, char name[RATE_NAME_BYTES])
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	json_t *reply = NULL;
	const char *found;

	name[0] = '\0';
	if (qmp_client_run(client, "query-name", NULL, &reply, &err))
		return;
	found = json_string_value(json_object_get(reply, "name"));
	if (found)
		rate_name_copy(name, found);
	json_decref(reply);
}

int rate_qmp_ask(const char *path, pid_t *ret_pid, char name[RATE_NAME_BYTES],
		 struct smudge_error *err)
{
	struct qmp_client *client = NULL;
	struct smudge_error why = SMUDGE_ERROR_INIT;
	pid_t pid = 0;
	int ret = qmp_client_open_peer(path, GREETING_MS, &pid, &client, &why);

	if (ret == -ETIMEDOUT)
		return smudge_error_set(
			err, -EBUSY, "rate",
			"%.80s serves another client; smudge rate %d --guest "
			"measures the machine without it",
			path, (int)pid);
	if (ret) {
		*err = why;
		return ret;
	}
	read_name(client, name);
	qmp_client_close(client);
	if (!pid)
		return smudge_error_set(err, -ESRCH, "rate",
					"the process behind %.80s is in "
					"another namespace of processes",
					path);
	*ret_pid = pid;
	return 0;
}
