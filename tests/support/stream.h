/* SPDX-License-Identifier: MIT */
/*
 * Streams for the receiver, built record by record, and a receiver to play
 * them to: a small memory between guard pages, so that a byte written outside
 * a region ends the test.
 */
#ifndef TESTS_SUPPORT_STREAM_H
#define TESTS_SUPPORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>
#include <smudge/error.h>
#include <smudge/memory.h>

#include "wire/control.h"
#include "wire/greeting.h"
#include "wire/region_table.h"

#define STREAM_MAX_BYTES   ((size_t)224 << 10)
#define STREAM_MAX_RECORDS 8448

/* The memory all streams here are for. */
#define STREAM_RAM_PAGES  16
#define STREAM_VRAM_PAGES 4
#define STREAM_STATE	  "the state of a machine"

struct stream {
	uint8_t bytes[STREAM_MAX_BYTES];
	size_t length;
	size_t starts[STREAM_MAX_RECORDS]; /* where each record begins */
	size_t nrecords;
	struct smi_wire_totals totals;
	struct smi_wire_totals round_totals;
};

void stream_begin(struct stream *stream);
void stream_greeting(struct stream *stream,
		     const struct smi_wire_greeting *greeting);
void stream_record(struct stream *stream, uint32_t type, uint32_t flags,
		   const void *payload, size_t length);
void stream_region_table(struct stream *stream,
			 const struct smi_wire_region *regions, size_t n);
/* The two regions of the memory. */
const struct smi_wire_region *stream_regions(void);
void stream_round_begin(struct stream *stream, uint32_t round, bool final);
/* Content of a page is a pattern of @fill. */
void stream_pages(struct stream *stream, uint32_t region,
		  const struct smudge_run *runs, size_t nruns, uint8_t fill);
void stream_zero(struct stream *stream, uint32_t region,
		 const struct smudge_run *runs, size_t nruns);
void stream_round_end(struct stream *stream, uint32_t round);
void stream_state(struct stream *stream);
void stream_end(struct stream *stream, uint32_t rounds);

/* Greeting, table, round 1 with every page. */
void stream_first_round(struct stream *stream);
/* Final round 2, state. */
void stream_final_round(struct stream *stream);
/* A whole stream that must be accepted. */
void stream_good(struct stream *stream);

/* What became of a stream. */
struct stream_result {
	int error; /* of smudge_migrate_receive */
	struct smudge_error err;
	bool state_loaded;  /* with the state of stream_state */
	bool peer_was_told; /* the receiver sent a REFUSE */
	uint32_t told_code;
	char told[200]; /* its sentence */
};

struct stream_player;

/* The memory to play to; NULL when it cannot be created. */
struct stream_player *stream_player_create(void);
void stream_player_destroy(struct stream_player *player);
/* Page of a region as the receiver has it now. */
const uint8_t *stream_player_page(struct stream_player *player, uint32_t region,
				  uint64_t page);

/* From now on loading the state returns @error; 0: success. */
void stream_player_fail_load(struct stream_player *player, int error);

/* Send the bytes to a receiver, and then close. */
struct stream_result stream_play(struct stream_player *player,
				 const uint8_t *bytes, size_t length);

#endif
