/* SPDX-License-Identifier: MIT */
/*
 * The burst at the end of a round that a limit paces, which measures the line.
 */
#ifndef LIB_MIGRATE_SENDER_PROBE_H
#define LIB_MIGRATE_SENDER_PROBE_H

#include "migrate/sender_objects.h"

/* The largest burst. */
#define SMI_PROBE_MAX_BYTES (UINT64_C(1) << 20)
/* With fewer pages no round is made for them. */
#define SMI_PROBE_MIN_PAGES 16

/* Keep pages back from smi_sender_send_dirty; none without a limit. */
void smi_probe_choose(struct smi_sender *sender);
/* Send them at the end of the round, and note when that began. */
int smi_probe_send(struct smi_sender *sender, struct smi_round *round);
/* Make a round that is only a burst, if there are enough pages. */
int smi_probe_round(struct smi_sender *sender, bool *ret_was_made);

#endif
