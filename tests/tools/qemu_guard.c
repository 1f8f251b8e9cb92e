/* SPDX-License-Identifier: MIT */
/*
 * The guard of a machine that is stopped: the process that it guards is another
 * one here, which dies at different steps, and the test is QEMU.
 */
#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/error.h>

#include "qemu/guard.h"

#define PATIENCE_S 60
#define CONT	   "{\"execute\": \"cont\", \"id\": \"smudge-guard\"}"
#define STATUS	   "{\"execute\": \"query-status\", \"id\": \"smudge-guard\"}"

#define ONE "{\"execute\": \"one\", \"id\": \"smudge-guard\"}"
#define TWO "{\"execute\": \"two\", \"id\": \"smudge-guard\"}"

enum step {
	UNARMED,
	ARMED,
	WITHIN_A_COMMAND,
	DISARMED,
	KEEPS,
	KEPT,  /* and keeps no longer */
	HANGS, /* it is armed, and the time is over; then it dies */
};

/* Until the test has seen cont; then it is used as if nothing had been. */
static int hang(int qmp, struct qemu_guard *guard, struct smudge_error *err)
{
	char byte;

	if (recv(qmp, &byte, 1, 0) != 1 ||
	    qemu_guard_disarm(guard, err) != -EPIPE)
		return -EINVAL;
	return qemu_guard_arm(guard, 3600000, err);
}

static int take_step(int qmp, enum step step, struct qemu_guard *guard,
		     struct smudge_error *err)
{
	switch (step) {
	case WITHIN_A_COMMAND:
		return send(qmp, "{\"exec", 6, 0) == 6 ? 0 : -errno;
	case DISARMED:
		return qemu_guard_disarm(guard, err);
	case KEEPS:
		return qemu_guard_keep(guard, ONE "\n" TWO "\n", err);
	case KEPT:
		return qemu_guard_keep(guard, ONE "\n", err)
			       ? -EINVAL
			       : qemu_guard_keep(guard, "", err);
	case HANGS:
		return hang(qmp, guard, err);
	default:
		return 0;
	}
}

/* What the guarded process does. */
static void guarded(int qmp, enum step step)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_guard guard;
	int ret = qemu_guard_start(&guard, qmp, &err);

	if (!ret && step != UNARMED && step != KEEPS && step != KEPT)
		ret = qemu_guard_arm(&guard, step == HANGS ? 1 : 3600000, &err);
	if (!ret)
		ret = take_step(qmp, step, &guard, &err);
	if (ret)
		_exit(1);
	raise(SIGKILL);
}

/* The test's end of the socket; the process is dead, or hangs. */
static int start(enum step step, pid_t *ret_pid)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	*ret_pid = fork();
	assert_true(*ret_pid >= 0);
	if (!*ret_pid) {
		close(ends[1]);
		guarded(ends[0], step);
	}
	close(ends[0]);
	assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &patience,
				    sizeof(patience)),
			 0);
	return ends[1];
}

static void reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* A line, without its end; "" at the end of the stream. */
static void read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size) {
		ssize_t got = recv(fd, line + n, 1, 0);

		assert_true(got >= 0);
		if (!got || line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
}

static void expect(int fd, const char *wanted)
{
	char line[256];

	read_line(fd, line, sizeof(line));
	assert_string_equal(line, wanted);
}

static void answer(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

/* A machine that cannot run at once. */
static void serve(int fd, const char *first)
{
	expect(fd, first);
	answer(fd, "{\"return\": [1, 2");
	answer(fd, ", 3]}\n{\"event\": \"STOP\"}\n"
		   "{\"error\": {\"desc\": \"Migration is not finalized yet\"},"
		   " \"id\": \"smudge-guard\"}\n");
	expect(fd, STATUS);
	answer(fd, "{\"return\": {\"status\": \"finish-migrate\", "
		   "\"running\": false}, \"id\": \"smudge-guard\"}\n");
	expect(fd, "\xff" CONT);
	answer(fd, "{\"return\": {}, \"id\": \"smudge-guard\"}\n");
	expect(fd, STATUS);
	answer(fd, "{\"return\": {\"status\": \"running\", \"running\": true}, "
		   "\"id\": \"smudge-guard\"}\n");
	expect(fd, "");
	close(fd);
}

static void it_lets_a_machine_run_whose_client_died(void **state)
{
	pid_t pid;
	int fd = start(ARMED, &pid);

	(void)state;
	reap(pid);
	serve(fd, "\xff" CONT);
}

/* QEMU forgets all before the byte that is in no text. */
static void a_command_that_was_cut_does_not_matter(void **state)
{
	pid_t pid;
	int fd = start(WITHIN_A_COMMAND, &pid);

	(void)state;
	reap(pid);
	serve(fd, "{\"exec\xff" CONT);
}

static void it_does_nothing_while_the_machine_runs(void **state)
{
	static const enum step steps[] = {UNARMED, DISARMED, KEPT};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		pid_t pid;
		int fd = start(steps[i], &pid);

		reap(pid);
		expect(fd, "");
		close(fd);
	}
}

/* The first is refused once, as while QEMU migrates. */
static void it_runs_what_it_keeps(void **state)
{
	pid_t pid;
	int fd = start(KEEPS, &pid);

	(void)state;
	reap(pid);
	expect(fd, "\xff" ONE);
	answer(fd, "{\"error\": {\"desc\": \"There's a migration\"},"
		   " \"id\": \"smudge-guard\"}\n");
	expect(fd, "\xff" ONE);
	answer(fd, "{\"return\": {}, \"id\": \"smudge-guard\"}\n");
	expect(fd, "\xff" TWO);
	answer(fd, "{\"return\": {}, \"id\": \"smudge-guard\"}\n");
	expect(fd, "");
	close(fd);
}

static void the_time_is_over(void **state)
{
	pid_t pid;
	int fd = start(HANGS, &pid);

	(void)state;
	expect(fd, "\xff" CONT);
	answer(fd, "x");
	reap(pid);
	serve(fd, "\xff" CONT);
}

static void a_qemu_that_has_ended_ends_it(void **state)
{
	pid_t pid;
	int fd = start(ARMED, &pid);

	(void)state;
	reap(pid);
	expect(fd, "\xff" CONT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_lets_a_machine_run_whose_client_died),
		cmocka_unit_test(a_command_that_was_cut_does_not_matter),
		cmocka_unit_test(it_does_nothing_while_the_machine_runs),
		cmocka_unit_test(it_runs_what_it_keeps),
		cmocka_unit_test(the_time_is_over),
		cmocka_unit_test(a_qemu_that_has_ended_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
