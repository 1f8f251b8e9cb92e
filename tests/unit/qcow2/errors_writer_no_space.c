/* SPDX-License-Identifier: MIT */
/*
 * No room on the disk, at each write of an image in turn: the writer says so,
 * and keeps saying it; the header was never written, so there is no image.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fail_output.h"
#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES 2000

static uint8_t disk[NPAGES * PAGE_BYTES];

static void check_no_header(int fd)
{
	uint8_t header[PAGE_BYTES] = {0};
	uint8_t zeros[PAGE_BYTES] = {0};

	assert_true(pread(fd, header, sizeof(header), 0) >= 0);
	assert_memory_equal(header, zeros, sizeof(header));
}

/* Return: 0, or the error of finish. */
static int write_image(int fd, unsigned int fails_at)
{
	struct smi_qcow2_writer *writer =
		writer_rig_create(fd, NPAGES, "below");
	struct smi_qcow2_writer_stats stats;
	struct smudge_error err;
	int ret;

	fail_output_at(fails_at, ENOSPC);
	ret = smi_qcow2_writer_data(writer, 0, NPAGES, disk, NULL, &err);
	assert_true(!ret || ret == -ENOSPC);
	ret = smi_qcow2_writer_finish(writer, &stats, &err);
	if (ret < 0) {
		assert_int_equal(err.code, -ENOSPC);
		assert_non_null(strstr(err.message, "No space left"));
		assert_int_equal(
			smi_qcow2_writer_data(writer, 0, 1, disk, NULL, &err),
			-ENOSPC);
		assert_int_equal(smi_qcow2_writer_zeros(writer, 0, 1, &err),
				 -ENOSPC);
		assert_int_equal(smi_qcow2_writer_drain(writer, &err), -ENOSPC);
		assert_int_equal(err.code, -ENOSPC);
	}
	smi_qcow2_writer_destroy(writer);
	return ret;
}

static void each_write(void **state)
{
	struct test_rng rng = test_rng_start("each_write");
	unsigned int n;

	writer_rig_fill(&rng, 2, disk, NPAGES);
	for (n = 1;; n++) {
		int fd = scratch_file("image");
		int ret = write_image(fd, n);

		if (!ret) {
			close(fd);
			break;
		}
		assert_int_equal(ret, -ENOSPC);
		check_no_header(fd);
		close(fd);
	}
	/* Eight chunks, L2, L1, refcounts in two parts, header. */
	assert_int_equal(n, 8 + 5 + 1);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, each_write)
