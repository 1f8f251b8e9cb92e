/* SPDX-License-Identifier: MIT */
/*
 * Where a guest is after a migration, from the answers of the source.
 *
 * Only the source knows. Its query-migrate derives the place from what
 * happened; its query-status says whether the guest runs there. If a monitor's
 * query-migrate does not name the place, only a guest that runs is located.
 */
#include "guest_place.h"

#include "clock.h"
#include "qmp_client.h"

#include <smudge/error.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct answers {
	char place[16];	 /* "" if query-migrate does not name it */
	char status[32]; /* of query-status */
	bool is_running;
};

static void copy_text(const json_t *object, const char *name, char *buf,
		      size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	snprintf(buf, size, "%s", text ? text : "");
}

/* 0, or -errno if there is no answer. */
static int ask(const char *socket, struct answers *answers)
{
	struct smudge_error ignored = {0};
	struct qmp_client *client = NULL;
	json_t *migration = NULL;
	json_t *status = NULL;
	int ret = qmp_client_open(socket, 0, &client, &ignored);

	if (!ret)
		ret = qmp_client_run(client, "query-migrate", NULL, &migration,
				     &ignored);
	if (!ret)
		ret = qmp_client_run(client, "query-status", NULL, &status,
				     &ignored);
	qmp_client_close(client);
	if (!ret) {
		copy_text(json_object_get(migration, "x-smudge"), "guest",
			  answers->place, sizeof(answers->place));
		copy_text(status, "status", answers->status,
			  sizeof(answers->status));
		answers->is_running =
			json_is_true(json_object_get(status, "running"));
	}
	json_decref(migration);
	json_decref(status);
	return ret;
}

void guest_place_say(const char *socket, char *buf, size_t size)
{
	struct answers answers = {0};

	if (ask(socket, &answers))
		snprintf(buf, size, "%s",
			 interrupted() ? "; where the guest is, is not known: "
					 "ask the source with query-migrate"
				       : "; where the guest is, is not known, "
					 "since the source does not answer");
	else if (answers.is_running)
		snprintf(buf, size, "; the guest runs at the source");
	else if (strcmp(answers.place, "source") == 0)
		snprintf(buf, size,
			 "; the guest is at the source and does not run, its "
			 "state is '%s'",
			 answers.status);
	else if (strcmp(answers.place, "destination") == 0)
		snprintf(buf, size, "; the guest is at the destination");
	else
		snprintf(buf, size,
			 "; it is not known whether the guest runs at the "
			 "destination");
}
