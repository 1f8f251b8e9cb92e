/* SPDX-License-Identifier: MIT */
/*
 * Write the tables of an image, its refcounts and its header.
 */
#include "qcow2/metadata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/big_endian.h"
#include "qcow2/format.h"
#include "qcow2/layout.h"
#include "qcow2/refcounts.h"
#include "sys/page.h"

/* Tables are swapped to big-endian and written in pieces of that size. */
#define PIECE_CLUSTERS 256
#define PIECE_BYTES    (PIECE_CLUSTERS * SMI_QCOW2_PAGE_BYTES)
#define PIECE_ENTRIES  (PIECE_BYTES / 8)

struct metadata {
	const struct smi_qcow2_map *map;
	struct smi_qcow2_output *output;
	struct smi_qcow2_failure *failure;
	struct smi_qcow2_layout at;
	uint16_t *counts; /* of all clusters, in whole blocks */
	uint8_t *piece;
	struct smudge_error *err;
};

static int write_at(struct metadata *m, const void *bytes, uint64_t nclusters,
		    uint64_t cluster)
{
	int ret = smi_qcow2_failure_get(m->failure, m->err);

	if (ret < 0)
		return ret;
	ret = smi_qcow2_output_write_bytes(m->output, bytes,
					   nclusters * SMI_QCOW2_PAGE_BYTES,
					   cluster * SMI_QCOW2_PAGE_BYTES);
	if (ret < 0)
		return smudge_error_set(m->err, ret, "qcow2",
					"cannot write tables of the image: %s",
					strerror(-ret));
	return 0;
}

static void encode_table(const uint64_t *table, uint8_t *cluster)
{
	for (size_t i = 0; i < SMI_QCOW2_TABLE_ENTRIES; i++)
		big_endian_put(cluster + 8 * i, table[i], 8);
}

static int write_l2(struct metadata *m)
{
	uint64_t cluster = m->at.l2;
	uint64_t n = 0;
	int ret = 0;

	for (uint64_t i = 0; i < m->map->ntables && !ret; i++) {
		if (!m->map->tables[i])
			continue;
		encode_table(m->map->tables[i],
			     m->piece + n++ * SMI_QCOW2_PAGE_BYTES);
		if (n < PIECE_CLUSTERS)
			continue;
		ret = write_at(m, m->piece, n, cluster);
		cluster += n;
		n = 0;
	}
	return n && !ret ? write_at(m, m->piece, n, cluster) : ret;
}

/* The L1 entry of a table; @next: of those asked for, in ascending order. */
static uint64_t l1_entry(const struct metadata *m, uint64_t table,
			 uint64_t *next)
{
	if (table >= m->map->ntables || !m->map->tables[table])
		return 0;
	return (*next)++ << SMI_QCOW2_PAGE_SHIFT | SMI_QCOW2_COPIED;
}

static int write_l1(struct metadata *m)
{
	uint64_t entries = m->at.nl1 * SMI_QCOW2_TABLE_ENTRIES;
	uint64_t next = m->at.l2;
	int ret = 0;

	for (uint64_t i = 0; i < entries && !ret; i += PIECE_ENTRIES) {
		uint64_t n = entries - i;

		n = n < PIECE_ENTRIES ? n : PIECE_ENTRIES;
		for (uint64_t k = 0; k < n; k++)
			big_endian_put(m->piece + 8 * k,
				       l1_entry(m, i + k, &next), 8);
		if (!smi_sys_page_is_zero(m->piece, 8 * n))
			ret = write_at(m, m->piece, n / SMI_QCOW2_TABLE_ENTRIES,
				       m->at.l1 + i / SMI_QCOW2_TABLE_ENTRIES);
	}
	return ret;
}

/* Return: 0, -ENOMEM. */
static int count_all(struct metadata *m)
{
	const struct smi_qcow2_layout *at = &m->at;
	uint64_t n = at->refcounts.nblocks * SMI_QCOW2_BLOCK_CLUSTERS;

	m->counts = calloc(n, sizeof(*m->counts));
	if (!m->counts)
		return smudge_error_set(m->err, -ENOMEM, "qcow2",
					"no memory for the image's refcounts");
	smi_qcow2_refcounts_count(m->map, m->counts);
	m->counts[0] = 1;
	for (uint64_t i = at->l2; i < at->end; i++)
		m->counts[i] = 1;
	return 0;
}

