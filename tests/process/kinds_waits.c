/* SPDX-License-Identifier: MIT */
/*
 * Waits that end after some ms by their own time limit, or because another
 * thread of the process does something. A result of EINTR is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/aio_abi.h>
#include <linux/futex.h>

#include "rig.h"

#define WAIT_MS 7
#define WAIT_NS (WAIT_MS * 1000000L)

static const struct timespec limit = {.tv_nsec = WAIT_NS};

static bool begin_nothing(struct rig_worker *worker)
{
	(void)worker;
	return true;
}

/* A call that has to fail with @expected. */
static void expect_failure(const struct rig_worker *worker, const char *call,
			   long ret, int expected)
{
	int code = errno;

	if (ret >= 0)
		rig_wrong(worker, "%s returned %ld", call, ret);
	else if (code != expected)
		rig_failed(worker, call, code);
}

static void expect_result(const struct rig_worker *worker, const char *call,
			  long ret, long expected)
{
	int code = errno;

	if (ret < 0)
		rig_failed(worker, call, code);
	else if (ret != expected)
		rig_wrong(worker, "%s returned %ld", call, ret);
}

static bool begin_epoll(struct rig_worker *worker)
{
	struct epoll_event event = {.events = EPOLLIN};

	worker->fds[0] = epoll_create1(EPOLL_CLOEXEC);
	return pipe2(worker->fds + 1, O_CLOEXEC) == 0 &&
	       epoll_ctl(worker->fds[0], EPOLL_CTL_ADD, worker->fds[1],
			 &event) == 0;
}

static void round_epoll_wait(struct rig_worker *worker)
{
	struct epoll_event event;

	expect_result(worker, "epoll_wait",
		      epoll_wait(worker->fds[0], &event, 1, WAIT_MS), 0);
}

static void round_epoll_pwait(struct rig_worker *worker)
{
	struct epoll_event event;
	sigset_t mask;

	sigfillset(&mask);
	expect_result(worker, "epoll_pwait",
		      epoll_pwait(worker->fds[0], &event, 1, WAIT_MS, &mask),
		      0);
}

/*
 * In a namespace of the thread's, where there may be one: then a target that is
 * killed leaves no semaphore behind.
 */
static bool begin_semaphore(struct rig_worker *worker)
{
	unshare(CLONE_NEWIPC);
	worker->fds[0] = semget(IPC_PRIVATE, 1, 0600);
	return worker->fds[0] >= 0;
}

static void round_semtimedop(struct rig_worker *worker)
{
	struct sembuf op = {.sem_op = -1};

	expect_failure(worker, "semtimedop",
		       semtimedop(worker->fds[0], &op, 1, &limit), EAGAIN);
}

static void end_semaphore(struct rig_worker *worker)
{
	semctl(worker->fds[0], 0, IPC_RMID);
}

static void round_sigtimedwait(struct rig_worker *worker)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMAX);
	expect_failure(worker, "sigtimedwait", sigtimedwait(&set, NULL, &limit),
		       EAGAIN);
}

static bool begin_aio(struct rig_worker *worker)
{
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, 4, &context) < 0)
		return false;
	worker->number = (uint64_t)context;
	return true;
}

static void round_io_getevents(struct rig_worker *worker)
{
	struct timespec timeout = limit;
	struct io_event event;

	expect_result(worker, "io_getevents",
		      syscall(SYS_io_getevents, (aio_context_t)worker->number,
			      1L, 1L, &event, &timeout),
		      0);
}

/*
 * Its own thread changes the file that is watched. It does so once more when it
 * has seen the end, for a reader that had not.
 */
static void *write_file(void *opaque)
{
	const struct rig_worker *worker = opaque;
	bool is_ending = false;

	while (!is_ending) {
		nanosleep(&limit, NULL);
		is_ending = atomic_load(&rig_shared->is_ending);
		if (pwrite(worker->fds[1], "x", 1, 0) != 1)
			rig_wrong(worker, "pwrite failed");
	}
	return NULL;
}

static bool begin_inotify(struct rig_worker *worker)
{
	char path[] = "/tmp/smudge-inotify-XXXXXX";
	pthread_t writer;
	bool is_watched;

	worker->fds[0] = inotify_init1(IN_CLOEXEC);
	worker->fds[1] = mkstemp(path);
	is_watched = worker->fds[0] >= 0 && worker->fds[1] >= 0 &&
		     inotify_add_watch(worker->fds[0], path, IN_MODIFY) >= 0;
	unlink(path);
	if (!is_watched || pthread_create(&writer, NULL, write_file, worker))
		return false;
	pthread_detach(writer);
	return true;
}

static void round_inotify(struct rig_worker *worker)
{
	char events[4096];

	if (atomic_load(&rig_shared->is_ending))
		return;
	if (read(worker->fds[0], events, sizeof(events)) < 0)
		rig_failed(worker, "read of inotify", errno);
}

static bool begin_socket(struct rig_worker *worker)
{
	const struct timeval timeout = {.tv_usec = WAIT_MS * 1000};

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			  worker->fds) == 0 &&
	       setsockopt(worker->fds[0], SOL_SOCKET, SO_RCVTIMEO, &timeout,
			  sizeof(timeout)) == 0;
}

