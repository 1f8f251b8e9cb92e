/* SPDX-License-Identifier: MIT */
/*
 * The code of the ABORT that a receiver gets, for each reason that a sender
 * has of its own.
 */
#include "migrate_rig.h"

#include <errno.h>

#include <smudge/source.h>

#include "idle_source.h"

struct server {
	struct smi_link link;
	uint32_t code;
};

static void *serve(void *opaque)
{
	struct server *server = opaque;

	server->code = rig_serve(&server->link);
	smi_channel_shutdown(smi_link_channel(&server->link));
	return NULL;
}

static void sends(struct rig *rig,
		  const struct smudge_migrate_send_options *options, int error,
		  uint32_t code)
{
	struct server server = {0};
	pthread_t thread;

	rig_link_open(rig, &server.link);
	assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
	rig->send_error = rig_send(rig, options);
	pthread_join(thread, NULL);
	rig_assert_went_back(rig, error, "");
	assert_int_equal(server.code, code);
	smi_link_close(&server.link);
}

/* Cancels its own migration, and wants another round. */
static enum smudge_migrate_decision
cancel(const struct smudge_migrate_stats *stats,
       const struct smudge_migrate_limits *limits, void *opaque)
{
	struct rig *rig = opaque;

	smudge_migration_cancel(rig->sending);
	return SMUDGE_MIGRATE_CONTINUE;
}

static enum smudge_migrate_decision
give_up(const struct smudge_migrate_stats *stats,
	const struct smudge_migrate_limits *limits, void *opaque)
{
	return SMUDGE_MIGRATE_ABORT;
}

static void with_policy(const char *name, int code,
			enum smudge_migrate_decision (*policy)(
				const struct smudge_migrate_stats *stats,
				const struct smudge_migrate_limits *limits,
				void *opaque))
{
	struct rig rig = {0};
	struct smudge_migrate_send_options options;

	rig_open(&rig, name);
	options = rig_send_options(&rig);
	options.policy = policy;
	sends(&rig, &options, -ECANCELED, (uint32_t)code);
	rig_close(&rig);
}

static void cancelled(void **state)
{
	with_policy("cancelled", 1, cancel);
}

static void policy_gives_up(void **state)
{
	with_policy("policy_gives_up", 2, give_up);
}

/* Whatever errno a callback returns, the code is the same. */
static void callbacks_fail(void **state)
{
	static const int errors[] = {-EIO, -EPROTO, -EBADMSG, -ETIMEDOUT,
				     -EPIPE};

	for (size_t i = 0; i < 2 * sizeof(errors) / sizeof(errors[0]); i++) {
		struct rig rig = {.rounds_wanted = 1};

		rig_open(&rig, "callbacks_fail");
		if (i % 2)
			rig.stop_error = errors[i / 2];
		else
			rig.save_error = errors[i / 2];
		sends(&rig, NULL, errors[i / 2], 3);
		rig_close(&rig);
	}
}

static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *err)
{
	return smudge_error_set(err, -EIO, "test", "the log cannot be read");
}

static void source_fails(void **state)
{
	static const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "broken",
		.start = idle_start,
		.stop = idle_stop,
		.harvest = harvest,
	};
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_source *source;

	rig_open(&rig, "source_fails");
	assert_int_equal(smudge_source_create(&ops, NULL, &source, NULL), 0);
	assert_int_equal(
		smudge_region_attach(rig.source.regions[0], source, 0, 0, NULL),
		0);
	sends(&rig, NULL, -EIO, 3);
	smudge_source_destroy(source);
	rig_close(&rig);
}

static void state_too_large(void **state)
{
	struct rig rig = {.rounds_wanted = 1};

	rig_open(&rig, "state_too_large");
	rig.state_bytes = (size_t)64 << 20;
	sends(&rig, NULL, -EFBIG, 6);
	rig_close(&rig);
}

TEST_MAIN(cancelled, policy_gives_up, callbacks_fail, source_fails,
	  state_too_large)
