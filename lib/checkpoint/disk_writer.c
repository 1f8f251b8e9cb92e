/* SPDX-License-Identifier: MIT */
/*
 * Runs of pages: collected, copied and digested on a thread of the calls, and
 * written from there.
 */
#include "checkpoint/disk_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpointer_objects.h"
#include "common/range.h"
#include "qcow2/format.h"

/* Fewer pages of zeros between others are written with them. */
#define ZERO_RUN_PAGES 16

/* A part of a run, as it was handed over. */
struct part {
	const uint8_t *bytes;
	struct smi_qcow2_digest *digests; /* or NULL */
	uint32_t npages;
};

struct smi_disk_run {
	struct smi_call call;
	size_t nparts, max_parts;
	struct part *parts; /* owned */
	/* A bit per page: it is zeros. Of pages without a digest: no. */
	uint64_t zeros[SMI_DISK_WRITE_PAGES / 64];
};

static struct smi_disk_run *run_of(struct smi_call *call)
{
	return (struct smi_disk_run *)call;
}

static void destroy_run(struct smi_call *call)
{
	free(run_of(call)->parts);
	free(call);
}

static void destroy_call(struct smi_call *call)
{
	free(call);
}

static bool is_zero(const struct smi_disk_run *run, uint64_t page)
{
	return run->zeros[page / 64] >> page % 64 & 1;
}

/* @page: of the run */
static void copy_part(struct smi_disk_run *run, const struct part *part,
		      uint64_t page, uint8_t *to)
{
	uint64_t disk_page = run->call.first_page + page;

	for (uint32_t i = 0; i < part->npages; i++) {
		size_t off = (size_t)i << SMI_QCOW2_PAGE_SHIFT;

		memcpy(to + off, part->bytes + off, SMI_QCOW2_PAGE_BYTES);
		if (!part->digests)
			continue;
		part->digests[i] = smi_qcow2_digest(disk_page + i, to + off);
		if (smi_qcow2_digest_is_zero(part->digests[i]))
			run->zeros[(page + i) / 64] |= UINT64_C(1)
						       << (page + i) % 64;
	}
}

static void copy(struct smi_call *call, uint8_t *scratch)
{
	struct smi_disk_run *run = run_of(call);
	uint64_t page = 0;

	for (size_t i = 0; i < run->nparts; i++) {
		copy_part(run, &run->parts[i], page,
			  scratch + (page << SMI_QCOW2_PAGE_SHIFT));
		page += run->parts[i].npages;
	}
}

static int write_pages(struct smi_disk_context *context, uint64_t disk_page,
		       uint64_t npages, const uint8_t *bytes,
		       struct smudge_error *err)
{
	size_t length = (size_t)npages << SMI_QCOW2_PAGE_SHIFT;
	int ret = smi_disk_write(&context->disk,
				 disk_page << SMI_QCOW2_PAGE_SHIFT, bytes,
				 length, err);

	if (!ret)
		atomic_fetch_add_explicit(&context->written_bytes, length,
					  memory_order_relaxed);
	return ret;
}

/* Return: 0, or -EOPNOTSUPP, without a sentence: they are to be written. */
static int try_zero(struct smi_disk_context *context, uint64_t disk_page,
		    uint64_t npages, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = -EOPNOTSUPP;

	/* Relaxed: at worst it is tried once more. */
	if (!atomic_load_explicit(&context->has_no_zero, memory_order_relaxed))
		ret = smi_disk_zero(&context->disk,
				    disk_page << SMI_QCOW2_PAGE_SHIFT,
				    npages << SMI_QCOW2_PAGE_SHIFT, &own);
	if (ret == -EOPNOTSUPP)
		atomic_store_explicit(&context->has_no_zero, true,
				      memory_order_relaxed);
	else if (ret < 0 && err)
		*err = own;
	return ret;
}

/* How many pages from @page on are to be done by one call, and how. */
static uint64_t next_piece(const struct smi_disk_run *run, uint64_t page,
			   bool *ret_is_zero)
{
	uint64_t npages = run->call.npages, end = page, nzeros = 0;

	while (end < npages && is_zero(run, end))
		end++;
	*ret_is_zero = end - page >= ZERO_RUN_PAGES || end == npages;
	if (*ret_is_zero && end > page)
		return end - page;
	*ret_is_zero = false;
	for (end = page; end < npages; end++) {
		nzeros = is_zero(run, end) ? nzeros + 1 : 0;
		if (nzeros == ZERO_RUN_PAGES)
			return end + 1 - nzeros - page;
	}
	/* Those at the end are zeros, however few. */
	return end - nzeros - page;
}

/* Before a write, after which the call continues. */
static int check_owner(struct smi_call *call, struct smi_disk_context *context,
		       struct smudge_error *err)
{
	int ret = smi_disk_owner_check(&context->owner, &context->disk, err);

	return ret > 0 ? smi_calls_continue(call, err) : ret;
}

static int write_run(struct smi_call *call, void *opaque, uint8_t *scratch,
		     struct smudge_error *err)
{
	struct smi_disk_context *context = opaque;
	struct smi_disk_run *run = run_of(call);
	uint64_t n;
	int ret = 0;

	for (uint64_t page = 0; !ret && page < call->npages; page += n) {
		bool is_zero;

		n = next_piece(run, page, &is_zero);
		if (page)
			ret = smi_calls_continue(call, err);
		if (!ret)
			ret = check_owner(call, context, err);
		if (ret)
			break;
		ret = is_zero ? try_zero(context, call->first_page + page, n,
					 err)
			      : -EOPNOTSUPP;
		if (ret == -EOPNOTSUPP)
			ret = write_pages(
				context, call->first_page + page, n,
				scratch + (page << SMI_QCOW2_PAGE_SHIFT), err);
	}
	if (!ret)
		atomic_fetch_add_explicit(&context->written_pages, call->npages,
					  memory_order_relaxed);
	return ret;
}

