/* SPDX-License-Identifier: MIT */
/*
 * Stop the machine, send the rest, hand it over.
 */
#ifndef LIB_MIGRATE_SENDER_SWITCH_H
#define LIB_MIGRATE_SENDER_SWITCH_H

#include "migrate/sender_objects.h"

int smi_sender_switch(struct smi_sender *sender);

#endif
