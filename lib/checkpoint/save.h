/* SPDX-License-Identifier: MIT */
/*
 * Filling a save: the parts of smudge_checkpointer_save, on its thread.
 */
#ifndef LIB_CHECKPOINT_SAVE_H
#define LIB_CHECKPOINT_SAVE_H

#include <stdbool.h>

#include "checkpoint/checkpointer_objects.h"

/*
 * smi_save_check - may the save continue? Asked between all pieces of work
 * Return: 0, -ECANCELED, or what the save failed with meanwhile.
 */
int smi_save_check(struct smi_save *save, struct smudge_error *err);
/* The same while it is filled. Return: also -ETIMEDOUT. */
int smi_save_check_pause(struct smi_save *save, struct smudge_error *err);

enum smi_pass {
	SMI_PASS_AHEAD,	    /* the machine runs */
	SMI_PASS_HARVESTED, /* the same; smi_save_rearm has harvested */
	SMI_PASS_LAST,	    /* the machine is paused, if it can be */
};

/*
 * smi_save_pass - harvest, take and copy what is dirty
 *
 * The regions are held meanwhile, and if the save is streamed from here on
 * until smi_save_release_regions. Between two passes the program may change
 * them, as smudge_process_harvest does in quiesce.
 * State after failure: what was taken is in the pieces, or dirty.
 */
int smi_save_pass(struct smudge_checkpointer *cp, struct smi_save *save,
		  enum smi_pass pass, struct smudge_error *err);

/* Harvest and re-arm; the machine is paused. */
int smi_save_rearm(struct smudge_checkpointer *cp, struct smi_save *save,
		   struct smudge_error *err);
/* How much is dirty now: save->dirty_pages. Re-arms nothing if QUIESCED. */
int smi_save_look(struct smudge_checkpointer *cp, struct smi_save *save,
		  struct smudge_error *err);

/* Copy what is dirty while the machine runs, in several passes if it pays. */
int smi_save_look_ahead(struct smudge_checkpointer *cp, struct smi_save *save,
			struct smudge_error *err);

/*
 * smi_save_pause_and_rearm - a pause in which nothing is copied
 * smi_save_pause_and_copy - the last one, with the state and the last pass
 * Return: 0, or the first failure; the machine was resumed if it was paused.
 */
int smi_save_pause_and_rearm(struct smudge_checkpointer *cp,
			     struct smi_save *save, struct smudge_error *err);
int smi_save_pause_and_copy(struct smudge_checkpointer *cp,
			    struct smi_save *save, struct smudge_error *err);

void smi_save_release_regions(struct smudge_checkpointer *cp);
/* The same between two passes, unless their places are fixed by now. */
void smi_save_end_pass(struct smudge_checkpointer *cp, struct smi_save *save);

/*
 * smi_save_regions - hold the regions to save, and describe them in the layer
 * Return: 0, -ENOENT (none), -EAGAIN (they changed, and the layer that has the
 * ones before is being written), -ENOMEM.
 */
int smi_save_regions(struct smudge_checkpointer *cp, struct smi_save *save,
		     struct smudge_error *err);

/* Copy the pieces that have no copy yet, and publish them. */
int smi_save_flush(struct smudge_checkpointer *cp, struct smi_save *save,
		   struct smudge_error *err);

/* More pieces: runs of pages of 4 KiB of a held region. */
int smi_save_add_data(struct smudge_checkpointer *cp, struct smi_save *save,
		      const struct smi_piece *run, struct smudge_error *err);
int smi_save_add_zeros(struct smi_save *save, const struct smi_piece *run,
		       struct smudge_error *err);

/* Is there memory for one page more? Waits for it. */
int smi_save_room(struct smudge_checkpointer *cp, struct smi_save *save,
		  struct smudge_error *err);

/* Wait, before the pause, until the copies probably have room. */
int smi_save_wait_for_budget(struct smudge_checkpointer *cp,
			     struct smi_save *save, struct smudge_error *err);
/* Populate memory for about as many copies as the pause will make. */
void smi_save_populate(struct smudge_checkpointer *cp, struct smi_save *save);

/* Mark again what was taken, of all pieces. @list: of the calling thread. */
void smi_save_return_pages(struct smudge_checkpointer *cp,
			   struct smi_save *save, struct smi_region_list *list);

#endif
