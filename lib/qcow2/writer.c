/* SPDX-License-Identifier: MIT */
/*
 * The writer of an image: pages are gathered into chunks, threads write them.
 *
 * LOCKS. The chunk that is filled is the caller's thread's; a submitted one is
 * the pipeline's until it is committed. The map is changed by commits only,
 * which are in the order of the calls: so the last call for a page decides. It
 * is read when all is drained.
 */
#include "qcow2/writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qcow2/chunk.h"
#include "qcow2/failure.h"
#include "qcow2/format.h"
#include "qcow2/header_encode.h"
#include "qcow2/map.h"
#include "qcow2/metadata.h"
#include "qcow2/output.h"
#include "qcow2/pipeline.h"

#define MAX_DEFAULT_THREADS 8
#define MAX_THREADS	    256
/*
 * 128 MiB are queued at most, for 12 KiB of memory each. With a few per thread
 * only, the threads run dry where the caller's thread gets no processor.
 */
#define NCHUNKS 128
#define MAX_PAGES \
	(SMI_QCOW2_MAX_L1_BYTES / sizeof(uint64_t) * SMI_QCOW2_TABLE_ENTRIES)

struct smi_qcow2_writer {
	struct smi_qcow2_output output;
	struct smi_qcow2_failure failure;
	struct smi_qcow2_map map;
	uint64_t zero_pages;
	_Atomic uint64_t written_pages; /* of data. Relaxed: nothing follows */
	size_t nthreads;
	struct smi_qcow2_packer **packers; /* of each thread */
	struct smi_qcow2_chunk *chunks;	   /* the pipeline's slots */
	struct smi_qcow2_chunk *filling;   /* NULL: none is claimed */
	struct smi_qcow2_pipeline *pipeline;
	bool compresses;
	char *backing_name;
	uint8_t hint[SMI_QCOW2_MAX_HINT_BYTES];
	size_t hint_bytes;
};

static void process(void *context, size_t worker, size_t slot)
{
	struct smi_qcow2_writer *w = context;

	if (!smi_qcow2_failure_is(&w->failure))
		smi_qcow2_packer_write(w->packers[worker], &w->chunks[slot]);
}

static int commit_item(struct smi_qcow2_writer *w,
		       const struct smi_qcow2_item *item)
{
	if (item->bytes)
		atomic_fetch_add_explicit(&w->written_pages, item->npages,
					  memory_order_relaxed);
	if (item->ret_entry)
		return smi_qcow2_map_set(&w->map, item->page, item->ret_entry);
	w->zero_pages += item->npages;
	return smi_qcow2_map_zero(&w->map, item->page, item->npages);
}

static void commit(void *context, size_t slot)
{
	struct smi_qcow2_writer *w = context;
	const struct smi_qcow2_chunk *chunk = &w->chunks[slot];
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = 0;

	/* Also when another chunk failed: this one's entries may be missing. */
	if (smi_qcow2_failure_is(&w->failure))
		return;
	for (size_t i = 0; i < chunk->nitems && !ret; i++)
		ret = commit_item(w, &chunk->items[i]);
	if (ret < 0) {
		smudge_error_set(&own, ret, "qcow2",
				 "no memory for tables of the image");
		smi_qcow2_failure_note(&w->failure, &own);
	}
}

static const struct smi_qcow2_pipeline_ops pipeline_ops = {
	.process = process,
	.commit = commit,
};

static int check_file(int fd, struct smudge_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size)
		return smudge_error_set(err, -EINVAL, "qcow2",
					"an image is written to an empty "
					"regular file");
	return 0;
}

static int check(const struct smi_qcow2_writer_options *options,
		 struct smudge_error *err)
{
	size_t name_bytes =
		options->backing_name ? strlen(options->backing_name) : 1;

	if (options->npages > MAX_PAGES)
		return smudge_error_set(err, -EINVAL, "qcow2",
					"an image with clusters of 4 KiB has "
					"8 TiB at most");
	if (!name_bytes || name_bytes > SMI_QCOW2_MAX_BACKING_NAME_BYTES)
		return smudge_error_set(err, -EINVAL, "qcow2",
					"the backing file's name must have 1 "
					"to %d bytes",
					SMI_QCOW2_MAX_BACKING_NAME_BYTES);
	if (options->hint_bytes > SMI_QCOW2_MAX_HINT_BYTES ||
	    options->nthreads > MAX_THREADS)
		return smudge_error_set(err, -EINVAL, "qcow2",
					"at most %d bytes of a hint and %d "
					"threads are possible",
					SMI_QCOW2_MAX_HINT_BYTES, MAX_THREADS);
	return check_file(options->fd, err);
}

