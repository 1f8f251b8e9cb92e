/* SPDX-License-Identifier: MIT */
/*
 * The calls that ask the child.
 */
#include "process_rig.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>

#include <smudge/batch.h>

#include "process_child.h"
#include "support.h"

static int64_t ask(int socket, struct request q)
{
	int64_t answer = -1;

	assert_int_equal(send(socket, &q, sizeof(q), 0), sizeof(q));
	assert_int_equal(recv(socket, &answer, sizeof(answer), 0),
			 sizeof(answer));
	return answer;
}

#define ASK(r, what, ...) \
	ask((r)->socket, (struct request){.order = what, .args = {__VA_ARGS__}})

static int rig_socket; /* of the child that is attached to */

static int rig_open(pid_t pid, struct smi_target *ret_target,
		    struct smudge_error *err)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return smudge_error_set(err, -ESRCH, "rig", "no such child");
	*ret_target = (struct smi_target){.pid = pid, .pidfd = pidfd};
	return 0;
}

static void rig_close(struct smi_target *target)
{
	close(target->pidfd);
}

static bool rig_has_ended(const struct smi_target *target)
{
	struct pollfd end = {.fd = target->pidfd, .events = POLLIN};

	return poll(&end, 1, 0) > 0;
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))];
	int fd = -1;
	struct iovec iov = {.iov_base = &fd, .iov_len = sizeof(fd)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) < 0 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static int rig_attach(struct smi_target *target, unsigned int timeout_ms,
		      int *ret_uffd, uint64_t *ret_stopped_ns,
		      struct smudge_error *err)
{
	struct request q = {.order = UFFD};
	int64_t answer;

	*ret_stopped_ns = 0;
	if (send(rig_socket, &q, sizeof(q), MSG_NOSIGNAL) < 0)
		return smudge_error_set(err, -ESRCH, "rig", "it has ended");
	*ret_uffd = receive_fd(rig_socket);
	if (*ret_uffd < 0 ||
	    recv(rig_socket, &answer, sizeof(answer), 0) != sizeof(answer))
		return smudge_error_set(err, -EIO, "rig", "no descriptor");
	return 0;
}

/* It is the test's child, so SIGSTOP and a wait will do. */
static int rig_while_stopped(struct smi_target *target, unsigned int timeout_ms,
			     smi_target_fn fn, void *opaque,
			     uint64_t *ret_stopped_ns, struct smudge_error *err)
{
	siginfo_t info;
	int ret;

	*ret_stopped_ns = 1;
	if (kill(target->pid, SIGSTOP) < 0 ||
	    waitid(P_PID, (id_t)target->pid, &info,
		   WSTOPPED | WEXITED | WNOWAIT) < 0)
		return smudge_error_set(err, -ESRCH, "rig", "it has ended");
	ret = fn(NULL, opaque, err);
	kill(target->pid, SIGCONT);
	return ret;
}

const struct smi_process_means process_rig_means = {
	.open = rig_open,
	.close = rig_close,
	.has_ended = rig_has_ended,
	.attach = rig_attach,
	.while_stopped = rig_while_stopped,
};

void process_rig_start(struct process_rig *r)
{
	int pair[2];

	*r = (struct process_rig){.socket = -1};
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fflush(NULL);
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0) {
		close(pair[0]);
		process_child_serve(pair[1]);
	}
	close(pair[1]);
	r->socket = rig_socket = pair[0];
	assert_int_equal(smudge_memory_create(&r->memory), 0);
}

/* Leave nothing behind. */
static void process_rig_skip(struct process_rig *r, const char *reason)
{
	process_rig_stop(r);
	test_skip_without("uffd", reason);
}

