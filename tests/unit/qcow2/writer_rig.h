/* SPDX-License-Identifier: MIT */
/*
 * Short forms of what nearly every test of the writer does.
 */
#ifndef TESTS_UNIT_QCOW2_WRITER_RIG_H
#define TESTS_UNIT_QCOW2_WRITER_RIG_H

#include "image_rig.h"
#include "qcow2/writer.h"
#include "support.h"

/* It compresses, and has two threads. */
static inline struct smi_qcow2_writer *
writer_rig_create(int fd, uint64_t npages, const char *backing_name)
{
	const struct smi_qcow2_writer_options options = {
		.fd = fd,
		.npages = npages,
		.backing_name = backing_name,
		.compress = true,
		.nthreads = 2,
	};
	struct smi_qcow2_writer *writer;

	assert_int_equal(smi_qcow2_writer_create(&options, &writer, NULL), 0);
	return writer;
}

static inline void writer_rig_data(struct smi_qcow2_writer *writer,
				   uint64_t first_page, uint64_t npages,
				   const void *bytes)
{
	assert_int_equal(smi_qcow2_writer_data(writer, first_page, npages,
					       bytes, NULL, NULL),
			 0);
}

static inline void writer_rig_zeros(struct smi_qcow2_writer *writer,
				    uint64_t first_page, uint64_t npages)
{
	assert_int_equal(
		smi_qcow2_writer_zeros(writer, first_page, npages, NULL), 0);
}

/* Finish and destroy it. */
static inline struct smi_qcow2_writer_stats
writer_rig_end(struct smi_qcow2_writer *writer)
{
	struct smi_qcow2_writer_stats stats;

	assert_int_equal(smi_qcow2_writer_finish(writer, &stats, NULL), 0);
	smi_qcow2_writer_destroy(writer);
	return stats;
}

/* Fill @npages pages, each of the kind @kind (image_draw_page). */
static inline void writer_rig_fill(struct test_rng *rng, unsigned int kind,
				   uint8_t *pages, uint64_t npages)
{
	for (uint64_t i = 0; i < npages; i++)
		image_draw_page(rng, kind, pages + i * PAGE_BYTES);
}

#endif