static size_t count_threads(unsigned int wanted)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	if (wanted)
		return wanted;
	if (online < 1)
		return 1;
	return online < MAX_DEFAULT_THREADS ? (size_t)online
					    : MAX_DEFAULT_THREADS;
}

static int copy_options(struct smi_qcow2_writer *w,
			const struct smi_qcow2_writer_options *options)
{
	w->output.fd = options->fd;
	/* The header's. */
	atomic_init(&w->output.end_bytes, SMI_QCOW2_PAGE_BYTES);
	w->nthreads = count_threads(options->nthreads);
	w->compresses = options->compress;
	w->hint_bytes = options->hint_bytes;
	if (options->hint_bytes)
		memcpy(w->hint, options->hint, options->hint_bytes);
	if (!options->backing_name)
		return 0;
	w->backing_name = malloc(strlen(options->backing_name) + 1);
	if (!w->backing_name)
		return -ENOMEM;
	strcpy(w->backing_name, options->backing_name);
	return 0;
}

static int create_parts(struct smi_qcow2_writer *w,
			const struct smi_qcow2_writer_options *options)
{
	int ret = copy_options(w, options);

	if (!ret)
		ret = smi_qcow2_map_init(&w->map, options->npages,
					 options->backing_name);
	if (ret < 0)
		return ret;
	w->chunks = calloc(NCHUNKS, sizeof(*w->chunks));
	w->packers = calloc(w->nthreads, sizeof(struct smi_qcow2_packer *));
	if (!w->chunks || !w->packers)
		return -ENOMEM;
	for (size_t i = 0; i < w->nthreads && !ret; i++)
		ret = smi_qcow2_packer_create(&w->output, &w->failure,
					      options->compress,
					      &w->packers[i]);
	if (ret < 0)
		return ret;
	return smi_qcow2_pipeline_create(&pipeline_ops, w, w->nthreads, NCHUNKS,
					 &w->pipeline);
}

int smi_qcow2_writer_create(const struct smi_qcow2_writer_options *options,
			    struct smi_qcow2_writer **ret_writer,
			    struct smudge_error *err)
{
	struct smi_qcow2_writer *w;
	int ret;

	smudge_error_clear(err);
	ret = check(options, err);
	if (ret < 0)
		return ret;
	w = calloc(1, sizeof(*w));
	if (!w)
		return smudge_error_set(err, -ENOMEM, "qcow2",
					"no memory to write an image");
	smi_qcow2_failure_init(&w->failure);
	ret = create_parts(w, options);
	if (ret < 0) {
		smi_qcow2_writer_destroy(w);
		return smudge_error_set(
			err, ret, "qcow2",
			ret == -EAGAIN ? "no thread to write an image"
				       : "no memory to write an image");
	}
	*ret_writer = w;
	return 0;
}

void smi_qcow2_writer_destroy(struct smi_qcow2_writer *writer)
{
	struct smi_qcow2_writer *w = writer;

	if (!w)
		return;
	/* What is in flight ends soon. */
	smi_qcow2_failure_cancel(&w->failure);
	smi_qcow2_pipeline_destroy(w->pipeline);
	for (size_t i = 0; w->packers && i < w->nthreads; i++)
		smi_qcow2_packer_destroy(w->packers[i]);
	free(w->packers);
	free(w->chunks);
	smi_qcow2_map_clear(&w->map);
	smi_qcow2_failure_clear(&w->failure);
	free(w->backing_name);
	free(w);
}

void smi_qcow2_writer_cancel(struct smi_qcow2_writer *writer)
{
	smi_qcow2_failure_cancel(&writer->failure);
}

/* Hand over the chunk that is filled, if any. */
static void submit(struct smi_qcow2_writer *w)
{
	if (!w->filling)
		return;
	w->filling = NULL;
	smi_qcow2_pipeline_submit(w->pipeline);
}

static void add(struct smi_qcow2_writer *w, const struct smi_qcow2_item *item)
{
	if (!w->filling) {
		w->filling = &w->chunks[smi_qcow2_pipeline_claim(w->pipeline)];
		w->filling->nitems = 0;
	}
	w->filling->items[w->filling->nitems++] = *item;
	if (w->filling->nitems == SMI_QCOW2_CHUNK_ITEMS)
		submit(w);
}

