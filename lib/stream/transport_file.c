/* SPDX-License-Identifier: MIT */
/*
 * A transport over files and pipes.
 *
 * Pipes have no MSG_DONTWAIT, and O_NONBLOCK would be set for every process
 * that shares the open file. A write to a pipe carries RWF_NOWAIT, which pipes
 * know since Linux 6.4, but named ones may not. Where it is refused, and before
 * each read, a poll() that does not wait is asked instead: if it reports
 * POLLIN, a read of any length returns; if it reports POLLOUT, a write of up to
 * PIPE_BUF bytes returns (pipe(7)). POLLHUP and POLLERR mean that a call
 * returns with the end or an error.
 *
 * A write to a pipe without a reader raises SIGPIPE, and one beyond the
 * process's file size limit SIGXFSZ. Both go to the thread that writes. It
 * blocks them for the time of the write and takes back the one that the write
 * raised, so that the program sees -EPIPE or -EFBIG and no signal.
 */
#include "stream/transport_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "stream/wait.h"

static struct smi_transport_file *to_file(struct smi_transport *transport)
{
	return (struct smi_transport_file *)transport;
}

/* Would a call return now? Return: 1, -EAGAIN, or the -errno of ppoll(). */
static int look(int fd, short events)
{
	struct pollfd fds[] = {{.fd = -1}, {.fd = fd, .events = events}};
	int ret = smi_wait(fds, 2, 0);

	return ret ? ret : -EAGAIN;
}

struct held_signals {
	sigset_t callers; /* the thread's mask before */
	sigset_t pending; /* before: not ours to take */
};

static void hold_signals(struct held_signals *held)
{
	sigset_t raised;

	sigemptyset(&raised);
	sigaddset(&raised, SIGPIPE);
	sigaddset(&raised, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &raised, &held->callers);
	sigpending(&held->pending);
}

/* @error: of the write in between, 0 or an errno */
static void release_signals(const struct held_signals *held, int error)
{
	int sig = error == EPIPE ? SIGPIPE : error == EFBIG ? SIGXFSZ : 0;
	const struct timespec no_wait = {0};
	sigset_t raised;

	if (sig && !sigismember(&held->pending, sig)) {
		sigemptyset(&raised);
		sigaddset(&raised, sig);
		(void)sigtimedwait(&raised, NULL, &no_wait);
	}
	pthread_sigmask(SIG_SETMASK, &held->callers, NULL);
}

/* Write to a pipe without waiting. Return: bytes written, -errno. */
static ssize_t write_pipe(struct smi_transport_file *own, const void *bytes,
			  size_t length)
{
	struct iovec piece = {.iov_base = (void *)bytes, .iov_len = length};
	ssize_t n;
	int ret;

	if (!own->send_has_no_nowait) {
		n = pwritev2(own->send_fd, &piece, 1, -1, RWF_NOWAIT);
		if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS))
			return n < 0 ? -errno : n;
		own->send_has_no_nowait = true;
	}
	ret = look(own->send_fd, POLLOUT);
	if (ret < 0)
		return ret;
	n = write(own->send_fd, bytes, length < PIPE_BUF ? length : PIPE_BUF);
	return n < 0 ? -errno : n;
}

static ssize_t write_file(int fd, const void *bytes, size_t length)
{
	ssize_t n = write(fd, bytes, length);

	return n < 0 ? -errno : n;
}

static ssize_t file_send_some(struct smi_transport *transport,
			      const void *bytes, size_t length)
{
	struct smi_transport_file *own = to_file(transport);
	struct held_signals held;
	ssize_t n;

	hold_signals(&held);
	if (own->send_is_pipe)
		n = write_pipe(own, bytes, length);
	else
		n = write_file(own->send_fd, bytes, length);
	release_signals(&held, n < 0 ? (int)-n : 0);
	return n;
}

