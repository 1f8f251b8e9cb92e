/* SPDX-License-Identifier: MIT */
/*
 * The live image on a block device of the program's. It shows the last moment
 * that was saved, until the next one is begun: then its footer is erased first,
 * so that whatever stops the writer leaves an image that is known as torn.
 *
 * AFTER A FAILURE the device is torn: it has pages and tables of the moment
 * that failed. Its pages are dirty again, so the next save has them. Its tables
 * may not be, so all of them are written then. In place of the footer it has a
 * mark that no other writer knows: with another one, the pages that were saved
 * before may not be there any more (the device was put back, or emptied), and
 * the next save is full. A full save places everything
 * anew: if it fails nothing is where the moment before had it, and the next
 * save is full too (needs_full). If only the program refuses the moment, the
 * device has it all the same, and the next save stands on it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/chain.h"
#include "checkpoint/live.h"
#include "checkpoint/place.h"
#include "checkpoint/save.h"
#include "checkpoint/store.h"
#include "checkpoint/tail.h"
#include "common/range.h"

static bool has_parent(struct smi_target *target,
		       const struct smi_moment *moment)
{
	return !atomic_load_explicit(&smi_live_of(target)->needs_full,
				     memory_order_relaxed);
}

static int too_small(struct smi_live *l, uint64_t npages, bool is_full,
		     struct smudge_error *err)
{
	/* A full layer has no gaps: it may fit. */
	if (!is_full)
		smi_live_need_full(l, true);
	return smudge_error_set(
		err, -ENOSPC, SMI_WHERE,
		"the disk has %" PRIu64 " bytes, and the moment needs %" PRIu64
		"%s",
		l->npages * SMI_QCOW2_PAGE_BYTES, npages * SMI_QCOW2_PAGE_BYTES,
		is_full ? ""
			: " as its regions lie now: the next save is a full "
			  "one, which may need less");
}

/* Before the footer, which has the device's last page. */
static int place_tail(struct smi_target *target, const struct smi_layer *parent,
		      struct smi_layer *layer, size_t tail_npages, bool is_most,
		      struct smudge_error *err)
{
	struct smi_live *l = smi_live_of(target);
	uint64_t needed;

	/* Without the parent: where the extents end. */
	smi_place_tail(NULL, layer, is_most ? 1 : tail_npages);
	needed = layer->disk_npages;
	if (needed > l->npages)
		return too_small(l, needed, !parent, err);
	layer->disk_npages = l->npages;
	layer->tail_page = l->npages - 1 - layer->tail_npages;
	return 0;
}

static int data(struct smi_target *target, uint64_t first_page, uint64_t npages,
		const void *bytes, struct smi_qcow2_digest *digests,
		struct smudge_error *err)
{
	return smi_disk_writer_data(&smi_live_of(target)->writer, first_page,
				    npages, bytes, digests, err);
}

static int zeros(struct smi_target *target, uint64_t first_page,
		 uint64_t npages, struct smudge_error *err)
{
	return smi_disk_writer_zeros(&smi_live_of(target)->writer, first_page,
				     npages, err);
}

static int drain(struct smi_target *target, struct smudge_error *err)
{
	return smi_disk_writer_drain(&smi_live_of(target)->writer, err);
}

static void stop(struct smi_target *target)
{
	smi_disk_writer_stop(&smi_live_of(target)->writer);
}

static int write_footer(struct smi_live *l, const uint8_t *tail,
			struct smudge_error *err)
{
	int ret;

	smi_disk_owner_end(&l->context->owner);
	smi_footer_encode(&l->save->layer, tail, l->footer);
	ret = smi_disk_writer_data(&l->writer, l->npages - 1, 1, l->footer,
				   NULL, err);
	return ret ? ret : smi_disk_writer_flush(&l->writer, err);
}

static int commit(struct smi_target *target, const uint8_t *tail,
		  struct smi_stored *stored, struct smudge_error *err)
{
	struct smi_live *l = smi_live_of(target);
	const struct smi_layer *layer = &l->save->layer;
	int ret = smi_disk_writer_data(&l->writer, layer->tail_page,
				       layer->tail_npages, tail, NULL, err);

	if (!ret)
		ret = smi_disk_writer_flush(&l->writer, err);
	if (!ret)
		ret = smi_save_check(l->save, err);
	if (!ret)
		ret = smi_live_check_page(l, l->context->owner.mark, err);
	if (!ret)
		ret = write_footer(l, tail, err);
	if (ret < 0)
		return ret;
	/* An engine may have a snapshot of that number, even if it fails. */
	stored->moment.number = ++l->cp->last_number;
	stored->file_bytes = atomic_load_explicit(&l->context->written_bytes,
						  memory_order_relaxed);
	return 0;
}

/*
 * A snapshot that was taken before another writer came is whole, but when it
 * was taken is not known. A disk that cannot be read says nothing.
 */
static int confirm(struct smi_target *target, struct smudge_error *err)
{
	struct smi_live *l = smi_live_of(target);
	int ret = smi_live_check_page(l, l->footer, err);

	if (ret < 0 && smi_disk_owner_is_lost(&l->context->owner))
		return ret;
	smudge_error_clear(err);
	return 0;
}

static void name(uint64_t number, char name[SMI_LAYER_NAME_BYTES])
{
	strcpy(name, SMI_DISK_NAME);
}

