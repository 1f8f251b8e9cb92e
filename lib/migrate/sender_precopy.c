/* SPDX-License-Identifier: MIT */
/*
 * Pre-copy: rounds while the machine runs, until the policy says that the rest
 * is small enough.
 */
#include "migrate/sender_precopy.h"

#include <errno.h>

#include "migrate/handle.h"
#include "migrate/sender_probe.h"
#include "migrate/sender_rounds.h"

static int one_round(struct smi_sender *sender, uint64_t dirty_pages)
{
	struct smi_channel *channel = smi_sender_channel(sender);
	struct smi_round round = {0};
	int ret = smi_sender_round_begin(sender, false, dirty_pages);

	if (ret < 0)
		return ret;
	round.is_limited = smi_channel_is_rate_limited(channel);
	if (sender->meter.stats.round > 1)
		smi_probe_choose(sender);
	ret = smi_sender_send_dirty(sender);
	if (!ret)
		ret = smi_probe_send(sender, &round);
	if (!ret)
		ret = smi_sender_round_finish(sender, &round);
	if (ret < 0)
		return ret;
	/* The limit may have been set meanwhile. */
	round.is_limited |= smi_channel_is_rate_limited(channel);
	smi_meter_round_end(&sender->meter, &round);
	return 0;
}

/* Make a round, and count the pages that are dirty behind it. */
static int round_and_harvest(struct smi_sender *sender, uint64_t *dirty_pages)
{
	bool is_first = sender->meter.stats.round == 0;
	bool is_probed = false;
	int ret = one_round(sender, *dirty_pages);

	if (!ret)
		ret = smi_sender_harvest(sender, dirty_pages);
	if (!ret && is_first)
		ret = smi_probe_round(sender, &is_probed);
	if (!ret && is_probed)
		ret = smi_sender_harvest(sender, dirty_pages);
	return ret;
}

static enum smudge_migrate_decision decide(struct smi_sender *sender)
{
	struct smudge_migrate_limits limits =
		smi_migration_limits(sender->migration);
	void *opaque = sender->options.opaque;
	enum smudge_migrate_decision decision;

	if (!sender->options.policy)
		return smudge_migrate_default_policy(&sender->meter.stats,
						     &limits, opaque);
	decision =
		sender->options.policy(&sender->meter.stats, &limits, opaque);
	if (decision == SMUDGE_MIGRATE_CONTINUE ||
	    decision == SMUDGE_MIGRATE_SWITCH ||
	    decision == SMUDGE_MIGRATE_ABORT)
		return decision;
	smudge_error_set(&sender->err, -ECANCELED, "migrate",
			 "the policy returned %d after round %u, which is no "
			 "decision: the migration is given up",
			 (int)decision,
			 (unsigned int)sender->meter.stats.round);
	return SMUDGE_MIGRATE_ABORT;
}

static int gave_up(struct smi_sender *sender)
{
	sender->is_policy_out = true;
	sender->abort_code = SMI_WIRE_ABORT_POLICY;
	return smudge_error_set(&sender->err, -ECANCELED, "migrate",
				"the policy gave up after round %u",
				(unsigned int)sender->meter.stats.round);
}

/* Rounds until the policy wants to switch over. */
int smi_sender_precopy(struct smi_sender *sender)
{
	enum smudge_migrate_decision decision = SMUDGE_MIGRATE_CONTINUE;
	uint64_t dirty_pages;
	int ret = smi_sender_harvest(sender, &dirty_pages);

	if (ret < 0)
		return ret;
	sender->meter.stats.phase = SMUDGE_MIGRATE_ROUNDS;
	smi_meter_remaining(&sender->meter, dirty_pages, false);
	while (decision == SMUDGE_MIGRATE_CONTINUE) {
		ret = round_and_harvest(sender, &dirty_pages);
		if (ret < 0)
			return ret;
		smi_meter_remaining(&sender->meter, dirty_pages, true);
		smi_sender_progress(sender);
		decision = decide(sender);
	}
	return decision == SMUDGE_MIGRATE_SWITCH ? 0 : gave_up(sender);
}