static ssize_t file_receive_some(struct smi_transport *transport, void *bytes,
				 size_t length)
{
	struct smi_transport_file *own = to_file(transport);
	ssize_t n;

	if (own->receive_is_pipe && own->receive_fd >= 0) {
		int ret = look(own->receive_fd, POLLIN);

		if (ret < 0)
			return ret;
	}
	n = read(own->receive_fd, bytes, length);
	return n < 0 ? -errno : n;
}

/* The end and an error count as the event: a call would return them. */
static int file_wait(struct smi_transport *transport, short events,
		     uint64_t deadline_ns, int cancel_fd)
{
	struct smi_transport_file *own = to_file(transport);
	struct pollfd fds[] = {
		{.fd = cancel_fd, .events = POLLIN},
		{.fd = events & POLLIN ? own->receive_fd : -1,
		 .events = POLLIN},
		{.fd = events & POLLOUT ? own->send_fd : -1, .events = POLLOUT},
	};
	int ret = smi_wait(fds, 3, deadline_ns);

	if (ret <= 0)
		return ret;
	return (fds[1].revents ? POLLIN : 0) | (fds[2].revents ? POLLOUT : 0);
}

static bool file_has_input(struct smi_transport *transport)
{
	struct smi_transport_file *own = to_file(transport);

	return own->receive_fd >= 0 && look(own->receive_fd, POLLIN) != -EAGAIN;
}

static int close_fd(int *fd)
{
	int old = *fd;

	*fd = -1;
	/* Linux has closed it whatever it returns. */
	return old >= 0 && close(old) < 0 ? -errno : 0;
}

/* Some file systems report here that they could not write. */
static int file_end_sending(struct smi_transport *transport)
{
	return close_fd(&to_file(transport)->send_fd);
}

static void file_close(struct smi_transport *transport)
{
	struct smi_transport_file *own = to_file(transport);

	/* What was sent up to the end is reported by end_sending. */
	(void)close_fd(&own->send_fd);
	(void)close_fd(&own->receive_fd);
}

static const struct smi_transport_ops file_ops = {
	.name = "the file",
	.ended = "the file ended",
	.silent = "no byte of the file moved",
	.end_error = -ENODATA,
	.send_some = file_send_some,
	.receive_some = file_receive_some,
	.wait = file_wait,
	.has_input = file_has_input,
	.end_sending = file_end_sending,
	.shutdown = file_close,
	.close = file_close,
};

/* Is @fd open for @access, and a file that we can use? -1 is no file. */
static int check_fd(int fd, int access, bool *ret_is_pipe,
		    struct smudge_error *err)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat stat;

	if (fd == -1)
		return 0;
	if (flags < 0 || fstat(fd, &stat) < 0)
		return smudge_error_set(err, -EBADF, "channel",
					"descriptor %d is not open", fd);
	if ((flags & O_ACCMODE) != access && (flags & O_ACCMODE) != O_RDWR)
		return smudge_error_set(err, -EBADF, "channel",
					"descriptor %d is not open for %s", fd,
					access == O_RDONLY ? "reading"
							   : "writing");
	if (!S_ISREG(stat.st_mode) && !S_ISFIFO(stat.st_mode))
		return smudge_error_set(err, -EINVAL, "channel",
					"descriptor %d is neither a regular "
					"file nor a pipe",
					fd);
	*ret_is_pipe = S_ISFIFO(stat.st_mode);
	return 0;
}

int smi_transport_file_take_fds(struct smi_transport_file *transport,
				int receive_fd, int send_fd,
				struct smudge_error *err)
{
	struct smi_transport_file opened = {
		.base.ops = &file_ops,
		.receive_fd = receive_fd,
		.send_fd = send_fd,
	};
	int ret;

	ret = check_fd(receive_fd, O_RDONLY, &opened.receive_is_pipe, err);
	if (ret < 0)
		return ret;
	ret = check_fd(send_fd, O_WRONLY, &opened.send_is_pipe, err);
	if (ret < 0)
		return ret;
	if (send_fd == receive_fd && send_fd != -1)
		return smudge_error_set(err, -EINVAL, "channel",
					"descriptor %d is given for both "
					"directions, which are closed one by "
					"one",
					send_fd);
	*transport = opened;
	return 0;
}
