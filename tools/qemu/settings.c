/* SPDX-License-Identifier: MIT */
/*
 * What a manager has set for migrations of its own is not touched for longer
 * than a stream takes.
 */
#include "qemu/settings.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "qemu/peer.h"

#define NAME "qemu"
/* No limit, in bytes per second. */
#define BANDWIDTH ((json_int_t)1 << 40)
/* How long QEMU may expect the last part to take: its own default, in ms. */
#define DOWNTIME_MS 300

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
static int sort_capabilities(const json_t *known, json_t *wanted, json_t *was,
			     struct smudge_error *err)
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
		}
	}
	if (has_shared)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"this QEMU has no capability x-ignore-shared, "
				"which 4.0 brought");
}

static int apply_capabilities(struct qemu_settings *settings,
			      struct qemu_peer *peer, struct smudge_error *err)
{
	json_t *wanted = json_array(), *was = json_array();
	json_t *known = NULL;
	int ret = qemu_peer_run(peer, "query-migrate-capabilities", NULL,
				&known, err);

	if (!ret)
		ret = sort_capabilities(known, wanted, was, err);
	if (!ret && json_array_size(wanted)) {
		ret = qemu_peer_run(peer, "migrate-set-capabilities",
				    json_pack("{s:O}", "capabilities", wanted),
				    NULL, err);
		if (!ret)
			settings->capabilities = json_incref(was);
	}
	json_decref(known);
	json_decref(wanted);
	json_decref(was);
	return ret;
}

static json_int_t number(const json_t *parameters, const char *name)
{
	return json_integer_value(json_object_get(parameters, name));
}

static void sort_parameters(const json_t *known, json_t *wanted, json_t *was)
{
	const char *tls =
		json_string_value(json_object_get(known, "tls-creds"));

	if (number(known, "max-bandwidth") < BANDWIDTH) {
		json_object_set_new(wanted, "max-bandwidth",
				    json_integer(BANDWIDTH));
		json_object_set(was, "max-bandwidth",
				json_object_get(known, "max-bandwidth"));
	}
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

static int apply_parameters(struct qemu_settings *settings,
			    struct qemu_peer *peer, struct smudge_error *err)
{
	json_t *wanted = json_object(), *was = json_object();
	json_t *known = NULL;
	int ret = qemu_peer_run(peer, "query-migrate-parameters", NULL, &known,
				err);

	if (!ret)
		sort_parameters(known, wanted, was);
	if (!ret && json_object_size(wanted)) {
		ret = qemu_peer_run(peer, "migrate-set-parameters",
				    json_incref(wanted), NULL, err);
		if (!ret)
			settings->parameters = json_incref(was);
	}
	json_decref(known);
	json_decref(wanted);
	json_decref(was);
	return ret;
}

int qemu_settings_apply(struct qemu_settings *settings, struct qemu_peer *peer,
			struct smudge_error *err)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	int ret = apply_capabilities(settings, peer, err);

	if (!ret)
		ret = apply_parameters(settings, peer, err);
	if (ret)
		qemu_settings_put_back(settings, peer, &ignored);
	return ret;
}

int qemu_settings_put_back(struct qemu_settings *settings,
			   struct qemu_peer *peer, struct smudge_error *err)
{
	int ret = 0, also;

	if (settings->parameters)
		ret = qemu_peer_run(peer, "migrate-set-parameters",
				    settings->parameters, NULL, err);
	if (settings->capabilities) {
		also = qemu_peer_run(peer, "migrate-set-capabilities",
				     json_pack("{s:o}", "capabilities",
					       settings->capabilities),
				     NULL, err);
		ret = ret ? ret : also;
	}
	settings->parameters = NULL;
	settings->capabilities = NULL;
	return ret;
}