static int write_refcount_table(struct metadata *m)
{
	uint64_t entries =
		m->at.refcounts.table_clusters * SMI_QCOW2_TABLE_ENTRIES;
	int ret = 0;

	for (uint64_t i = 0; i < entries && !ret; i += PIECE_ENTRIES) {
		uint64_t n = entries - i;

		n = n < PIECE_ENTRIES ? n : PIECE_ENTRIES;
		for (uint64_t k = 0; k < n; k++) {
			uint64_t block = m->at.blocks + i + k;

			if (i + k >= m->at.refcounts.nblocks)
				block = 0;
			big_endian_put(m->piece + 8 * k,
				       block << SMI_QCOW2_PAGE_SHIFT, 8);
		}
		ret = write_at(m, m->piece, n / SMI_QCOW2_TABLE_ENTRIES,
			       m->at.table + i / SMI_QCOW2_TABLE_ENTRIES);
	}
	return ret;
}

static int write_refcount_blocks(struct metadata *m)
{
	uint64_t nblocks = m->at.refcounts.nblocks;
	int ret = 0;

	for (uint64_t i = 0; i < nblocks && !ret; i += PIECE_CLUSTERS) {
		uint64_t n = nblocks - i;
		const uint16_t *counts =
			m->counts + i * SMI_QCOW2_BLOCK_CLUSTERS;

		n = n < PIECE_CLUSTERS ? n : PIECE_CLUSTERS;
		for (uint64_t k = 0; k < n * SMI_QCOW2_BLOCK_CLUSTERS; k++)
			big_endian_put(m->piece + 2 * k, counts[k], 2);
		ret = write_at(m, m->piece, n, m->at.blocks + i);
	}
	return ret;
}

static int write_header(struct metadata *m,
			const struct smi_qcow2_new_header *header)
{
	struct smi_qcow2_new_header full = *header;

	full.npages = m->map->npages;
	full.l1_off = m->at.l1 * SMI_QCOW2_PAGE_BYTES;
	full.l1_entries = m->at.l1_entries;
	full.refcounts_off = m->at.table * SMI_QCOW2_PAGE_BYTES;
	full.refcounts_clusters = m->at.refcounts.table_clusters;
	full.has_compressed = m->map->compressed_pages > 0;
	smi_qcow2_header_encode(&full, m->piece);
	return write_at(m, m->piece, 1, 0);
}

static int write_all(struct metadata *m,
		     const struct smi_qcow2_new_header *header)
{
	int ret = write_l2(m);

	if (!ret)
		ret = write_l1(m);
	if (!ret)
		ret = count_all(m);
	if (!ret)
		ret = write_refcount_table(m);
	if (!ret)
		ret = write_refcount_blocks(m);
	if (!ret)
		ret = write_header(m, header);
	return ret;
}

int smi_qcow2_metadata_write(const struct smi_qcow2_map *map,
			     const struct smi_qcow2_new_header *header,
			     struct smi_qcow2_output *output,
			     struct smi_qcow2_failure *failure,
			     struct smudge_error *err)
{
	struct metadata m = {
		.map = map, .output = output, .failure = failure, .err = err};
	int ret;

	smi_qcow2_layout_init(
		&m.at, map,
		atomic_load_explicit(&output->end_bytes, memory_order_relaxed) /
			SMI_QCOW2_PAGE_BYTES);
	if (m.at.refcounts.table_clusters * SMI_QCOW2_PAGE_BYTES >
	    SMI_QCOW2_MAX_REFCOUNT_TABLE_BYTES)
		return smudge_error_set(err, -EFBIG, "qcow2",
					"the image's file is too large");
	m.piece = malloc(PIECE_BYTES);
	if (!m.piece)
		return smudge_error_set(err, -ENOMEM, "qcow2",
					"no memory for the image's tables");
	ret = write_all(&m, header);
	if (!ret)
		atomic_store_explicit(&output->end_bytes,
				      m.at.end * SMI_QCOW2_PAGE_BYTES,
				      memory_order_relaxed);
	free(m.counts);
	free(m.piece);
	return ret;
}
