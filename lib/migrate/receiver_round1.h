/* SPDX-License-Identifier: MIT */
/*
 * The check that round 1 sends no page twice.
 */
#ifndef LIB_MIGRATE_RECEIVER_ROUND1_H
#define LIB_MIGRATE_RECEIVER_ROUND1_H

#include "migrate/receiver_objects.h"

/*
 * smi_round1_seen_begin before round 1, _end after it or after a failure,
 * _check for each record of pages before they are written.
 * Return: 0, -ENOMEM, or -EPROTO (round 1 has sent the page already).
 */
int smi_round1_seen_begin(struct smi_receiver *receiver);
void smi_round1_seen_end(struct smi_receiver *receiver);
int smi_round1_seen_check(struct smi_receiver *receiver,
			  const struct smi_wire_pages *pages);

#endif
