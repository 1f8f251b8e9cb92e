/* SPDX-License-Identifier: MIT */
/*
 * A file that cannot grow any more: the send fails with the errno, the sentence
 * names it, and no signal is raised.
 */
#include "stream_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_BYTES	 (64 << 10)
#define MAX_RECORD_BYTES (8 << 10)

/* Return: how it failed, after not more than LIMIT_BYTES were accepted. */
static int fill(int fd, struct smudge_error *ret_err)
{
	struct test_rng rng = test_rng_start("fill");
	struct stream_end end;
	struct smi_channel *channel = smi_link_channel(&end.link);
	int ret;

	stream_end_open(&end, -1, fd, NULL, SMI_WIRE_RECEIVER);
	ret = smi_link_send_greeting(&end.link, &end.err);
	while (!ret)
		ret = stream_send_record(&end, &rng, MAX_RECORD_BYTES);
	assert_in_range(smi_channel_sent_bytes(channel),
			LIMIT_BYTES - MAX_RECORD_BYTES, LIMIT_BYTES);
	/* What follows a failure fails too. */
	assert_int_equal(smi_link_send_empty(&end.link, SMI_WIRE_GO, NULL),
			 ret);
	assert_false(smi_link_send_final(&end.link, SMI_WIRE_ABORT, 6, "full"));
	stream_end_close(&end);
	*ret_err = end.err;
	return ret;
}

static void file_size_limit(void **state)
{
	struct rlimit old;
	struct rlimit limit;
	struct smudge_error err;
	sigset_t pending;
	int ret;

	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){LIMIT_BYTES, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ret = fill(stream_temp_file(), &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(ret, -EFBIG);
	assert_non_null(strstr(err.message, "the file failed after "));
	assert_non_null(strstr(err.message, strerror(EFBIG)));
	sigpending(&pending);
	assert_int_equal(sigismember(&pending, SIGXFSZ), 0);
}

/* Exit status of a child that fills a disk of its own. 77: it has none. */
static int fill_a_disk(void)
{
	struct smudge_error err;
	char path[] = "/tmp/smudge-full-XXXXXX";
	char options[32];
	int fd;

	if (!mkdtemp(path))
		return 77;
	snprintf(options, sizeof(options), "size=%d", LIMIT_BYTES);
	if ((unshare(CLONE_NEWNS) < 0 &&
	     unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("full", path, "tmpfs", 0, options) < 0) {
		rmdir(path);
		return 77;
	}
	fd = open(path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || fill(fd, &err) != -ENOSPC)
		return 1;
	umount(path);
	rmdir(path);
	return strstr(err.message, strerror(ENOSPC)) ? 0 : 2;
}

static void full_disk(void **state)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fill_a_disk());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		test_skip_without("mount", "no disk of our own can be made");
	assert_int_equal(status, 0);
}

TEST_MAIN(file_size_limit, full_disk)
