/* SPDX-License-Identifier: MIT */
/*
 * What a manager has set for migrations of its own is not touched for longer
 * than a stream takes. A guard puts it back if this process is killed. If both
 * were, it is known by its bandwidth, which is set for nothing else: then what
 * is the default is put back.
 */
#include "qemu/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "qemu/guard.h"
#include "qemu/peer.h"

#define NAME "qemu"
/* No limit, in bytes per second. */
#define BANDWIDTH ((json_int_t)1 << 40)
/* How long QEMU may expect the last part to take: its own default, in ms. */
#define DOWNTIME_MS 300
/* QEMU's own default. */
#define DEFAULT_BANDWIDTH ((json_int_t)128 << 20)

/* They make another stream, or wait for commands. */
static const char *const unwanted[] = {
	"background-snapshot",
	"block",
	"compress",
	"dirty-bitmaps",
	"mapped-ram",
	"multifd",
	"pause-before-switchover",
	"postcopy-preempt",
	"postcopy-ram",
	"rdma-pin-all",
	"release-ram",
	"return-path",
	"switchover-ack",
	"validate-uuid",
	"x-colo",
	"xbzrle",
	"zero-copy-send",
};

static bool is_unwanted(const char *name)
{
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(*unwanted); i++)
		if (strcmp(name, unwanted[i]) == 0)
			return true;
	return false;
}

static void add_capability(json_t *array, const char *name, bool state)
{
	json_array_append_new(array, json_pack("{s:s, s:b}", "capability", name,
					       "state", (int)state));
}

/* Sort what is on into what to turn, and how it was. */
static int sort_capabilities(const json_t *known, bool is_left, json_t *wanted,
			     json_t *was, struct smudge_error *err)
{
	bool has_shared = false;
	json_t *value;
	size_t i;

	json_array_foreach(known, i, value)
	{
		const char *name =
			json_string_value(json_object_get(value, "capability"));
		bool is_on = json_is_true(json_object_get(value, "state"));
		bool is_shared = name && !strcmp(name, "x-ignore-shared");

		has_shared |= is_shared;
		if (name && (is_shared ? !is_on : is_on && is_unwanted(name))) {
			add_capability(wanted, name, !is_on);
			add_capability(was, name, is_on);
		} else if (is_shared && is_left) {
			add_capability(was, name, false);
		}
	}
	if (has_shared)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"this QEMU has no capability x-ignore-shared, "
				"which 4.0 brought");
}

static json_int_t number(const json_t *parameters, const char *name)
{
	return json_integer_value(json_object_get(parameters, name));
}

static void sort_bandwidth(const json_t *known, bool is_left, json_t *wanted,
			   json_t *was)
{
	if (is_left) {
		json_object_set_new(was, "max-bandwidth",
				    json_integer(DEFAULT_BANDWIDTH));
	} else if (number(known, "max-bandwidth") < BANDWIDTH) {
		json_object_set_new(wanted, "max-bandwidth",
				    json_integer(BANDWIDTH));
		json_object_set(was, "max-bandwidth",
				json_object_get(known, "max-bandwidth"));
	}
}

static void sort_parameters(const json_t *known, bool is_left, json_t *wanted,
			    json_t *was)
{
	const char *tls =
		json_string_value(json_object_get(known, "tls-creds"));

	sort_bandwidth(known, is_left, wanted, was);
	if (number(known, "downtime-limit") < DOWNTIME_MS) {
		json_object_set_new(wanted, "downtime-limit",
				    json_integer(DOWNTIME_MS));
		json_object_set(was, "downtime-limit",
				json_object_get(known, "downtime-limit"));
	}
	if (tls && *tls) {
		json_object_set_new(wanted, "tls-creds", json_string(""));
		json_object_set(was, "tls-creds",
				json_object_get(known, "tls-creds"));
	}
}

/* What is set now, in two replies, and what it becomes. */
struct change {
	json_t *capabilities, *parameters; /* known */
	json_t *wanted_capabilities, *wanted_parameters;
};

static int query(struct qemu_peer *peer, struct change *change,
		 struct smudge_error *err)
{
	int ret = qemu_peer_run(peer, "query-migrate-capabilities", NULL,
				&change->capabilities, err);

	if (!ret)
		ret = qemu_peer_run(peer, "query-migrate-parameters", NULL,
				    &change->parameters, err);
	return ret;
}

