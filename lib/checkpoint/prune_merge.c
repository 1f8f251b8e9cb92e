/* SPDX-License-Identifier: MIT */
/*
 * Pages are compared with their digests when they are read from the old files,
 * and once more when they are read from the new one. What is compressed in the
 * old ones is copied as it is.
 */
#include "checkpoint/prune_merge.h"

#include <errno.h>
#include <stdbool.h>

#include "checkpoint/chain.h"
#include "checkpoint/prune_pages.h"
#include "qcow2/writer.h"

#define WHERE "prune"

struct merging {
	const struct smi_prune_merge *merge;
	struct smudge_chain *chain; /* of the layer as it is */
	struct smi_folder_file file;
	struct smi_qcow2_writer *writer; /* NULL while the new file is read */
	bool has_parent;
	uint64_t nwritten; /* pages, if it has a parent with those of zeros */
	struct smi_qcow2_digest sum; /* of the digests of what was written */
	uint64_t nread;
};

static int passed_on(struct merging *m, uint64_t npages,
		     struct smudge_error *err)
{
	return m->merge->progress
		       ? m->merge->progress(m->merge->opaque, npages, err)
		       : 0;
}

static int write_zeros(void *opaque, uint64_t first_page, uint64_t npages,
		       struct smudge_error *err)
{
	struct merging *m = opaque;

	/* Without a parent they need not be in the file. */
	if (!m->has_parent)
		return 0;
	m->nwritten += npages;
	return smi_qcow2_writer_zeros(m->writer, first_page, npages, err);
}

static int write_data(void *opaque, uint64_t first_page, uint64_t npages,
		      const void *bytes, struct smudge_error *err)
{
	struct merging *m = opaque;

	m->nwritten += npages;
	return smi_qcow2_writer_data(m->writer, first_page, npages, bytes, NULL,
				     err);
}

static int write_packed(void *opaque, uint64_t page, const void *bytes,
			size_t length, struct smudge_error *err)
{
	struct merging *m = opaque;

	m->nwritten++;
	return smi_qcow2_writer_packed(m->writer, page, bytes, length, err);
}

static int settle_writes(void *opaque, uint64_t npages,
			 struct smudge_error *err)
{
	struct merging *m = opaque;
	int ret = smi_qcow2_writer_drain(m->writer, err);

	return ret ? ret : passed_on(m, npages, err);
}

static int create_writer(struct merging *m, struct smudge_error *err)
{
	const struct smi_qcow2_chain *images = m->chain->images;
	const struct smi_qcow2_writer_options options = {
		.fd = m->file.fd,
		.npages = smi_qcow2_chain_npages(images, 0),
		.backing_name = m->has_parent ? smi_qcow2_chain_name(
							images, m->merge->depth)
					      : NULL,
		.compress = !m->merge->uncompressed,
		.nthreads = m->merge->nthreads,
	};

	return smi_qcow2_writer_create(&options, &m->writer, err);
}

static int read_footer(struct merging *m, uint8_t page[SMI_QCOW2_PAGE_BYTES],
		       struct smudge_error *err)
{
	const struct smi_qcow2_chain *images = m->chain->images;
	struct smi_qcow2_reader *reader;
	int ret = smi_qcow2_reader_create(images, 0, 0, &reader, err);

	if (ret < 0)
		return ret;
	ret = smi_qcow2_reader_read(
		reader, smi_qcow2_chain_npages(images, 0) - 1, 1, page, err);
	smi_qcow2_reader_destroy(reader);
	return ret;
}

static int write_footer(struct merging *m, struct smudge_error *err)
{
	const struct smi_qcow2_chain *images = m->chain->images;
	uint8_t page[SMI_QCOW2_PAGE_BYTES];
	struct smi_footer parent;
	int ret = read_footer(m, page, err);

	if (!ret && m->has_parent)
		ret = smi_chain_footer(images, m->merge->depth, &parent, err);
	if (ret < 0)
		return ret;
	smi_footer_set_parent(page, m->has_parent ? &parent.digest : NULL);
	ret = smi_qcow2_writer_data(m->writer,
				    smi_qcow2_chain_npages(images, 0) - 1, 1,
				    page, NULL, err);
	/* The page is this function's. */
	return ret ? ret : smi_qcow2_writer_drain(m->writer, err);
}

static int write_pages(struct merging *m, struct smudge_error *err)
{
	const struct smi_prune_visitor visitor = {
		.zeros = write_zeros,
		.data = write_data,
		.packed = write_packed,
		.settle = settle_writes,
		.opaque = m,
	};
	const struct smi_prune_pages which = {
		.depth = m->merge->depth,
		.is_all = m->merge->is_all,
		.is_unpacked = m->merge->uncompressed,
		.nthreads = m->merge->nthreads,
	};
	int ret =
		smi_prune_pages_each(m->chain, &which, &visitor, &m->sum, err);

	return ret ? ret : write_footer(m, err);
}

static int write_file(struct merging *m, uint64_t *ret_file_bytes,
		      struct smudge_error *err)
{
	struct smi_qcow2_writer_stats stats;
	int ret = create_writer(m, err);