void process_rig_track(struct process_rig *r,
		       const struct smudge_process_options *options)
{
	const struct smudge_client_options client = {.size = sizeof(client),
						     .name = "test"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret = smi_process_open(r->memory, r->pid, options,
				   &process_rig_means, &r->process, &err);

	if (ret == -EOPNOTSUPP || ret == -ENOSYS)
		process_rig_skip(r, err.message);
	if (ret < 0)
		fail_msg("%s", err.message);
	ret = smudge_client_open(r->memory, &client, &r->client, &err);
	if (ret < 0)
		fail_msg("%s", err.message);
	rig_clean(r);
}

void process_rig_stop(struct process_rig *r)
{
	int status;

	if (r->client)
		assert_int_equal(smudge_client_close(r->client), 0);
	assert_int_equal(smudge_process_close(r->process, NULL), 0);
	assert_int_equal(smudge_memory_destroy(r->memory, NULL), 0);
	close(r->socket);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
}

uint64_t rig_mmap(struct process_rig *r, uint64_t at, uint64_t bytes, int prot,
		  int flags, int fd)
{
	int64_t ret = ASK(r, MMAP, at, bytes, (uint64_t)prot, (uint64_t)flags,
			  (uint64_t)fd);

	assert_true(ret != -1);
	return (uint64_t)ret;
}

bool rig_can_mmap(struct process_rig *r, uint64_t at, uint64_t bytes, int prot,
		  int flags, int fd)
{
	return ASK(r, MMAP, at, bytes, (uint64_t)prot, (uint64_t)flags,
		   (uint64_t)fd) != -1;
}

void rig_munmap(struct process_rig *r, uint64_t at, uint64_t bytes)
{
	assert_int_equal(ASK(r, MUNMAP, at, bytes), 0);
}

uint64_t rig_mremap(struct process_rig *r, uint64_t from, uint64_t bytes,
		    uint64_t to_bytes, uint64_t to)
{
	int64_t ret = ASK(r, MREMAP, from, bytes, to_bytes, to);

	assert_true(ret != -1);
	return (uint64_t)ret;
}

void rig_mprotect(struct process_rig *r, uint64_t at, uint64_t bytes, int prot)
{
	assert_int_equal(ASK(r, MPROTECT, at, bytes, (uint64_t)prot), 0);
}

void rig_madvise(struct process_rig *r, uint64_t at, uint64_t bytes, int advice)
{
	assert_int_equal(ASK(r, MADVISE, at, bytes, (uint64_t)advice), 0);
}

int rig_memfd(struct process_rig *r, uint64_t bytes)
{
	int64_t fd = ASK(r, MAKE_MEMFD, bytes);

	assert_true(fd >= 0);
	return (int)fd;
}

void rig_store(struct process_rig *r, uint64_t at, uint8_t value)
{
	assert_int_equal(ASK(r, STORE, at, value), 0);
}

uint8_t rig_load(struct process_rig *r, uint64_t at)
{
	return (uint8_t)ASK(r, LOAD, at);
}

void rig_fork_store(struct process_rig *r, uint64_t at)
{
	assert_int_equal(ASK(r, FORK_STORE, at), 0);
}

void rig_exec(struct process_rig *r)
{
	assert_int_equal(ASK(r, EXEC, 0), 0);
}

void rig_exit(struct process_rig *r)
{
	struct request q = {.order = EXIT};
	siginfo_t info;

	assert_int_equal(send(r->socket, &q, sizeof(q), 0), sizeof(q));
	assert_int_equal(waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOWAIT),
			 0);
}

void rig_own_uffd(struct process_rig *r, uint64_t at, uint64_t bytes)
{
	assert_int_equal(ASK(r, OWN_UFFD, at, bytes), 0);
}

uint64_t rig_sbrk(struct process_rig *r, int64_t bytes)
{
	int64_t ret = ASK(r, SBRK, (uint64_t)bytes);

	assert_true(ret != -1);
	return (uint64_t)ret;
}

int64_t rig_syscall(struct process_rig *r, long number, uint64_t a, uint64_t b)
{
	return ASK(r, SYSTEM_CALL, (uint64_t)number, a, b);
}

void rig_harvest(struct process_rig *r)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	if (smudge_process_harvest(r->process, &err) < 0)
		fail_msg("%s", err.message);
}

void rig_look(struct process_rig *r)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	if (smudge_process_look(r->process, &err) < 0)
		fail_msg("%s", err.message);
}

void rig_clean(struct process_rig *r)
{
	struct smudge_region *regions[256];
	size_t n = smudge_memory_regions(r->memory, regions, 256);

	assert_true(n <= 256);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(
			smudge_client_skip(r->client, regions[i], 0,
					   smudge_region_npages(regions[i]),
					   NULL),
			0);
}

struct smudge_process_stats rig_stats(struct process_rig *r)
{
	struct smudge_process_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_process_stats(r->process, &stats), 0);
	return stats;
}

struct smudge_region *rig_region(struct process_rig *r, uint64_t at)
{
	struct smudge_region *regions[256];
	size_t n = smudge_memory_regions(r->memory, regions, 256);

	for (size_t i = 0; i < n && i < 256; i++) {
		uint64_t gpa = smudge_region_gpa(regions[i]);

		if (gpa <= at &&
		    at - gpa < smudge_region_npages(regions[i]) * RIG_PAGE)
			return regions[i];
	}
	return NULL;
}

bool rig_is_dirty(struct process_rig *r, uint64_t at)
{
	struct smudge_region *region = rig_region(r, at);

	assert_non_null(region);
	return smudge_client_test(r->client, region,
				  (at - smudge_region_gpa(region)) / RIG_PAGE);
}

uint64_t rig_count(struct process_rig *r, uint64_t at, uint64_t bytes)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < bytes; i += RIG_PAGE)
		n += rig_is_dirty(r, at + i);
	return n;
}

uint8_t rig_read(struct process_rig *r, uint64_t at)
{
	struct smudge_region *region = rig_region(r, at);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t byte = 0;

	assert_non_null(region);
	if (smudge_region_read_bytes(region, at - smudge_region_gpa(region), 1,
				     &byte, &err) < 0)
		fail_msg("%s", err.message);
	return byte;
}