/* Return: 0, an earlier failure, or -EINVAL, which is not kept. */
static int begin_call(struct smi_qcow2_writer *w, uint64_t first_page,
		      uint64_t npages, struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	ret = smi_qcow2_failure_get(&w->failure, err);
	if (ret < 0)
		return ret;
	if (first_page > w->map.npages || npages > w->map.npages - first_page)
		return smudge_error_set(err, -EINVAL, "qcow2",
					"the pages are beyond the image's "
					"disk");
	return 0;
}

int smi_qcow2_writer_data(struct smi_qcow2_writer *writer, uint64_t first_page,
			  uint64_t npages, const void *bytes,
			  struct smi_qcow2_digest *digests,
			  struct smudge_error *err)
{
	const uint8_t *at = bytes;
	int ret = begin_call(writer, first_page, npages, err);

	for (uint64_t i = 0; i < npages && !ret; i++) {
		const struct smi_qcow2_item item = {
			.page = first_page + i,
			.npages = 1,
			.bytes = at + i * SMI_QCOW2_PAGE_BYTES,
			.ret_digest = digests ? &digests[i] : NULL,
		};

		add(writer, &item);
		/* Not for each page, as it takes a lock. */
		if (!writer->filling)
			ret = smi_qcow2_failure_get(&writer->failure, err);
	}
	return ret;
}

int smi_qcow2_writer_packed(struct smi_qcow2_writer *writer, uint64_t page,
			    const void *bytes, size_t length,
			    struct smudge_error *err)
{
	const struct smi_qcow2_item item = {.page = page,
					    .npages = 1,
					    .bytes = bytes,
					    .packed_bytes = (uint16_t)length};
	int ret = begin_call(writer, page, 1, err);

	if (ret < 0)
		return ret;
	if (!writer->compresses || !length ||
	    length > SMI_QCOW2_MAX_PACKED_BYTES)
		return smudge_error_set(err, -EINVAL, "qcow2",
					"the image has no compressed pages of "
					"%zu bytes",
					length);
	add(writer, &item);
	return 0;
}

int smi_qcow2_writer_zeros(struct smi_qcow2_writer *writer, uint64_t first_page,
			   uint64_t npages, struct smudge_error *err)
{
	const struct smi_qcow2_item item = {.page = first_page,
					    .npages = npages};
	int ret = begin_call(writer, first_page, npages, err);

	if (ret < 0 || !npages)
		return ret;
	add(writer, &item);
	return 0;
}

uint64_t smi_qcow2_writer_written_pages(const struct smi_qcow2_writer *writer)
{
	return atomic_load_explicit(&writer->written_pages,
				    memory_order_relaxed);
}

int smi_qcow2_writer_drain(struct smi_qcow2_writer *writer,
			   struct smudge_error *err)
{
	smudge_error_clear(err);
	submit(writer);
	smi_qcow2_pipeline_drain(writer->pipeline);
	return smi_qcow2_failure_get(&writer->failure, err);
}

/* Return: 0, or a failure, noted. */
static int write_metadata(struct smi_qcow2_writer *w)
{
	const struct smi_qcow2_new_header header = {
		.backing_name = w->backing_name,
		.hint = w->hint,
		.hint_bytes = w->hint_bytes,
	};
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = smi_qcow2_metadata_write(&w->map, &header, &w->output,
					   &w->failure, &own);

	if (ret < 0)
		smi_qcow2_failure_note(&w->failure, &own);
	return ret;
}

int smi_qcow2_writer_finish(struct smi_qcow2_writer *writer,
			    struct smi_qcow2_writer_stats *ret_stats,
			    struct smudge_error *err)
{
	struct smi_qcow2_writer *w = writer;
	int ret = smi_qcow2_writer_drain(w, err);

	if (ret < 0)
		return ret;
	if (write_metadata(w) < 0)
		return smi_qcow2_failure_get(&w->failure, err);
	*ret_stats = (struct smi_qcow2_writer_stats){
		.data_pages = w->map.data_pages,
		.compressed_pages = w->map.compressed_pages,
		.zero_pages = w->zero_pages,
		.file_bytes = atomic_load_explicit(&w->output.end_bytes,
						   memory_order_relaxed),
	};
	return 0;
}
