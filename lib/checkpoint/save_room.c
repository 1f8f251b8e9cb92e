/* SPDX-License-Identifier: MIT */
/*
 * Memory for the copies of a save.
 *
 * Before the pause a save waits for those before it. In the pause, or when one
 * save alone needs more than the budget, it waits for the writer, which is
 * asked to begin with this one.
 */
#include "checkpoint/save.h"

#include <errno.h>
#include <time.h>

#include "common/range.h"
#include "qcow2/format.h"
#include "sys/guard.h"

/*
 * The writer gets so many at a time: 16 MiB. Copying and writing then run side
 * by side, and chunks are used again while they are in the cache.
 */
#define FLUSHED_CHUNKS 8

/*
 * While the machine runs and the writer reads along, so many are in use at
 * most: 64 MiB. To populate the whole budget takes longer than to write it.
 */
#define STREAMED_CHUNKS 32

/* Chunks that a pause is prepared for at most: 256 MiB. */
#define MAX_PREPARED 128

/* Until something changed, or the deadline. The lock is held. */
static void wait_changed(struct smudge_checkpointer *cp, struct smi_save *save)
{
	struct timespec until = {
		.tv_sec = (time_t)(save->deadline_ns / 1000000000),
		.tv_nsec = (long)(save->deadline_ns % 1000000000),
	};

	if (save->deadline_ns)
		pthread_cond_timedwait(&cp->changed, &cp->lock, &until);
	else
		pthread_cond_wait(&cp->changed, &cp->lock);
}

/* Chunks that the pause is likely to need. */
static size_t estimate(struct smudge_checkpointer *cp,
		       const struct smi_save *save)
{
	uint64_t npages = max_u64(cp->last_pages, save->dirty_pages);
	uint64_t bytes = npages << SMI_QCOW2_PAGE_SHIFT;

	return (size_t)min_u64(bytes / SMI_CHUNK_BYTES + 2, cp->copies.limit);
}

int smi_save_wait_for_budget(struct smudge_checkpointer *cp,
			     struct smi_save *save, struct smudge_error *err)
{
	size_t nchunks;
	int ret;

	SMI_SYS_GUARD(&cp->lock);
	nchunks = estimate(cp, save);
	ret = smi_save_check_pause(save, err);
	while (!ret && cp->oldest != save &&
	       smi_copies_room(&cp->copies) < nchunks) {
		wait_changed(cp, save);
		ret = smi_save_check_pause(save, err);
	}
	return ret;
}

static size_t to_prepare(struct smudge_checkpointer *cp,
			 const struct smi_save *save)
{
	SMI_SYS_GUARD(&cp->lock);
	return min_u64(estimate(cp, save), MAX_PREPARED);
}

void smi_save_populate(struct smudge_checkpointer *cp, struct smi_save *save)
{
	size_t n = to_prepare(cp, save);
	struct smi_chunks chunks = {0};
	struct smi_chunk *chunk;

	while (chunks.n < n && !smi_copies_get(&cp->copies, &chunk))
		smi_chunks_push(&chunks, chunk);
	smi_copies_put(&cp->copies, &chunks);
}

/* Chunks that the save may get now. */
static size_t room_for(struct smudge_checkpointer *cp, struct smi_save *save)
{
	size_t room = smi_copies_room(&cp->copies);
	size_t kept = 0;

	if (save->will_overflow && !save->is_paused &&
	    cp->copies.limit > STREAMED_CHUNKS)
		kept = cp->copies.limit - STREAMED_CHUNKS;
	return room > kept ? room - kept : 0;
}

static int wait_for_room(struct smudge_checkpointer *cp, struct smi_save *save,
			 struct smudge_error *err)
{
	int ret;

	SMI_SYS_GUARD(&cp->lock);
	save->wants_room = true;
	pthread_cond_broadcast(&cp->changed);
	ret = smi_save_check_pause(save, err);
	while (!ret && !room_for(cp, save)) {
		wait_changed(cp, save);
		ret = smi_save_check_pause(save, err);
	}
	save->wants_room = false;
	return ret;
}

/*
 * While the writer reads along it gets a part of the budget at a time. If the
 * budget will not do, it is asked to begin with the first part.
 */
static bool is_time_to_flush(struct smudge_checkpointer *cp,
			     struct smi_save *save)
{
	SMI_SYS_GUARD(&cp->lock);
	if (save->filling.n < min_u64(cp->copies.limit / 4, FLUSHED_CHUNKS))
		return false;
	save->wants_room |= save->will_overflow;
	return save->is_streamed || save->will_overflow;
}

int smi_save_room(struct smudge_checkpointer *cp, struct smi_save *save,
		  struct smudge_error *err)
{
	struct smi_chunk *chunk;
	int ret;

	if (save->filling.last && save->chunk_used < SMI_CHUNK_BYTES)
		return 0;
	/* a run of pages may need many chunks, which take their time */
	ret = smi_save_check_pause(save, err);
	if (!ret && is_time_to_flush(cp, save))
		ret = smi_save_flush(cp, save, err);
	while (!ret) {
		ret = room_for(cp, save) ? smi_copies_get(&cp->copies, &chunk)
					 : -EAGAIN;
		if (!ret)
			break;
		if (ret == -ENOMEM)
			return smi_checkpointer_no_memory(err);
		ret = smi_save_flush(cp, save, err);
		if (!ret)
			ret = wait_for_room(cp, save, err);
	}
	if (ret < 0)
		return ret;
	smi_chunks_push(&save->filling, chunk);
	save->chunk_used = 0;
	return 0;
}
