/* SPDX-License-Identifier: MIT */
/*
 * Rounds while the machine runs.
 */
#ifndef LIB_MIGRATE_SENDER_PRECOPY_H
#define LIB_MIGRATE_SENDER_PRECOPY_H

#include "migrate/sender_objects.h"

int smi_sender_precopy(struct smi_sender *sender);

#endif