static int submit_open(struct smi_disk_writer *writer, struct smudge_error *err)
{
	struct smi_disk_run *run = writer->open;

	writer->open = NULL;
	return run ? smi_calls_submit(writer->calls, &run->call, err) : 0;
}

/* A run that begins at @first_page, or continues there. */
static int need_open(struct smi_disk_writer *writer, uint64_t first_page,
		     struct smudge_error *err)
{
	struct smi_disk_run *run = writer->open;
	int ret;

	if (run && run->call.first_page + run->call.npages == first_page &&
	    run->call.npages < SMI_DISK_WRITE_PAGES)
		return 0;
	ret = submit_open(writer, err);
	if (ret < 0)
		return ret;
	run = calloc(1, sizeof(*run));
	if (!run)
		return smi_checkpointer_no_memory(err);
	run->call = (struct smi_call){
		.what = "a write to the disk",
		.first_page = first_page,
		.prepare = copy,
		.run = write_run,
		.destroy = destroy_run,
	};
	writer->open = run;
	return 0;
}

static int add_part(struct smi_disk_run *run, const struct part *part,
		    struct smudge_error *err)
{
	if (run->nparts == run->max_parts) {
		size_t max = run->max_parts ? 2 * run->max_parts : 4;
		struct part *grown = realloc(run->parts, max * sizeof(*grown));

		if (!grown)
			return smi_checkpointer_no_memory(err);
		run->parts = grown;
		run->max_parts = max;
	}
	run->parts[run->nparts++] = *part;
	run->call.npages += part->npages;
	return 0;
}

int smi_disk_writer_data(struct smi_disk_writer *writer, uint64_t first_page,
			 uint64_t npages, const void *bytes,
			 struct smi_qcow2_digest *digests,
			 struct smudge_error *err)
{
	uint64_t done = 0;
	int ret = 0;

	while (!ret && done < npages) {
		struct part part = {
			.bytes = (const uint8_t *)bytes +
				 (done << SMI_QCOW2_PAGE_SHIFT),
			.digests = digests ? digests + done : NULL,
		};

		ret = need_open(writer, first_page + done, err);
		if (ret < 0)
			break;
		part.npages = (uint32_t)min_u64(
			npages - done,
			SMI_DISK_WRITE_PAGES - writer->open->call.npages);
		ret = add_part(writer->open, &part, err);
		done += part.npages;
	}
	return ret;
}

static int zero_run(struct smi_call *call, void *opaque, uint8_t *scratch,
		    struct smudge_error *err)
{
	struct smi_disk_context *context = opaque;
	uint64_t n = min_u64(call->npages, SMI_DISK_WRITE_PAGES);
	int ret = check_owner(call, context, err);

	if (!ret)
		ret = try_zero(context, call->first_page, call->npages, err);
	if (ret != -EOPNOTSUPP)
		return ret;
	memset(scratch, 0, (size_t)n << SMI_QCOW2_PAGE_SHIFT);
	ret = 0;
	for (uint64_t page = 0; !ret && page < call->npages; page += n) {
		n = min_u64(call->npages - page, SMI_DISK_WRITE_PAGES);
		ret = smi_calls_continue(call, err);
		if (!ret)
			ret = check_owner(call, context, err);
		if (!ret)
			ret = write_pages(context, call->first_page + page, n,
					  scratch, err);
	}
	return ret;
}

int smi_disk_writer_zeros(struct smi_disk_writer *writer, uint64_t first_page,
			  uint64_t npages, struct smudge_error *err)
{
	int ret = submit_open(writer, err);
	uint64_t n;

	for (uint64_t done = 0; !ret && done < npages; done += n) {
		struct smi_call *call = calloc(1, sizeof(*call));

		if (!call)
			return smi_checkpointer_no_memory(err);
		n = min_u64(npages - done, SMI_DISK_ZERO_PAGES);
		*call = (struct smi_call){
			.what = "writing zeros to the disk",
			.first_page = first_page + done,
			.npages = n,
			.run = zero_run,
			.destroy = destroy_call,
		};
		ret = smi_calls_submit(writer->calls, call, err);
	}
	return ret;
}

int smi_disk_writer_drain(struct smi_disk_writer *writer,
			  struct smudge_error *err)
{
	int ret = submit_open(writer, err);

	return ret ? ret : smi_calls_drain(writer->calls, err);
}

static int flush(struct smi_call *call, void *opaque, uint8_t *scratch,
		 struct smudge_error *err)
{
	struct smi_disk_context *context = opaque;

	return smi_disk_flush(&context->disk, err);
}

int smi_disk_writer_flush(struct smi_disk_writer *writer,
			  struct smudge_error *err)
{
	struct smi_call *call;
	int ret = smi_disk_writer_drain(writer, err);

	if (ret < 0)
		return ret;
	call = calloc(1, sizeof(*call));
	if (!call)
		return smi_checkpointer_no_memory(err);
	*call = (struct smi_call){
		.what = "a flush of the disk",
		.run = flush,
		.destroy = destroy_call,
	};
	return smi_calls_run(writer->calls, call, err);
}

void smi_disk_writer_stop(struct smi_disk_writer *writer)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;

	if (writer->open)
		destroy_run(&writer->open->call);
	writer->open = NULL;
	smi_calls_cancel(writer->calls);
	(void)smi_calls_drain(writer->calls, &ignored);
}
