/* SPDX-License-Identifier: MIT */
/*
 * Options that no image can be written with.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

static int try(const struct smi_qcow2_writer_options *options)
{
	struct smi_qcow2_writer *writer = NULL;
	struct smudge_error err;
	int ret = smi_qcow2_writer_create(options, &writer, &err);

	assert_int_equal(err.code, ret);
	assert_true(!ret || (!writer && err.message[0]));
	smi_qcow2_writer_destroy(writer);
	return ret;
}

static struct smi_qcow2_writer_options good(void)
{
	return (struct smi_qcow2_writer_options){.fd = scratch_file("image"),
						 .npages = 1};
}

static void too_many_pages(void **state)
{
	struct smi_qcow2_writer_options options = good();

	options.npages = UINT64_C(1) << 31;
	assert_int_equal(try(&options), 0);
	options.npages++;
	assert_int_equal(try(&options), -EINVAL);
	options.npages = UINT64_MAX;
	assert_int_equal(try(&options), -EINVAL);
	close(options.fd);
}

static void backing_name(void **state)
{
	struct smi_qcow2_writer_options options = good();
	char name[1025];

	memset(name, 'n', sizeof(name));
	name[1024] = 0;
	options.backing_name = name;
	assert_int_equal(try(&options), -EINVAL);
	options.backing_name = name + 1;
	assert_int_equal(try(&options), 0);
	options.backing_name = "";
	assert_int_equal(try(&options), -EINVAL);
	close(options.fd);
}

static void hint(void **state)
{
	struct smi_qcow2_writer_options options = good();
	uint8_t payload[257] = {0};

	options.hint = payload;
	options.hint_bytes = 256;
	assert_int_equal(try(&options), 0);
	options.hint_bytes = 257;
	assert_int_equal(try(&options), -EINVAL);
	close(options.fd);
}

static void threads(void **state)
{
	struct smi_qcow2_writer_options options = good();

	options.nthreads = 257;
	assert_int_equal(try(&options), -EINVAL);
	close(options.fd);
}

static void file(void **state)
{
	struct smi_qcow2_writer_options options = good();
	int fds[2];

	assert_int_equal(write(options.fd, "x", 1), 1);
	assert_int_equal(try(&options), -EINVAL);
	close(options.fd);
	assert_int_equal(pipe(fds), 0);
	options.fd = fds[1];
	assert_int_equal(try(&options), -EINVAL);
	close(fds[0]);
	close(fds[1]);
	options.fd = -1;
	assert_int_equal(try(&options), -EINVAL);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, too_many_pages, backing_name, hint,
	       threads, file)
