/* SPDX-License-Identifier: MIT */
/*
 * Records to the receiver, and its answers. Calls return 0, or -errno that is
 * noted in sender->err.
 */
#ifndef LIB_MIGRATE_SENDER_PEER_H
#define LIB_MIGRATE_SENDER_PEER_H

#include "migrate/sender_objects.h"

int smi_sender_greet(struct smi_sender *sender);
int smi_sender_send(struct smi_sender *sender, uint8_t *record, uint32_t type,
		    uint64_t length);
int smi_sender_wait(struct smi_sender *sender, uint32_t type);

#endif
