/* SPDX-License-Identifier: MIT */
/*
 * Handling the records of the sender.
 */
#ifndef LIB_MIGRATE_RECEIVER_RECORDS_H
#define LIB_MIGRATE_RECEIVER_RECORDS_H

#include "migrate/receiver_objects.h"

/* Publish the statistics and call the caller's callback. */
void smi_receiver_progress(struct smi_receiver *receiver);

/*
 * smi_receiver_record - handle the record just received, which is due now
 *
 * Return: 0, or -errno noted in receiver->err.
 */
int smi_receiver_record(struct smi_receiver *receiver,
			const struct smi_wire_header *header);

#endif
