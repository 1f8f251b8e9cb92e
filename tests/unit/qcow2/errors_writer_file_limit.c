/* SPDX-License-Identifier: MIT */
/*
 * The limit of a file's size, in the data and in the tables: an error, and no
 * signal that would end the program.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "qemu_img.h"
#include "writer_rig.h"

#define NPAGES 1000

static uint8_t disk[NPAGES * PAGE_BYTES];

static int write_limited(uint64_t limit_bytes)
{
	int fd = scratch_file("image");
	struct smi_qcow2_writer *writer = writer_rig_create(fd, NPAGES, NULL);
	struct smi_qcow2_writer_stats stats;
	struct rlimit before, limit;
	struct smudge_error err;
	int ret;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = limit_bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	smi_qcow2_writer_data(writer, 0, NPAGES, disk, NULL, &err);
	ret = smi_qcow2_writer_finish(writer, &stats, &err);
	assert_int_equal(err.code, ret);
	smi_qcow2_writer_destroy(writer);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	close(fd);
	return ret;
}

static void check_no_signal(void)
{
	sigset_t pending;

	assert_int_equal(sigpending(&pending), 0);
	assert_false(sigismember(&pending, SIGXFSZ));
}

static void in_the_data(void **state)
{
	struct test_rng rng = test_rng_start("in_the_data");

	writer_rig_fill(&rng, 1, disk, NPAGES);
	assert_int_equal(write_limited(100 * PAGE_BYTES), -EFBIG);
	check_no_signal();
}

static void in_the_tables(void **state)
{
	/* The header, the data; then the first table does not fit. */
	assert_int_equal(write_limited((NPAGES + 1) * PAGE_BYTES), -EFBIG);
	check_no_signal();
	assert_int_equal(write_limited((NPAGES + 20) * PAGE_BYTES), 0);
}

/* One that was pending before is still there. */
static void pending_before(void **state)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGXFSZ);
	assert_int_equal(write_limited((NPAGES + 1) * PAGE_BYTES), -EFBIG);
	assert_int_equal(sigwait(&set, &signal), 0);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, in_the_data, in_the_tables,
	       pending_before)
