/* SPDX-License-Identifier: MIT */
/*
 * The image cannot be flushed to its disk.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fail_output.h"
#include "qemu_img.h"
#include "writer_rig.h"

static void flush_fails(void **state)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, 10, NULL);
	struct smi_qcow2_writer_stats stats;
	struct smudge_error err;

	fail_output_flush(EIO);
	assert_int_equal(smi_qcow2_writer_finish(writer, &stats, &err), -EIO);
	fail_output_flush(0);
	assert_int_equal(err.code, -EIO);
	assert_non_null(strstr(err.message, "flush"));
	assert_int_equal(smi_qcow2_writer_drain(writer, NULL), -EIO);
	smi_qcow2_writer_destroy(writer);
	close(fd);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, flush_fails)
