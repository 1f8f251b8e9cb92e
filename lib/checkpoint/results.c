/* SPDX-License-Identifier: MIT */
/*
 * What programs ask of a checkpointer: results, statistics, a cancel; and the
 * blobs that they add.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/target.h"
#include "common/range.h"
#include "sys/error.h"
#include "sys/guard.h"
#include "sys/options.h"
#include "sys/space.h"

#define MAX_BLOB_BYTES (UINT64_C(512) << 20) /* of one layer */

static bool is_under_way(const struct smudge_checkpointer *cp, uint64_t ticket)
{
	for (struct smi_save *at = cp->oldest; at; at = at->next)
		if (at->ticket == ticket)
			return true;
	return false;
}

static int wait_for(struct smudge_checkpointer *cp, uint64_t ticket,
		    struct smi_result *ret_result)
{
	SMI_SYS_GUARD(&cp->lock);
	while (is_under_way(cp, ticket))
		pthread_cond_wait(&cp->changed, &cp->lock);
	*ret_result = cp->results[ticket % SMI_RESULTS];
	return ticket && ret_result->ticket == ticket ? 0 : -EINVAL;
}

static int give_info(struct smudge_layer_info *info,
		     const struct smi_result *result, struct smudge_error *err)
{
	if (!info ||
	    !smi_sys_stats_copy(info, &result->info,
				SMI_SYS_SHAPE(smudge_layer_info, memory_bytes)))
		return 0;
	return smudge_error_set(
		err, -EINVAL, SMI_WHERE,
		"the struct for what a layer says is too short");
}

int smudge_checkpointer_wait(struct smudge_checkpointer *checkpointer,
			     uint64_t ticket, struct smudge_layer_info *info,
			     struct smudge_error *err)
{
	struct smi_result result;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_space_check(checkpointer->space, SMI_WHERE,
				  "checkpointer", err);
	if (ret < 0)
		return ret;
	ret = wait_for(checkpointer, ticket, &result);
	if (ret < 0)
		return smudge_error_set(err, ret, SMI_WHERE,
					"there is no result of such a save");
	/* A layer may be in place although the program refused it. */
	if (!result.err.code || result.info.size)
		ret = give_info(info, &result, err);
	if (!ret)
		smi_sys_error_keep(err, &result.err);
	return ret ? ret : result.err.code;
}

void smudge_checkpointer_cancel(struct smudge_checkpointer *checkpointer)
{
	SMI_SYS_GUARD(&checkpointer->lock);
	/* Relaxed: nothing else is handed over with it. */
	for (struct smi_save *at = checkpointer->oldest; at; at = at->next)
		atomic_store_explicit(&at->is_cancelled, true,
				      memory_order_relaxed);
	checkpointer->target->ops->cancel(checkpointer->target);
	pthread_cond_broadcast(&checkpointer->changed);
}

static void count_waiting(const struct smudge_checkpointer *cp,
			  struct smudge_checkpointer_stats *stats)
{
	for (const struct smi_save *at = cp->oldest; at; at = at->next) {
		if (!at->is_filled)
			continue;
		stats->waiting++;
		stats->waiting_pages += at->pieces.data_pages;
	}
	if (cp->oldest && cp->oldest->is_filled)
		stats->waiting_pages -=
			min_u64(cp->target->ops->written_pages(cp->target),
				cp->oldest->pieces.data_pages);
}

/* Of the save that is being filled, which is the youngest. */
static void count_copying(const struct smudge_checkpointer *cp,
			  struct smudge_checkpointer_stats *stats)
{
	const struct smi_save *save = cp->youngest;
	uint64_t copied;

	if (!save || save->is_filled)
		return;
	copied =
		atomic_load_explicit(&save->copied_pages, memory_order_relaxed);
	stats->copying_pages =
		max_u64(copied, atomic_load_explicit(&save->copying_pages,
						     memory_order_relaxed));
	stats->uncopied_pages = stats->copying_pages - copied;
}

int smudge_checkpointer_stats(struct smudge_checkpointer *checkpointer,
			      struct smudge_checkpointer_stats *stats)
{
	struct smudge_checkpointer_stats now;

	SMI_SYS_GUARD(&checkpointer->lock);
	now = checkpointer->stats;
	count_waiting(checkpointer, &now);
	count_copying(checkpointer, &now);
	return smi_sys_stats_copy(
		stats, &now,
		SMI_SYS_SHAPE(smudge_checkpointer_stats, file_bytes));
}

static int check_blob(const struct smudge_checkpointer *cp, const char *name,
		      size_t length_bytes, struct smudge_error *err)
{
	if (!name[0] || strlen(name) >= SMI_LAYER_NAME_BYTES)
		return smudge_error_set(err, -EINVAL, SMI_WHERE,
					"a blob's name has 1 to 63 bytes");
	for (size_t i = 0; i < cp->nblobs; i++)
		if (!strcmp(cp->blobs[i].name, name))
			return smudge_error_set(err, -EEXIST, SMI_WHERE,
						"the layer has a blob %s",
						name);
	if (cp->nblobs >= SMI_LAYER_MAX_BLOBS ||
	    length_bytes > MAX_BLOB_BYTES - cp->blob_bytes)
		return smudge_error_set(err, -E2BIG, SMI_WHERE,
					"the blobs of a layer have 512 MiB at "
					"most");
	return 0;
}

static int add_blob(struct smudge_checkpointer *cp, const char *name,
		    const void *bytes, size_t length_bytes,
		    struct smudge_error *err)
{
	struct smi_layer_blob *grown =
		realloc(cp->blobs, (cp->nblobs + 1) * sizeof(*grown));
	struct smi_layer_blob *blob;

	if (!grown)
		return smi_checkpointer_no_memory(err);
	cp->blobs = grown;
	blob = &grown[cp->nblobs];
	*blob = (struct smi_layer_blob){.length_bytes = length_bytes};
	blob->bytes = malloc(length_bytes ? length_bytes : 1);
	if (!blob->bytes)
		return smi_checkpointer_no_memory(err);
	if (length_bytes)
		memcpy(blob->bytes, bytes, length_bytes);
	strcpy(blob->name, name);
	cp->nblobs++;
	cp->blob_bytes += length_bytes;
	return 0;
}

int smudge_checkpoint_add_blob(struct smudge_checkpointer *checkpointer,
			       const char *name, const void *bytes,
			       size_t length_bytes, struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	SMI_SYS_GUARD(&checkpointer->lock);
	ret = check_blob(checkpointer, name, length_bytes, err);
	return ret ? ret
		   : add_blob(checkpointer, name, bytes, length_bytes, err);
}
