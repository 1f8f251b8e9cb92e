/* SPDX-License-Identifier: MIT */
/*
 * One round: harvest, send what is dirty, have it acknowledged.
 */
#ifndef LIB_MIGRATE_SENDER_ROUNDS_H
#define LIB_MIGRATE_SENDER_ROUNDS_H

#include "migrate/sender_objects.h"

/*
 * The most content that one take has. It is small, so that a page is read soon
 * after it was taken (a page that is written in between is sent twice), and so
 * that the statistics advance. A small take costs some microseconds.
 */
#define SMI_TAKE_BYTES (UINT64_C(4) << 20)

void smi_sender_progress(struct smi_sender *sender);
int smi_sender_harvest(struct smi_sender *sender, uint64_t *ret_pages);
int smi_sender_round_begin(struct smi_sender *sender, bool final,
			   uint64_t expected_pages);
int smi_sender_send_dirty(struct smi_sender *sender);
int smi_sender_send_range(struct smi_sender *sender, uint32_t index,
			  uint64_t first_page, uint64_t end_page);
int smi_sender_round_end(struct smi_sender *sender);
/* Send ROUND_END, wait for its answer, and note both in @round. */
int smi_sender_round_finish(struct smi_sender *sender, struct smi_round *round);

#endif
