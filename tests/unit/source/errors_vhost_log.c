/* SPDX-License-Identifier: MIT */
/*
 * Logs that cannot be harvested are refused with a sentence, and a child of the
 * process leaves the parent's bits alone.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/client.h>
#include <smudge/vhost_log.h>

#include "fake_source.h"
#include "support.h"

#define NPAGES 1000

static uint64_t words[17];

static int start_fails(void *opaque, struct smudge_error *err)
{
	return smudge_error_set(err, -ETIMEDOUT, "back end",
				"it does not answer");
}

static void stop(void *opaque)
{
	fail_msg("what was not started is stopped");
}

static void expect_refused(struct smudge_vhost_log_options o, const char *says)
{
	struct smudge_source *source = NULL;
	struct smudge_error err = {0};

	o.size = sizeof(o);
	assert_int_equal(smudge_vhost_log_create(&o, &source, &err), -EINVAL);
	assert_null(source);
	if (!strstr(err.message, says))
		fail_msg("\"%s\" does not say \"%s\"", err.message, says);
}

static void test_options(void **state)
{
	expect_refused((struct smudge_vhost_log_options){.log_bytes = 8},
		       "no log");
	expect_refused((struct smudge_vhost_log_options){.log = words},
		       "no log");
	expect_refused((struct smudge_vhost_log_options){.log = words,
							 .log_bytes = 12},
		       "whole words");
	expect_refused(
		(struct smudge_vhost_log_options){.log = (char *)words + 4,
						  .log_bytes = 8},
		"whole words");
	expect_refused((struct smudge_vhost_log_options){.log = words,
							 .log_bytes = 8,
							 .stop = stop},
		       "belong together");
}

/* A region of NPAGES at @gpa; opening a client returns @code. */
static void expect_start(struct smudge_vhost_log_options o, uint64_t gpa,
			 int code, const char *says)
{
	struct smudge_client_options how = {.size = sizeof(how),
					    .name = "test"};
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};
	struct smudge_source *source;
	struct smudge_memory *memory;
	struct smudge_region *region;

	o.size = sizeof(o);
	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, gpa, NPAGES);
	assert_int_equal(smudge_vhost_log_create(&o, &source, NULL), 0);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	assert_int_equal(smudge_client_open(memory, &how, &client, &err), code);
	if (!strstr(err.message, says))
		fail_msg("\"%s\" does not say \"%s\"", err.message, says);
	if (client)
		assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

/* 16 words are 1024 pages. */
static void test_short_log(void **state)
{
	const struct smudge_vhost_log_options log = {.log = words,
						     .log_bytes = 128};
	struct smudge_vhost_log_options shorter = log;

	shorter.log_bytes = 120;
	expect_start(shorter, 0, -EINVAL, "ends before page 0x3e7");
	expect_start(log, 25 * 4096, -EINVAL, "takes 129 bytes");
	expect_start(log, UINT64_C(1) << 60, -EINVAL, "ends before page");
	/* whose number of bits is no number of 64 bits */
	shorter.log_bytes = UINT64_C(1) << 61;
	expect_start(shorter, 0, 0, "");
}

static void test_failed_start(void **state)
{
	const struct smudge_vhost_log_options log = {.log = words,
						     .log_bytes = 128,
						     .start = start_fails,
						     .stop = stop};

	expect_start(log, 0, -ETIMEDOUT, "does not answer");
}

/* Its harvest would take what the parent has to report. */
static void test_child(void **state)
{
	struct smudge_vhost_log_options o = {.size = sizeof(o),
					     .log_bytes = 4096};
	struct smudge_source *source;
	struct smudge_client *client;
	struct smudge_memory *memory;
	struct smudge_region *region;
	int status;
	pid_t child;

	o.log = mmap(NULL, o.log_bytes, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(o.log, MAP_FAILED);
	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, NPAGES);
	assert_int_equal(smudge_vhost_log_create(&o, &source, NULL), 0);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	client = fake_client(memory, "test", true);
	smudge_vhost_log_mark(o.log, o.log_bytes, 77 * 4096, 1);
	child = fork();
	if (!child) {
		int ret = smudge_region_harvest(region, NULL);

		smudge_source_destroy(source);
		_exit(ret != -EPERM);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	assert_true(smudge_client_test(client, region, 77));
	assert_int_equal(smudge_client_dirty_pages(client), 1);
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	munmap(o.log, o.log_bytes);
}

TEST_MAIN(test_options, test_short_log, test_failed_start, test_child)
