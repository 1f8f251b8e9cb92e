/* SPDX-License-Identifier: MIT */
/*
 * Packing the pages of a batch into PAGES and ZERO records.
 */
#ifndef LIB_MIGRATE_SENDER_PAGES_H
#define LIB_MIGRATE_SENDER_PAGES_H

#include "migrate/sender_objects.h"

int smi_packer_create(struct smi_packer *packer, struct smudge_error *err);
void smi_packer_destroy(struct smi_packer *packer);
int smi_sender_pack_batch(struct smi_sender *sender, uint32_t region);

#endif