static void round_recv(struct rig_worker *worker)
{
	char byte;

	expect_failure(worker, "recv", recv(worker->fds[0], &byte, 1, 0),
		       EAGAIN);
	expect_failure(worker, "read of a socket",
		       read(worker->fds[0], &byte, 1), EAGAIN);
}

static void round_recvmsg(struct rig_worker *worker)
{
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	expect_failure(worker, "recvmsg", recvmsg(worker->fds[0], &message, 0),
		       EAGAIN);
}

/* A listener whose queue is full, so that the next connect(2) waits. */
static bool begin_connect(struct rig_worker *worker)
{
	const struct timeval timeout = {.tv_usec = WAIT_MS * 1000};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(name.sun_family);

	for (int i = 0; i < 3; i++)
		worker->fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (worker->fds[2] < 0 ||
	    bind(worker->fds[1], (struct sockaddr *)&name, length) < 0 ||
	    listen(worker->fds[1], 0) < 0)
		return false;
	length = sizeof(name);
	return getsockname(worker->fds[1], (struct sockaddr *)&name, &length) ==
		       0 &&
	       connect(worker->fds[2], (struct sockaddr *)&name, length) == 0 &&
	       setsockopt(worker->fds[0], SOL_SOCKET, SO_SNDTIMEO, &timeout,
			  sizeof(timeout)) == 0;
}

static void round_connect(struct rig_worker *worker)
{
	struct sockaddr_un name;
	socklen_t length = sizeof(name);

	getsockname(worker->fds[1], (struct sockaddr *)&name, &length);
	expect_failure(
		worker, "connect",
		connect(worker->fds[0], (struct sockaddr *)&name, length),
		EAGAIN);
}

static void round_poll(struct rig_worker *worker)
{
	expect_result(worker, "poll", poll(NULL, 0, WAIT_MS), 0);
}

static void round_ppoll(struct rig_worker *worker)
{
	sigset_t mask;

	sigfillset(&mask);
	expect_result(worker, "ppoll", ppoll(NULL, 0, &limit, &mask), 0);
}

static void round_nanosleep(struct rig_worker *worker)
{
	expect_result(worker, "nanosleep", nanosleep(&limit, NULL), 0);
}

static void round_futex(struct rig_worker *worker)
{
	uint32_t word = 1;

	expect_failure(worker, "futex",
		       syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, &limit),
		       ETIMEDOUT);
}

/* Once more when it has seen the end, as above. */
static void *feed_pipe(void *opaque)
{
	const struct rig_worker *worker = opaque;
	bool is_ending = false;

	while (!is_ending) {
		nanosleep(&limit, NULL);
		is_ending = atomic_load(&rig_shared->is_ending);
		if (write(worker->fds[1], "x", 1) != 1)
			rig_wrong(worker, "write failed");
	}
	return NULL;
}

static bool begin_pipe(struct rig_worker *worker)
{
	pthread_t writer;

	if (pipe2(worker->fds, O_CLOEXEC) < 0 ||
	    pthread_create(&writer, NULL, feed_pipe, worker))
		return false;
	pthread_detach(writer);
	return true;
}

static void round_pipe(struct rig_worker *worker)
{
	char byte;

	if (!atomic_load(&rig_shared->is_ending))
		expect_result(worker, "read of a pipe",
			      read(worker->fds[0], &byte, 1), 1);
}

#define LISTED(call, begin_call)                                           \
	{                                                                  \
		.name = #call, .begin = begin_call, .round = round_##call, \
		.may_be_eintr = true                                       \
	}
#define RESTARTED(call, begin_call)                                       \
	{                                                                 \
		.name = #call, .begin = begin_call, .round = round_##call \
	}

static const struct rig_kind kinds[] = {
	LISTED(epoll_wait, begin_epoll),
	LISTED(epoll_pwait, begin_epoll),
	{.name = "semtimedop",
	 .begin = begin_semaphore,
	 .round = round_semtimedop,
	 .end = end_semaphore,
	 .may_be_eintr = true},
	LISTED(sigtimedwait, begin_nothing),
	LISTED(io_getevents, begin_aio),
	LISTED(inotify, begin_inotify),
	LISTED(recv, begin_socket),
	LISTED(recvmsg, begin_socket),
	LISTED(connect, begin_connect),
	RESTARTED(poll, begin_nothing),
	RESTARTED(ppoll, begin_nothing),
	RESTARTED(nanosleep, begin_nothing),
	RESTARTED(futex, begin_nothing),
	RESTARTED(pipe, begin_pipe),
};

const struct rig_kind *const rig_waits[] = {
	&kinds[0],  &kinds[1],	&kinds[2],  &kinds[3],	&kinds[4],
	&kinds[5],  &kinds[6],	&kinds[7],  &kinds[8],	&kinds[9],
	&kinds[10], &kinds[11], &kinds[12], &kinds[13],
};
const size_t rig_nwaits = sizeof(kinds) / sizeof(kinds[0]);
