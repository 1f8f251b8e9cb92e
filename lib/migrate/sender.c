/* SPDX-License-Identifier: MIT */
/*
 * Sending a machine: set-up, end and roll-back.
 *
 * The roll-back after a failure: first the machine runs again, then the pages
 * in flight are returned and the client is closed (logging ends), then the peer
 * gets an ABORT. Only a machine that was handed over stays stopped.
 */
#include "migrate/sender_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/handle.h"
#include "migrate/outcome.h"
#include "migrate/sender_pages.h"
#include "migrate/sender_peer.h"
#include "migrate/sender_precopy.h"
#include "migrate/sender_rounds.h"
#include "migrate/sender_switch.h"
#include "sys/error.h"
#include "sys/options.h"

#define MAX_RUNS ((size_t)64 << 10)
/* Shorter than the second within which a program should end after SIGTERM. */
#define DRAIN_NS UINT64_C(250000000)

static int copy_options(struct smi_sender *sender,
			const struct smudge_migrate_send_options *options)
{
	struct smudge_migrate_send_options *to = &sender->options;

	int ret = smi_sys_options_copy(
		to, options,
		SMI_SYS_SHAPE(smudge_migrate_send_options, state_save),
		"migrate", &sender->err);

	if (ret < 0)
		return ret;
	if (!to->machine_stop || !to->machine_resume || !to->state_save)
		return smudge_error_set(&sender->err, -EINVAL, "migrate",
					"a send needs a %s",
					!to->machine_stop     ? "machine_stop"
					: !to->machine_resume ? "machine_resume"
							      : "state_save");
	return 0;
}

static int open_tracking(struct smi_sender *sender)
{
	struct smudge_client_options options = {
		.size = sizeof(options),
		.name = "migration",
		.regions = sender->regions.regions,
		.nregions = sender->regions.nregions,
	};
	int ret = smudge_batch_create(MAX_RUNS, &sender->batch, NULL);

	if (ret < 0)
		return smudge_error_set(&sender->err, ret, "migrate",
					"no memory for a batch of pages");
	return smudge_client_open(sender->memory, &options, &sender->client,
				  &sender->err);
}

static int prepare(struct smi_sender *sender)
{
	int ret = smi_regions_list(sender->memory, &sender->regions,
				   &sender->err);

	if (!ret)
		ret = smi_packer_create(&sender->packer, &sender->err);
	if (ret < 0) {
		sender->abort_code = SMI_WIRE_ABORT_LOCAL;
		return ret;
	}
	smi_meter_start(&sender->meter, sender->memory,
			sender->regions.size_bytes);
	return 0;
}

static int migrate(struct smi_sender *sender)
{
	int ret = prepare(sender);

	if (ret < 0)
		return ret;
	smi_sender_progress(sender);
	ret = smi_sender_greet(sender);
	if (ret < 0)
		return ret;
	ret = open_tracking(sender);
	if (ret < 0)
		return ret;
	smi_channel_set_rate_limited(smi_sender_channel(sender), true);
	ret = smi_sender_precopy(sender);
	return ret < 0 ? ret : smi_sender_switch(sender);
}

static uint32_t abort_code(const struct smi_sender *sender, int error)
{
	if (sender->abort_code)
		return sender->abort_code;
	if (error == -ECANCELED)
		return SMI_WIRE_ABORT_CANCELLED;
	return error == -ENOMEM ? SMI_WIRE_ABORT_LOCAL : SMI_WIRE_ABORT_MACHINE;
}

/* Undo what a failed migration did to the machine and its tracking. */
static void roll_back(struct smi_sender *sender)
{
	if (sender->is_stopped && !sender->is_handed_over)
		sender->options.machine_resume(sender->options.opaque);
	if (sender->client && sender->batch)
		smudge_client_return(sender->client, sender->batch);
}

static void stop_tracking(struct smi_sender *sender)
{
	smi_meter_read_memory(&sender->meter, sender->memory);
	/* The batch is committed or returned: neither call can refuse. */
	(void)smudge_client_close(sender->client);
	if (sender->batch)
		(void)smudge_batch_destroy(sender->batch);
}

/* Send an ABORT unless the receiver refused, and wait until it was read. */
static void abort_peer(struct smi_sender *sender, int error)
{
	struct smi_link *link = &sender->link;

	if (!sender->is_handed_over && !sender->is_refused &&
	    smi_link_send_final(link, SMI_WIRE_ABORT, abort_code(sender, error),
				sender->err.message))
		smi_channel_drain(smi_link_channel(link), DRAIN_NS);
	smi_channel_shutdown(smi_link_channel(link));
}

static struct smi_migrate_outcome outcome(struct smi_sender *sender, int error)
{
	const struct smi_migrate_facts facts = {
		.error = error,
		.is_given_up = error == -ECANCELED &&
			       (smi_channel_was_cancelled(
					smi_sender_channel(sender)) ||
				sender->is_policy_out),
		.is_handed_over = sender->is_handed_over,
		.is_confirmed = sender->is_confirmed,
	};

	return smi_migrate_outcome(&facts);
}

/* Return: what smudge_migrate_send returns. */
static int finish(struct smi_sender *sender, int error)
{
	struct smi_migrate_outcome end = outcome(sender, error);

	if (end.error < 0) {
		sender->err.code = end.error;
		sender->err.stream_offset_bytes =
			smi_channel_sent_bytes(smi_sender_channel(sender));
		roll_back(sender);
	}
	stop_tracking(sender);
	if (end.error < 0)
		abort_peer(sender, end.error);
	sender->meter.stats.phase = end.phase;
	smi_sender_progress(sender);
	/* Last: if a cancel is refused, the statistics show the end. */
	(void)smi_migration_commit(sender->migration);
	return end.error;
}

static int run(struct smi_sender *sender, int fd)
{
	const struct smi_channel_options options =
		smi_migration_channel_options(sender->migration,
					      sender->options.peer_timeout_ns);
	int ret;

	smi_meter_start(&sender->meter, sender->memory, 0);
	ret = smi_transport_socket_open(&sender->socket, fd, &sender->err);
	/* From here on a failure is reported to the peer. */
	if (!ret) {
		smi_link_open(&sender->link, &sender->socket.base, &options,
			      SMI_WIRE_RECEIVER);
		ret = migrate(sender);
	}
	return finish(sender, ret);
}

int smudge_migrate_send(struct smudge_migration *migration,
			struct smudge_memory *memory, int fd,
			const struct smudge_migrate_send_options *options,
			struct smudge_error *err)
{
	struct smi_sender sender = {.migration = migration, .memory = memory};
	int ret;

	smudge_error_clear(err);
	ret = copy_options(&sender, options);
	if (!ret)
		ret = smi_migration_begin(migration, &sender.err);
	if (!ret) {
		ret = run(&sender, fd);
		smi_migration_end(migration);
	}
	smi_link_close(&sender.link);
	smi_packer_destroy(&sender.packer);
	smi_regions_free(&sender.regions);
	if (ret < 0)
		smi_sys_error_keep(err, &sender.err);
	return ret;
}
