/* SPDX-License-Identifier: MIT */
/*
 * The real users of a memory, all open on one: a migration that takes batches
 * and commits or returns them, a display of the framebuffer, a translator that
 * receives everything and one that receives marks only. Beside them a naive
 * oracle: one byte per page for each user, and one for what a source knows and
 * was not asked for yet.
 *
 * Three regions, whose pages are counted in one row: RAM, the framebuffer, and
 * a device's that has no source. A page is written by a mark, or by a store
 * that only a source sees: the test's own, or userfaultfd.
 *
 * clients_rig.c opens, closes, writes and compares; clients_steps.c has what
 * users do. Each step changes the oracle of those it may change, and then every
 * bit of every user must be as its oracle says.
 */
#ifndef TESTS_UNIT_CLIENTS_CLIENTS_RIG_H
#define TESTS_UNIT_CLIENTS_CLIENTS_RIG_H

#include <smudge/client.h>
#include <smudge/code.h>
#include <smudge/display.h>
#include <smudge/memory.h>

#include "fake_source.h"
#include "support.h"

enum {
	RIG_RAM,
	RIG_VRAM,
	RIG_DEVICE,
	RIG_NREGIONS
};

#define RIG_RAM_PAGES	 4230
#define RIG_VRAM_PAGES	 300
#define RIG_DEVICE_PAGES 70
#define RIG_NROWS	 (RIG_RAM_PAGES + RIG_VRAM_PAGES + RIG_DEVICE_PAGES)
#define RIG_NBATCHES	 2

enum rig_user {
	RIG_MIGRATION,
	RIG_DISPLAY,
	RIG_CODE,
	RIG_MARKS,
	RIG_NUSERS
};

/* Work that was done, in pages: a test where it is 0 has tested nothing. */
struct rig_work {
	uint64_t taken, returned, refreshed, stale, forgotten, reopened, failed;
};

struct clients_rig {
	struct test_rng rng;
	struct smudge_memory *memory;
	struct smudge_region *region[RIG_NREGIONS];
	uint8_t *bytes;		       /* of all rows */
	struct fake_source fake[2];    /* of RIG_RAM and RIG_VRAM, unless */
	struct smudge_source *uffd[2]; /* there are these */
	struct smudge_client *migration;
	struct smudge_batch *batch[RIG_NBATCHES];
	struct smudge_display *display;
	struct smudge_display_mode mode;
	struct smudge_code *code[2]; /* of RIG_CODE and RIG_MARKS */
	struct rig_work work;
	/* the truth */
	bool watches[RIG_NUSERS][RIG_NREGIONS]; /* has bits of the region */
	bool dirty[RIG_NUSERS][RIG_NROWS];
	bool held[RIG_NBATCHES][RIG_NROWS];
	bool pending[RIG_NROWS]; /* in the source */
	uint64_t nblocks[2][RIG_NROWS];
};

/* Everything is open afterwards. */
void clients_rig_start(struct clients_rig *rig, const char *name,
		       bool with_uffd);
/* Closes all; then no bitmap is left and no source runs. */
void clients_rig_stop(struct clients_rig *rig);

/* Rows of a region, and the region of a row. */
uint64_t rig_first_row(int region);
uint64_t rig_npages(int region);
int rig_region_of(uint64_t row);
uint64_t rig_gpa(uint64_t row);

void rig_open_migration(struct clients_rig *rig);
void rig_open_display(struct clients_rig *rig);
void rig_open_code(struct clients_rig *rig, enum rig_user user);
void rig_close_user(struct clients_rig *rig, enum rig_user user);
/* Of the framebuffer; the user does nothing with it yet. */
struct smudge_display_mode rig_random_mode(struct clients_rig *rig);

/* What happens to the oracle of users who have bits of the row. */
void rig_now_watches(struct clients_rig *rig, enum rig_user user, int region);
void rig_marked(struct clients_rig *rig, uint64_t row);
void rig_harvested(struct clients_rig *rig, int region);
void rig_harvest_failed(struct clients_rig *rig, int region);

/*
 * Change the content of some rows, and report it by a mark, a source, or both.
 */
void rig_write_some(struct clients_rig *rig);

/* Every bit of every user, seen with or without draining the marks. */
void rig_check(struct clients_rig *rig);

/*
 * Run @nsteps steps, every second one a write. Fails unless each kind of step
 * had something to do.
 */
void rig_run(struct clients_rig *rig, unsigned int nsteps);

#endif
