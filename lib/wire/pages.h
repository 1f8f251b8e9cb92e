/* SPDX-License-Identifier: MIT */
/*
 * PAGES and ZERO: runs of wire pages of one region, with content or without.
 */
#ifndef LIB_WIRE_PAGES_H
#define LIB_WIRE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>
#include <smudge/error.h>

#include "wire/format.h"
#include "wire/region_table.h"

/* A checked record; its pointers point into the decoded payload. */
struct smi_wire_pages {
	uint32_t region;
	uint32_t nruns;
	uint64_t npages;	/* in all runs */
	const uint8_t *runs;	/* read with smi_wire_run */
	const uint8_t *content; /* npages * 4096 bytes; NULL for ZERO */
};

/* Bytes of payload in front of the content. */
static inline size_t smi_wire_runs_bytes(size_t nruns)
{
	return SMI_WIRE_RUNS_HEAD + nruns * SMI_WIRE_RUN_BYTES;
}

/* Write region and runs, smi_wire_runs_bytes(@nruns) bytes. */
void smi_wire_runs_encode(uint32_t region, const struct smudge_run *runs,
			  size_t nruns, uint8_t *payload);

/*
 * smi_wire_pages_decode - check every run of a PAGES payload
 * smi_wire_zero_decode - the same for ZERO
 * @regions, @nregions: the region table, the same on both sides
 * @payload, @length: from the peer
 * @ret_pages: its runs ascend, are not empty, and end within their region
 *
 * Return: 0, -EBADMSG.
 */
int smi_wire_pages_decode(const struct smi_wire_region *regions,
			  size_t nregions, const uint8_t *payload,
			  size_t length, struct smi_wire_pages *ret_pages,
			  struct smudge_error *err);
int smi_wire_zero_decode(const struct smi_wire_region *regions, size_t nregions,
			 const uint8_t *payload, size_t length,
			 struct smi_wire_pages *ret_pages,
			 struct smudge_error *err);

/* A run of a checked record; @index is below nruns. */
struct smudge_run smi_wire_run(const struct smi_wire_pages *pages,
			       size_t index);

#endif
