/* SPDX-License-Identifier: MIT */
/*
 * Copying pages, on several threads.
 *
 * The pieces have been taken; here their pages are read once each, into chunks.
 * Between two shares a thread asks whether the save may continue.
 */
#include "checkpoint/save.h"

#include <errno.h>
#include <string.h>

#include "common/range.h"
#include "qcow2/format.h"
#include "sys/error.h"
#include "sys/guard.h"

/* What a thread takes at once: until one of the two is reached. */
#define SHARE_PIECES 32
#define SHARE_PAGES  64
/* Less is not worth waking another thread. */
#define SHARED_PAGES 256

struct copying {
	struct smi_save *save;
	pthread_mutex_t lock; /* of all that follows */
	struct smi_piece_cursor rest;
	int ret;
	struct smudge_error err;
};

/* The next pieces to copy; none after a failure. */
static struct smi_piece_cursor next_share(struct copying *copying)
{
	struct smi_piece_cursor share;
	uint64_t npages = 0;

	SMI_SYS_GUARD(&copying->lock);
	share = copying->rest;
	share.npieces = 0;
	while (!copying->ret && share.npieces < SHARE_PIECES &&
	       npages < SHARE_PAGES) {
		struct smi_piece *piece = smi_pieces_next(&copying->rest);

		if (!piece)
			break;
		share.npieces++;
		npages += piece->npages;
	}
	return share;
}

static int read_pages(const struct smi_piece *piece, uint64_t first,
		      uint64_t npages, struct smudge_error *err)
{
	return smudge_region_read_bytes(
		piece->region,
		(piece->first_page + first) << SMI_QCOW2_PAGE_SHIFT,
		npages << SMI_QCOW2_PAGE_SHIFT,
		piece->bytes + (first << SMI_QCOW2_PAGE_SHIFT), err);
}

/*
 * Another process has no memory in some of the pages: these count as zeros, and
 * when there is memory again it holds zeros, or is reported (process.h).
 */
static int read_one_by_one(const struct smi_piece *piece,
			   struct smudge_error *err)
{
	for (uint64_t i = 0; i < piece->npages; i++) {
		int ret = read_pages(piece, i, 1, err);

		if (ret < 0 && ret != -EFAULT)
			return ret;
		if (ret < 0)
			memset(piece->bytes + (i << SMI_QCOW2_PAGE_SHIFT), 0,
			       SMI_QCOW2_PAGE_BYTES);
	}
	smudge_error_clear(err);
	return 0;
}

static int copy(struct smi_save *save, struct smi_piece_cursor share,
		struct smudge_error *err)
{
	struct smi_piece *piece;
	uint64_t npages = 0;
	int ret = 0;

	while (!ret && (piece = smi_pieces_next(&share))) {
		if (!piece->bytes)
			continue;
		ret = read_pages(piece, 0, piece->npages, err);
		if (ret == -EFAULT)
			ret = read_one_by_one(piece, err);
		npages += piece->npages;
	}
	atomic_fetch_add_explicit(&save->copied_pages, npages,
				  memory_order_relaxed);
	return ret;
}

static void fail(struct copying *copying, int ret,
		 const struct smudge_error *err)
{
	SMI_SYS_GUARD(&copying->lock);
	if (!copying->ret) {
		copying->ret = ret;
		copying->err = *err;
	}
}

static void work(void *opaque)
{
	struct copying *copying = opaque;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret = 0;

	while (!ret) {
		struct smi_piece_cursor share = next_share(copying);

		if (!share.npieces)
			break;
		ret = copy(copying->save, share, &err);
		if (!ret)
			ret = smi_save_check_pause(copying->save, &err);
	}
	if (ret < 0)
		fail(copying, ret, &err);
}

static int copy_all(struct smudge_checkpointer *cp, struct smi_save *save,
		    uint64_t npages, struct smudge_error *err)
{
	struct copying copying = {
		.save = save,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.rest = save->uncopied,
		.err = SMUDGE_ERROR_INIT,
	};

	if (npages < SHARED_PAGES)
		work(&copying);
	else
		smi_workers_run(cp->workers, work, &copying);
	pthread_mutex_destroy(&copying.lock);
	if (copying.ret < 0)
		smi_sys_error_keep(err, &copying.err);
	return copying.ret;
}

/* The next copy begins a chunk of its own: these are the writer's now. */
static void publish(struct smudge_checkpointer *cp, struct smi_save *save)
{
	SMI_SYS_GUARD(&cp->lock);
	smi_chunks_move(&save->chunks, &save->filling);
	save->chunk_used = SMI_CHUNK_BYTES;
	save->published = save->pieces.npieces;
	pthread_cond_broadcast(&cp->changed);
}

/* What was foreseen is not exact. */
static void expect_at_least(struct smi_save *save, uint64_t npages)
{
	if (atomic_load_explicit(&save->copying_pages, memory_order_relaxed) <
	    npages)
		atomic_store_explicit(&save->copying_pages, npages,
				      memory_order_relaxed);
}

int smi_save_flush(struct smudge_checkpointer *cp, struct smi_save *save,
		   struct smudge_error *err)
{
	uint64_t bytes = save->filling.n * SMI_CHUNK_BYTES;
	int ret;

	expect_at_least(save, save->pieces.data_pages);
	ret = copy_all(cp, save, bytes >> SMI_QCOW2_PAGE_SHIFT, err);

	if (ret < 0)
		return ret;
	save->uncopied = smi_pieces_end(&save->pieces);
	publish(cp, save);
	return 0;
}
