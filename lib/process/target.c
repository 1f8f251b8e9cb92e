/* SPDX-License-Identifier: MIT */
/*
 * A target's life: checked and claimed, stopped for a while by a guardian,
 * closed.
 */
#include "process/target.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "process/arch.h"
#include "process/check.h"
#include "process/guardian.h"
#include "process/step.h"
#include "process/stop.h"
#include "sys/clock.h"

#define WHERE	  "process"
#define NS_PER_MS UINT64_C(1000000)
#define END_MS	  200

/* What the guardian does, and what came of it. */
struct visit {
	struct smi_stop stop;
	smi_target_fn fn;
	void *opaque;
	struct smudge_error err;
	int ret;
};

static int open_pidfd(pid_t pid, struct smudge_error *err)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);
	int code = fd < 0 ? -errno : 0;

	if (!code)
		return (int)fd;
	if (code == -ESRCH)
		return smudge_error_set(err, code, WHERE,
					"there is no process %d", (int)pid);
	return smudge_error_set(err, code, WHERE,
				"cannot open a pidfd of process %d: %s",
				(int)pid, strerror(-code));
}

/* The pid may have become another's between the check and the descriptor. */
static int open_checked(struct smi_target *target, struct smudge_error *err)
{
	int ret;

	target->pidfd = open_pidfd(target->pid, err);
	if (target->pidfd < 0)
		return target->pidfd;
	ret = smi_check_process(target->pid, &target->start_time, err);
	if (!ret)
		ret = smi_claim_take(target->pid, target->start_time,
				     &target->claim, err);
	if (ret < 0)
		close(target->pidfd);
	return ret;
}

int smi_target_open(pid_t pid, struct smi_target *ret_target,
		    struct smudge_error *err)
{
	struct smi_target target = {
		.pid = pid, .pidfd = -1, .claim = SMI_CLAIM_NONE};
	int ret;

	smudge_error_clear(err);
	/* First for the sentences: a pidfd's errors do not tell them apart. */
	ret = smi_check_process(pid, &target.start_time, err);
	if (!ret)
		ret = open_checked(&target, err);
	if (!ret)
		*ret_target = target;
	return ret;
}

void smi_target_close(struct smi_target *target)
{
	close(target->pidfd);
	smi_claim_end(&target->claim);
}

bool smi_target_has_ended(const struct smi_target *target)
{
	struct pollfd poll_fd = {.fd = target->pidfd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) > 0;
}

static unsigned int left_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = smi_sys_now_ns();

	return now_ns < deadline_ns
		       ? (unsigned int)((deadline_ns - now_ns) / NS_PER_MS)
		       : 0;
}

bool smi_target_ends(const struct smi_target *target)
{
	struct pollfd end = {.fd = target->pidfd, .events = POLLIN};
	uint64_t until_ns = smi_sys_now_ns() + END_MS * NS_PER_MS;
	int n;

	do
		n = poll(&end, 1, (int)left_ms(until_ns));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static void guard_visit(void *opaque)
{
	struct visit *visit = opaque;

	smi_step("begun");
	visit->ret = smi_stop_all(&visit->stop, &visit->err);
	if (!visit->ret) {
		smi_step("all stopped");
		visit->ret =
			visit->fn(&visit->stop, visit->opaque, &visit->err);
	}
	smi_step("done");
}

int smi_target_while_stopped(struct smi_target *target, unsigned int timeout_ms,
			     smi_target_fn fn, void *opaque,
			     uint64_t *ret_stopped_ns, struct smudge_error *err)
{
	struct visit visit = {
		.stop = {.target = target,
			 .threads = {.pid = target->pid},
			 .timeout_ns = timeout_ms * NS_PER_MS},
		.fn = fn,
		.opaque = opaque,
		.err = SMUDGE_ERROR_INIT,
	};
	uint64_t begun_ns, ended_ns = 0;
	int ret;

	smudge_error_clear(err);
	if (smi_target_has_ended(target))
		return smudge_error_set(err, -ESRCH, WHERE,
					"process %d has ended",
					(int)target->pid);
	ret = smi_guardian_run(guard_visit, &visit, &ended_ns);
	begun_ns = visit.stop.threads.interrupted_ns;
	smi_threads_free(&visit.stop.threads);
	if (ret_stopped_ns)
		*ret_stopped_ns = begun_ns ? ended_ns - begun_ns : 0;
	if (ret < 0)
		return smi_stop_not_made(ret, err);
	if (visit.ret && err)
		*err = visit.err;
	return visit.ret;
}

int smi_target_check_uffd(struct smi_target *target, struct smudge_error *err)
{
	smudge_error_clear(err);
	return smi_arch_check_uffd(target, err);
}

int smi_target_make_uffd(struct smi_stop *stop, int *ret_uffd,
			 struct smudge_error *err)
{
	return smi_arch_make_uffd(stop, ret_uffd, err);
}

static int make_uffd(struct smi_stop *stop, void *opaque,
		     struct smudge_error *err)
{
	return smi_target_make_uffd(stop, opaque, err);
}

static void let_it_run(void)
{
	const struct timespec a_moment = {.tv_nsec = (long)NS_PER_MS};

	nanosleep(&a_moment, NULL);
}

int smi_target_attach(struct smi_target *target, unsigned int timeout_ms,
		      int *ret_uffd, uint64_t *ret_stopped_ns,
		      struct smudge_error *err)
{
	uint64_t deadline_ns = smi_sys_now_ns() + timeout_ms * NS_PER_MS;
	uint64_t stopped_ns = 0, once_ns = 0;
	int ret;

	for (;;) {
		ret = smi_target_check_uffd(target, err);
		if (!ret) {
			ret = smi_target_while_stopped(target, timeout_ms,
						       make_uffd, ret_uffd,
						       &once_ns, err);
			stopped_ns += once_ns;
		}
		timeout_ms = left_ms(deadline_ns);
		if (ret != -EAGAIN || !timeout_ms)
			break;
		let_it_run();
	}
	if (ret_stopped_ns)
		*ret_stopped_ns = stopped_ns;
	return ret;
}