static void end(struct smi_target *target, bool is_whole)
{
	struct smi_live *l = smi_live_of(target);

	if (is_whole) {
		l->is_known = true;
		l->is_torn = false;
		smi_live_need_full(l, false);
	} else {
		stop(target);
		if (smi_disk_owner_is_lost(&l->context->owner))
			smi_live_need_full(l, true);
	}
	smi_disk_owner_end(&l->context->owner);
	smi_live_show(l, false);
}

static void cancel(struct smi_target *target)
{
	struct smi_live *l = smi_live_of(target);

	if (l->is_writing)
		smi_calls_cancel(l->cp->calls);
}

static uint64_t written_pages(const struct smi_target *target)
{
	const struct smi_live *l = (const struct smi_live *)target;

	return l->is_writing ? atomic_load_explicit(&l->context->written_pages,
						    memory_order_relaxed)
			     : 0;
}

static bool is_footer_of(const struct smi_footer *footer,
			 const struct smi_layer *layer)
{
	return smi_qcow2_digest_is_equal(footer->digest, layer->digest) &&
	       smi_qcow2_digest_is_equal(footer->tail_checksum,
					 layer->tail_checksum) &&
	       footer->tail_page == layer->tail_page &&
	       footer->tail_npages == layer->tail_npages;
}

/*
 * The chain may be of a snapshot: what counts is what the device shows now. It
 * may also be of the device, which was written since the chain was opened: so
 * nothing is read through the chain here.
 */
static int check_shown(struct smi_live *l, const struct smi_layer *layer,
		       struct smudge_error *err)
{
	struct smudge_error why = SMUDGE_ERROR_INIT;
	struct smi_footer footer;
	int ret;

	smi_calls_open(l->cp->calls);
	ret = smi_disk_calls_read(l->cp->calls, l->npages - 1, l->footer, err);
	if (ret < 0)
		return ret;
	if (smi_footer_decode(l->footer, l->npages, &footer, &why) == 0 &&
	    is_footer_of(&footer, layer))
		return 0;
	return smudge_error_set(err, -ESTALE, SMI_WHERE,
				"the disk shows another moment than the one "
				"that the memory is to continue");
}

static int adopt(struct smi_target *target, const struct smudge_chain *chain,
		 struct smi_moment *moment, struct smudge_error *err)
{
	struct smi_live *l = smi_live_of(target);
	int ret;

	if (!chain->disk || chain->layer.disk_npages != l->npages)
		return smudge_error_set(err, -ESTALE, SMI_WHERE,
					"the layer that the memory is to "
					"continue is not of a disk of that "
					"length");
	ret = check_shown(l, &chain->layer, err);
	if (ret < 0)
		return ret;
	l->is_known = true;
	moment->number = l->cp->last_number;
	moment->chain_nlayers = 1;
	return 0;
}

static void destroy(struct smi_target *target)
{
	free(smi_live_of(target));
}

static const struct smi_target_ops disk_ops = {
	.has_parent = has_parent,
	.place_tail = place_tail,
	.begin = smi_live_begin,
	.data = data,
	.zeros = zeros,
	.drain = drain,
	.commit = commit,
	.confirm = confirm,
	.name = name,
	.stop = stop,
	.end = end,
	.cancel = cancel,
	.written_pages = written_pages,
	.adopt = adopt,
	.destroy = destroy,
};

static void cancel_disk(void *opaque)
{
	struct smi_disk_context *context = opaque;

	if (context->disk.ops.cancel)
		context->disk.ops.cancel(context->disk.opaque);
}

static int start_calls(struct smudge_checkpointer *cp,
		       struct smi_disk_context *context,
		       struct smudge_error *err)
{
	/* They wait for the device: more of them than processors is well. */
	const struct smi_calls_options options = {
		.nthreads = (unsigned int)min_u64(max_u64(cp->nthreads, 4), 16),
		.scratch_bytes = SMI_DISK_WRITE_PAGES * SMI_QCOW2_PAGE_BYTES,
		.deadline_ns = cp->options.store_deadline_ns,
		.cancel = cancel_disk,
		.context = context,
	};

	return smi_calls_create(&options, &cp->calls, err);
}

int smi_target_disk_create(struct smudge_checkpointer *cp,
			   struct smi_target **ret_target,
			   struct smudge_error *err)
{
	struct smi_disk_context *context = calloc(1, sizeof(*context));
	struct smi_live *l = calloc(1, sizeof(*l));
	int ret = -ENOMEM;

	if (!context || !l)
		smi_checkpointer_no_memory(err);
	else
		ret = smi_disk_copy(&context->disk, cp->options.disk, true,
				    err);
	if (!ret)
		ret = start_calls(cp, context, err);
	if (ret < 0) {
		free(context);
		free(l);
		return ret;
	}
	l->target = (struct smi_target){
		.ops = &disk_ops,
		.others_stop_ns = SMI_DISK_OTHERS_STOP_NS,
		.shows_old = true,
		.is_refusable = true,
	};
	l->cp = cp;
	l->context = context;
	l->npages = context->disk.size_bytes >> SMI_QCOW2_PAGE_SHIFT;
	l->writer.calls = cp->calls;
	l->writer.context = context;
	context->owner.page = l->npages - 1;
	*ret_target = &l->target;
	return 0;
}
