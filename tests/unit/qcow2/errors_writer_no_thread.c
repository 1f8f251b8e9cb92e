/* SPDX-License-Identifier: MIT */
/*
 * No thread can be started: the first, or a later one.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*begin)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*begin)(void *), void *argument);

static unsigned int countdown;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*begin)(void *), void *argument)
{
	if (countdown > 0 && --countdown == 0)
		return EAGAIN;
	return __real_pthread_create(thread, attributes, begin, argument);
}

static void each(void **state)
{
	const struct smi_qcow2_writer_options options = {
		.fd = scratch_file("image"), .npages = 1, .nthreads = 3};

	for (unsigned int n = 1; n <= 4; n++) {
		struct smi_qcow2_writer *writer = NULL;
		struct smudge_error err;
		int ret;

		countdown = n;
		ret = smi_qcow2_writer_create(&options, &writer, &err);
		assert_int_equal(ret, n <= 3 ? -EAGAIN : 0);
		assert_int_equal(err.code, ret);
		smi_qcow2_writer_destroy(writer);
	}
	close(options.fd);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, each)
