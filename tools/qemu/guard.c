/* SPDX-License-Identifier: MIT */
/*
 * The guard's side has no memory to allocate and calls nothing of the tool: it
 * was forked, and works on when the tool is gone.
 *
 * Its client has perhaps died within a command. A byte that is in no JSON text
 * makes QEMU forget what came before it. The reply is waited for, since QEMU
 * drops the commands of a connection that is closed. While QEMU ends a
 * migration, cont is refused: it is tried until the machine runs.
 */
#include "qemu/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <smudge/error.h>

#include "common/clock.h"

#define NAME	   "guard"
#define REPLY_MS   60000
#define ANSWER_MS  5000
#define TRIES	   500
#define PAUSE_NS   20000000
#define LINE_BYTES 65536
#define MARK	   QEMU_GUARD_ID
#define KEPT_BYTES 4096
#define END_MS	   5000
#define CONT	   "\xff{\"execute\": \"cont\", \"id\": \"" MARK "\"}\n"
#define STATUS	   "{\"execute\": \"query-status\", \"id\": \"" MARK "\"}\n"

/* To the guard: how long it waits; 0: the machine runs, which it answers with
 * what happened; KEEP: what it runs at the end. */
#define KEEP -1
struct order {
	int64_t timeout_ms;
	char commands[KEPT_BYTES]; /* of KEEP alone */
};

struct answer {
	int ret;
};

static int failed(struct smudge_error *err, int code, const char *what)
{
	return smudge_error_set(err, -code, NAME, "%s: %s", what,
				strerror(code));
}

static bool wait_until(int fd, short events, int64_t end_ms)
{
	for (;;) {
		struct pollfd wait = {.fd = fd, .events = events};
		int64_t left_ms = end_ms - clock_now_ns() / CLOCK_NS_PER_MS;
		int ret = poll(&wait, 1, left_ms < 0 ? 0 : (int)left_ms);

		if (ret > 0)
			return true;
		if (ret == 0 || errno != EINTR)
			return false;
	}
}

static int64_t after_ms(int64_t ms)
{
	return clock_now_ns() / CLOCK_NS_PER_MS + ms;
}

static bool put(int fd, const char *text)
{
	size_t left = strlen(text);
	int64_t end_ms = after_ms(REPLY_MS);

	while (left) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			text += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (!wait_until(fd, POLLOUT, end_ms))
				return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* Bytes of QEMU, a line at a time; one that is too long is cut. */
struct lines {
	int fd;
	char bytes[LINE_BYTES];
	size_t length, used;
};

static bool fill(struct lines *lines, int64_t end_ms)
{
	ssize_t n;

	memmove(lines->bytes, lines->bytes + lines->used,
		lines->length - lines->used);
	lines->length -= lines->used;
	lines->used = 0;
	if (lines->length == sizeof(lines->bytes) - 1)
		lines->length = 0;
	if (!wait_until(lines->fd, POLLIN, end_ms))
		return false;
	n = recv(lines->fd, lines->bytes + lines->length,
		 sizeof(lines->bytes) - 1 - lines->length, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	lines->length += (size_t)n;
	return n > 0;
}

/* The next reply to a command of ours; NULL: none comes. */
static const char *reply(struct lines *lines)
{
	int64_t end_ms = after_ms(REPLY_MS);

	for (;;) {
		char *line = lines->bytes + lines->used;
		char *newline = memchr(line, '\n', lines->length - lines->used);

		if (!newline) {
			if (!fill(lines, end_ms))
				return NULL;
			continue;
		}
		*newline = '\0';
		lines->used = (size_t)(newline + 1 - lines->bytes);
		if (strstr(line, MARK))
			return line;
	}
}

/* Until QEMU says that it runs, or has ended. */
static void let_run(struct lines *lines)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	for (int i = 0; i < TRIES; i++) {
		const char *text;

		if (!put(lines->fd, CONT) || !reply(lines) ||
		    !put(lines->fd, STATUS))
			return;
		text = reply(lines);
		if (!text || strstr(text, "\"running\": true"))
			return;
		nanosleep(&pause, NULL);
	}
}

/* A byte of no text before it: see above. */
static bool put_line(int fd, const char *line)
{
	const char *end = strchr(line, '\n');
	char text[KEPT_BYTES + 2];

	snprintf(text, sizeof(text), "\xff%.*s\n", (int)(end - line), line);
	return put(fd, text);
}

static void run_kept(struct lines *lines, const char *commands)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	while (strchr(commands, '\n')) {
		const char *text = NULL;

		for (int i = 0; i < TRIES; i++) {
			if (!put_line(lines->fd, commands) ||
			    !(text = reply(lines)))
				return;
			if (!strstr(text, "\"error\""))
				break;
			nanosleep(&pause, NULL);
		}
		commands = strchr(commands, '\n') + 1;
	}
}