/* settings is what it was; empty if nothing is to be put back. */
static int sort_all(struct qemu_settings *settings, struct change *change,
		    struct smudge_error *err)
{
	bool is_left = number(change->parameters, "max-bandwidth") == BANDWIDTH;
	int ret;

	settings->capabilities = json_array();
	settings->parameters = json_object();
	change->wanted_capabilities = json_array();
	change->wanted_parameters = json_object();
	ret = sort_capabilities(change->capabilities, is_left,
				change->wanted_capabilities,
				settings->capabilities, err);
	sort_parameters(change->parameters, is_left, change->wanted_parameters,
			settings->parameters);
	return ret;
}

static int set_capabilities(struct qemu_peer *peer, json_t *capabilities,
			    struct smudge_error *err)
{
	if (!json_array_size(capabilities))
		return 0;
	return qemu_peer_run(peer, "migrate-set-capabilities",
			     json_pack("{s:O}", "capabilities", capabilities),
			     NULL, err);
}

static int set_parameters(struct qemu_peer *peer, json_t *parameters,
			  struct smudge_error *err)
{
	if (!json_object_size(parameters))
		return 0;
	return qemu_peer_run(peer, "migrate-set-parameters",
			     json_incref(parameters), NULL, err);
}

static char *line_of(const char *command, json_t *arguments)
{
	json_t *message =
		json_pack("{s:s, s:o, s:s}", "execute", command, "arguments",
			  arguments, "id", QEMU_GUARD_ID);
	char *line = json_dumps(message, JSON_COMPACT);

	json_decref(message);
	return line;
}

/* Before anything is changed. */
static int keep(const struct qemu_settings *settings, struct qemu_guard *guard,
		struct smudge_error *err)
{
	char *parameters = line_of("migrate-set-parameters",
				   json_incref(settings->parameters));
	char *capabilities = line_of(
		"migrate-set-capabilities",
		json_pack("{s:O}", "capabilities", settings->capabilities));
	char *both = NULL;
	int ret = -ENOMEM;

	if (parameters && capabilities &&
	    asprintf(&both, "%s\n%s\n", capabilities, parameters) >= 0)
		ret = qemu_guard_keep(guard, both, err);
	else
		smudge_error_set(err, ret, NAME, "out of memory");
	free(parameters);
	free(capabilities);
	free(both);
	return ret;
}

/* The bandwidth first, and last when it is put back: it tells that the rest is
 * not as it was. */
static int change_all(struct qemu_settings *settings, struct change *change,
		      struct qemu_peer *peer, struct qemu_guard *guard,
		      struct smudge_error *err)
{
	int ret = query(peer, change, err);

	if (!ret)
		ret = sort_all(settings, change, err);
	if (!ret)
		ret = keep(settings, guard, err);
	if (!ret)
		ret = set_parameters(peer, change->wanted_parameters, err);
	if (!ret)
		ret = set_capabilities(peer, change->wanted_capabilities, err);
	return ret;
}

int qemu_settings_apply(struct qemu_settings *settings, struct qemu_peer *peer,
			struct qemu_guard *guard, struct smudge_error *err)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	struct change change = {0};
	int ret = qemu_settings_put_back(settings, peer, guard, err);

	if (ret)
		return ret;
	ret = change_all(settings, &change, peer, guard, err);
	if (ret)
		qemu_settings_put_back(settings, peer, guard, &ignored);
	json_decref(change.capabilities);
	json_decref(change.parameters);
	json_decref(change.wanted_capabilities);
	json_decref(change.wanted_parameters);
	return ret;
}

int qemu_settings_put_back(struct qemu_settings *settings,
			   struct qemu_peer *peer, struct qemu_guard *guard,
			   struct smudge_error *err)
{
	int ret = 0;

	if (!settings->capabilities)
		return 0;
	ret = set_capabilities(peer, settings->capabilities, err);
	if (!ret)
		ret = set_parameters(peer, settings->parameters, err);
	if (!ret)
		ret = qemu_guard_keep(guard, "", err);
	if (!ret)
		qemu_settings_free(settings);
	return ret;
}

void qemu_settings_free(struct qemu_settings *settings)
{
	json_decref(settings->parameters);
	json_decref(settings->capabilities);
	*settings = (struct qemu_settings){0};
}
