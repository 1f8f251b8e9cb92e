/* SPDX-License-Identifier: MIT */
/*
 * A cancel, at any moment and from another thread: all later calls fail, no
 * image is there, and the threads end. A failure before it stays the first.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "fail_output.h"
#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES 3000

static uint8_t disk[NPAGES * PAGE_BYTES];

static void check_fails(struct smi_qcow2_writer *writer, int code)
{
	struct smi_qcow2_writer_stats stats;
	struct smudge_error err;

	assert_int_equal(smi_qcow2_writer_data(writer, 0, 1, disk, NULL, &err),
			 code);
	assert_int_equal(err.code, code);
	assert_int_equal(smi_qcow2_writer_zeros(writer, 0, 1, &err), code);
	assert_int_equal(smi_qcow2_writer_drain(writer, &err), code);
	assert_int_equal(smi_qcow2_writer_finish(writer, &stats, &err), code);
	assert_int_equal(err.code, code);
}

static void before_anything(void **state)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, NPAGES, NULL);

	smi_qcow2_writer_cancel(writer);
	smi_qcow2_writer_cancel(writer);
	check_fails(writer, -ECANCELED);
	smi_qcow2_writer_destroy(writer);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
}

static void *cancel_soon(void *argument)
{
	usleep(3000);
	smi_qcow2_writer_cancel(argument);
	return NULL;
}

static void while_writing(void **state)
{
	struct test_rng rng = test_rng_start("while_writing");
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, NPAGES, NULL);
	pthread_t thread;
	int ret = 0;

	writer_rig_fill(&rng, 2, disk, NPAGES);
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, writer), 0);
	while (!ret)
		ret = smi_qcow2_writer_data(writer, 0, NPAGES, disk, NULL,
					    NULL);
	assert_int_equal(ret, -ECANCELED);
	pthread_join(thread, NULL);
	check_fails(writer, -ECANCELED);
	smi_qcow2_writer_destroy(writer);
	close(fd);
}

static void after_a_failure(void **state)
{
	struct test_rng rng = test_rng_start("after_a_failure");
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, NPAGES, NULL);

	writer_rig_fill(&rng, 1, disk, 300);
	fail_output_at(1, EDQUOT);
	smi_qcow2_writer_data(writer, 0, 300, disk, NULL, NULL);
	assert_int_equal(smi_qcow2_writer_drain(writer, NULL), -EDQUOT);
	smi_qcow2_writer_cancel(writer);
	check_fails(writer, -EDQUOT);
	fail_output_at(0, 0);
	smi_qcow2_writer_destroy(writer);
	close(fd);
}

/* Pages that are queued are not read once destroy has returned. */
static void destroyed_while_writing(void **state)
{
	struct test_rng rng = test_rng_start("destroyed_while_writing");
	int fd = scratch_file("image");

	writer_rig_fill(&rng, 2, disk, NPAGES);
	for (unsigned int i = test_rounds(20); i; i--) {
		struct smi_qcow2_writer *writer;

		assert_int_equal(ftruncate(fd, 0), 0);
		writer = writer_rig_create(fd, NPAGES, NULL);
		writer_rig_data(writer, 0, 1500, disk);
		smi_qcow2_writer_destroy(writer);
		memset(disk, (int)i, PAGE_BYTES);
	}
	close(fd);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, before_anything, while_writing,
	       after_a_failure, destroyed_while_writing)
