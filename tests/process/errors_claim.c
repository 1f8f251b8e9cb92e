/* SPDX-License-Identifier: MIT */
/*
 * One smudge per process, also where another user takes the name of its claim.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "other.h"
#include "process/target.h"
#include "sentence.h"
#include "support.h"

#define NOBODY 65534

static int open_once(pid_t pid, struct smudge_error *err)
{
	struct smi_target target;
	int ret = smi_target_open(pid, &target, err);

	if (!ret)
		smi_target_close(&target);
	return ret;
}

/* @format has one %d, for @pid. */
static void expect_claimed(pid_t pid, const char *format)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char sentence[200];
	int ret = open_once(pid, &err);

	snprintf(sentence, sizeof(sentence), format, (int)pid);
	expect_sentence(&err, ret, -EBUSY, sentence);
}

static void test_claimed(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	struct smi_target target;
	char sentence[200];

	assert_int_equal(smi_target_open(pid, &target, NULL), 0);
	snprintf(sentence, sizeof(sentence),
		 "process %%d is tracked by process %d already", (int)getpid());
	expect_claimed(pid, sentence);
	smi_target_close(&target);
	assert_int_equal(open_once(pid, NULL), 0);
	other_end(pid);
}

/* The name that claims a process, taken by some user. */
struct squatter {
	pid_t pid;
	uint64_t start_time;
	uid_t uid;
};

static bool take_name(void *opaque)
{
	const struct squatter *s = opaque;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat ns;
	int length;

	if (stat("/proc/self/ns/pid", &ns) < 0)
		return false;
	length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
			  "smudge/%ju/%d/%ju", (uintmax_t)ns.st_ino,
			  (int)s->pid, (uintmax_t)s->start_time);
	return setresuid(s->uid, s->uid, s->uid) == 0 &&
	       bind(fd, (void *)&name,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				(size_t)length)) == 0 &&
	       listen(fd, 1) == 0;
}

static pid_t squat(pid_t pid, uid_t uid)
{
	struct squatter squatter = {.pid = pid, .uid = uid};
	struct smi_target target;
	pid_t by;

	assert_int_equal(smi_target_open(pid, &target, NULL), 0);
	squatter.start_time = target.start_time;
	smi_target_close(&target);
	by = other_start(take_name, &squatter);
	if (!by)
		test_skip_without("root", "this user cannot become another");
	return by;
}

/* A user who may not track it is not in the way, and claims still count. */
static void test_name_of_another_user(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	pid_t squatter = squat(pid, NOBODY);
	struct smi_target target;

	assert_int_equal(smi_target_open(pid, &target, NULL), 0);
	expect_claimed(pid, "process %d is tracked by another smudge already");
	smi_target_close(&target);
	assert_int_equal(open_once(pid, NULL), 0);
	other_end(squatter);
	other_end(pid);
}

static void test_name_of_a_user_who_may(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	pid_t holder = squat(pid, geteuid());
	char sentence[200];

	snprintf(sentence, sizeof(sentence),
		 "process %%d is tracked by process %d already", (int)holder);
	expect_claimed(pid, sentence);
	other_end(holder);
	other_end(pid);
}

TEST_MAIN(test_claimed, test_name_of_another_user, test_name_of_a_user_who_may)
