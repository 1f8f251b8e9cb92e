/* SPDX-License-Identifier: MIT */
/*
 * Writing the pages of records into the regions.
 */
#ifndef LIB_MIGRATE_RECEIVER_PAGES_H
#define LIB_MIGRATE_RECEIVER_PAGES_H

#include "migrate/receiver_objects.h"

/* A PAGES or ZERO record. Return: 0, or -errno noted in receiver->err. */
int smi_receiver_pages(struct smi_receiver *receiver,
		       const struct smi_wire_header *header);

#endif
