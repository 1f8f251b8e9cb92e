/* SPDX-License-Identifier: MIT */
/*
 * Memory is short: at each allocation of the create and of the finish in turn,
 * and where a thread needs a table.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

/* 0: none fails; 1: the next one does. Of this thread. */
static _Thread_local unsigned int countdown;
/* Of all threads: what is as large as an L2 table fails. */
static atomic_bool no_tables;

static bool fails(size_t bytes)
{
	if (bytes == PAGE_BYTES && atomic_load(&no_tables))
		return true;
	return countdown > 0 && --countdown == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails(size) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails(n * size) ? NULL : __real_calloc(n, size);
}

static uint8_t page[PAGE_BYTES] = {1};

static void create(void **state)
{
	struct smi_qcow2_writer_options options = {.fd = scratch_file("image"),
						   .npages = 1000,
						   .backing_name = "below",
						   .compress = true,
						   .nthreads = 3};
	struct smi_qcow2_writer *writer;
	struct smudge_error err;
	unsigned int n;
	int ret = -1;

	for (n = 1; ret; n++) {
		writer = NULL;
		countdown = n;
		ret = smi_qcow2_writer_create(&options, &writer, &err);
		countdown = 0;
		assert_true(!ret || (ret == -ENOMEM && err.code == -ENOMEM));
		assert_true(!ret || !writer);
		smi_qcow2_writer_destroy(writer);
	}
	/* Writer, name, map, chunks, packers, two of each, pipeline, slots. */
	assert_true(n > 10);
	close(options.fd);
}

static void finish(void **state)
{
	unsigned int n;
	int ret = -1;

	for (n = 1; ret; n++) {
		int fd = scratch_file("image");
		struct smi_qcow2_writer *writer =
			writer_rig_create(fd, 1000, NULL);
		struct smi_qcow2_writer_stats stats;
		struct smudge_error err;

		writer_rig_data(writer, 0, 1, page);
		countdown = n;
		ret = smi_qcow2_writer_finish(writer, &stats, &err);
		countdown = 0;
		assert_true(!ret || (ret == -ENOMEM && err.code == -ENOMEM));
		smi_qcow2_writer_destroy(writer);
		close(fd);
	}
	assert_int_equal(n, 4); /* the piece, the counts, none */
}

static void tables(void **state)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, 1000, NULL);
	struct smudge_error err;

	writer_rig_data(writer, 0, 1, page);
	atomic_store(&no_tables, true);
	assert_int_equal(smi_qcow2_writer_drain(writer, &err), -ENOMEM);
	atomic_store(&no_tables, false);
	assert_int_equal(err.code, -ENOMEM);
	assert_int_equal(smi_qcow2_writer_data(writer, 0, 1, page, NULL, &err),
			 -ENOMEM);
	smi_qcow2_writer_destroy(writer);
	close(fd);
}

/* Zeros over a part of a table with a backing file need it too. */
static void tables_of_zeros(void **state)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, 1000, "below");
	struct smudge_error err;

	writer_rig_zeros(writer, 0, 513);
	atomic_store(&no_tables, true);
	assert_int_equal(smi_qcow2_writer_drain(writer, &err), -ENOMEM);
	atomic_store(&no_tables, false);
	smi_qcow2_writer_destroy(writer);
	close(fd);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, create, finish, tables,
	       tables_of_zeros)