static void guard_machine(int fd, int qmp_fd)
{
	static struct order order;
	static char kept[KEPT_BYTES];
	static struct lines lines;
	struct answer answer = {0};
	int64_t end_ms = 0;
	bool is_armed = false;
	ssize_t n;

	for (;;) {
		if (is_armed && !answer.ret &&
		    !wait_until(fd, POLLIN, end_ms)) {
			put(qmp_fd, CONT);
			answer.ret = -ETIMEDOUT;
		}
		n = recv(fd, &order, sizeof(order), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(order))
			break;
		if (order.timeout_ms == KEEP) {
			memcpy(kept, order.commands, sizeof(kept));
			continue;
		}
		is_armed = order.timeout_ms != 0;
		end_ms = after_ms(order.timeout_ms);
		if (is_armed)
			continue;
		send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
		answer.ret = 0;
	}
	lines.fd = qmp_fd;
	if (is_armed)
		let_run(&lines);
	run_kept(&lines, kept);
}

/* Nothing of the tool stays open: its terminal, its pipes. */
static void leave(int fd, int qmp_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	setsid();
	prctl(PR_SET_NAME, "qmp-guard");
	for (int number = 1; number < NSIG; number++)
		if (number == SIGHUP || number == SIGINT || number == SIGTERM)
			signal(number, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	guard_machine(fd, qmp_fd);
	_exit(0);
}

int qemu_guard_start(struct qemu_guard *guard, int qmp_fd,
		     struct smudge_error *err)
{
	int ends[2];

	*guard = (struct qemu_guard){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return failed(err, errno, "cannot make a socket");
	guard->pid = fork();
	if (guard->pid < 0) {
		int code = errno;

		close(ends[0]);
		close(ends[1]);
		return failed(err, code, "cannot start a process");
	}
	if (!guard->pid) {
		close(ends[0]);
		leave(ends[1], qmp_fd);
	}
	close(ends[1]);
	guard->fd = ends[0];
	return 0;
}

static int give(struct qemu_guard *guard, int64_t timeout_ms,
		const char *commands, struct smudge_error *err)
{
	struct order order = {.timeout_ms = timeout_ms};

	snprintf(order.commands, sizeof(order.commands), "%s", commands);
	if (send(guard->fd, &order, sizeof(order), MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(order))
		return 0;
	return failed(err, errno,
		      "the process that guards the machine has "
		      "ended");
}

int qemu_guard_arm(struct qemu_guard *guard, int64_t timeout_ms,
		   struct smudge_error *err)
{
	return give(guard, timeout_ms, "", err);
}

int qemu_guard_keep(struct qemu_guard *guard, const char *commands,
		    struct smudge_error *err)
{
	if (strlen(commands) >= KEPT_BYTES)
		return failed(err, E2BIG, "too many settings to put back");
	return give(guard, KEEP, commands, err);
}

int qemu_guard_disarm(struct qemu_guard *guard, struct smudge_error *err)
{
	struct answer answer = {.ret = -EPIPE};
	int ret = give(guard, 0, "", err);

	if (ret)
		return ret;
	if (wait_until(guard->fd, POLLIN, after_ms(ANSWER_MS)) &&
	    recv(guard->fd, &answer, sizeof(answer), 0) !=
		    (ssize_t)sizeof(answer))
		answer.ret = -EPIPE;
	if (answer.ret == -ETIMEDOUT)
		return smudge_error_set(err, -EPIPE, NAME,
					"the machine was let run before its "
					"checkpoint was done, since that took "
					"too long");
	return answer.ret ? failed(err, -answer.ret,
				   "the process that guards the machine has "
				   "ended")
			  : 0;
}

void qemu_guard_end(struct qemu_guard *guard)
{
	const struct timespec pause = {.tv_nsec = CLOCK_NS_PER_MS};
	int64_t deadline_ns =
		clock_now_ns() + END_MS * (int64_t)CLOCK_NS_PER_MS;

	if (guard->fd < 0)
		return;
	close(guard->fd);
	guard->fd = -1;
	while (waitpid(guard->pid, NULL, WNOHANG) == 0 &&
	       clock_now_ns() < deadline_ns)
		nanosleep(&pause, NULL);
}