	if (ret < 0)
		return ret;
	ret = write_pages(m, err);
	if (!ret)
		ret = smi_qcow2_writer_finish(m->writer, &stats, err);
	smi_qcow2_writer_destroy(m->writer);
	m->writer = NULL;
	if (!ret)
		*ret_file_bytes = stats.file_bytes;
	return ret;
}

static int count_zeros(void *opaque, uint64_t first_page, uint64_t npages,
		       struct smudge_error *err)
{
	struct merging *m = opaque;

	m->nread += npages;
	return 0;
}

static int count_data(void *opaque, uint64_t first_page, uint64_t npages,
		      const void *bytes, struct smudge_error *err)
{
	return count_zeros(opaque, first_page, npages, err);
}

static int count_packed(void *opaque, uint64_t page, const void *bytes,
			size_t length, struct smudge_error *err)
{
	return count_zeros(opaque, page, 1, err);
}

static int settle_reads(void *opaque, uint64_t npages, struct smudge_error *err)
{
	return passed_on(opaque, npages, err);
}

/*
 * Does the new file have all that it is to have? Of pages with content the sum
 * tells; over a parent those of zeros are to be there too.
 */
static bool is_complete(const struct merging *m, struct smi_qcow2_digest sum)
{
	return smi_qcow2_digest_is_equal(sum, m->sum) &&
	       (!m->has_parent || m->nread == m->nwritten);
}

static int check_pages(struct merging *m, struct smudge_chain *chain,
		       struct smudge_error *err)
{
	const struct smi_prune_visitor visitor = {
		.zeros = count_zeros,
		.data = count_data,
		.packed = count_packed,
		.settle = settle_reads,
		.opaque = m,
	};
	const struct smi_prune_pages which = {
		.depth = 1,
		.is_all = m->merge->is_all,
		.nthreads = m->merge->nthreads,
	};
	struct smi_qcow2_digest sum;
	int ret = smi_chain_need_tables(chain, err);

	if (!ret)
		ret = smi_prune_pages_each(chain, &which, &visitor, &sum, err);
	if (ret < 0)
		return ret;
	if (is_complete(m, sum) &&
	    smi_qcow2_digest_is_equal(chain->layer.digest,
				      m->chain->layer.digest))
		return 0;
	return smudge_error_set(err, -EBADMSG, WHERE,
				"%.40s, written anew, does not show its "
				"moment, and is given up",
				m->merge->name);
}

static int verify(struct merging *m, struct smudge_error *err)
{
	struct smudge_chain *chain;
	int ret = smi_chain_open_at(m->merge->folder_fd, m->file.name, &chain,
				    err);

	if (ret < 0)
		return ret;
	ret = check_pages(m, chain, err);
	smudge_chain_close(chain);
	return ret;
}

static int check_tables_of(struct merging *m, size_t image,
			   struct smudge_error *err)
{
	const char *name = smi_qcow2_chain_name(m->chain->images, image);
	struct smudge_chain *chain;
	int ret = smi_chain_open_at(m->merge->folder_fd, name, &chain, err);

	if (ret < 0)
		return ret;
	ret = smi_chain_need_tables(chain, err);
	smudge_chain_close(chain);
	return ret;
}

/* What is damaged in one layer is wrong in all above: the lowest is named. */
static int check_tables(struct merging *m, struct smudge_error *err)
{
	struct smudge_error top = SMUDGE_ERROR_INIT;
	size_t image = smi_qcow2_chain_nimages(m->chain->images);
	int ret = smi_chain_need_tables(m->chain, &top);

	if (!ret)
		return 0;
	while (ret == -EBADMSG && --image > 0) {
		int lower = check_tables_of(m, image, err);

		if (lower < 0)
			return lower;
	}
	return smudge_error_set(err, ret, top.where, "%s", top.message);
}

static int merge_into_file(struct merging *m, uint64_t *ret_file_bytes,
			   struct smudge_error *err)
{
	int ret = check_tables(m, err);

	m->has_parent =
		m->merge->depth < smi_qcow2_chain_nimages(m->chain->images);
	if (!ret)
		ret = smi_folder_create(m->merge->folder_fd, &m->file, err);
	if (!ret)
		ret = write_file(m, ret_file_bytes, err);
	if (!ret)
		ret = smi_folder_flush(&m->file, err);
	return ret ? ret : verify(m, err);
}

int smi_prune_merge(const struct smi_prune_merge *merge,
		    struct smi_folder_file *ret_file, uint64_t *ret_file_bytes,
		    struct smudge_error *err)
{
	struct merging m = {.merge = merge, .file = {.fd = -1}};
	int ret =
		smi_chain_open_at(merge->folder_fd, merge->name, &m.chain, err);

	if (ret < 0)
		return ret;
	ret = merge_into_file(&m, ret_file_bytes, err);
	smudge_chain_close(m.chain);
	if (ret < 0)
		smi_folder_drop(&m.file);
	else
		*ret_file = m.file;
	return ret;
}
