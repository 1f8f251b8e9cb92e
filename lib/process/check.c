/* SPDX-License-Identifier: MIT */
/*
 * The checks, in the order in which one makes the next one's question sensible.
 */
#include "process/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/arch.h"
#include "process/proc.h"

#define WHERE	"process"
#define KCMP_VM 1

struct check {
	pid_t pid;
	char status[SMI_PROC_TEXT_BYTES];
	struct smi_proc_stat stat;
	struct smudge_error *err;
};

static uint64_t status_number(const struct check *check, const char *key)
{
	return smi_proc_number(check->status, key, 10, 0);
}

/* Ids in /proc are those of the namespace it was mounted in. */
static int check_proc(struct check *check)
{
	char link[32] = "";

	if (readlink("/proc/self", link, sizeof(link) - 1) < 0)
		return smudge_error_set(check->err, -ENOENT, WHERE,
					"/proc is not mounted");
	if (strtol(link, NULL, 10) == (long)getpid())
		return 0;
	return smudge_error_set(check->err, -ENOENT, WHERE,
				"/proc is that of another pid namespace: mount "
				"it again for this one");
}

static int check_exists(struct check *check)
{
	pid_t pid = check->pid;
	long n;
	int ret;

	if (pid <= 0)
		return smudge_error_set(check->err, -EINVAL, WHERE,
					"no process has the id %d", (int)pid);
	n = smi_proc_read(smi_proc_open(pid, "status"), check->status,
			  sizeof(check->status));
	ret = n < 0 ? (int)n : smi_proc_stat(pid, pid, &check->stat);
	if (ret == -ENOENT || ret == -ESRCH)
		return smudge_error_set(check->err, -ESRCH, WHERE,
					"there is no process %d", (int)pid);
	if (ret < 0)
		return smudge_error_set(check->err, ret, WHERE,
					"cannot read /proc/%d/status: %s",
					(int)pid, strerror(-ret));
	return 0;
}

static int check_not_ours(struct check *check)
{
	pid_t tgid = (pid_t)status_number(check, "Tgid");
	pid_t pid = check->pid;

	if (tgid == getpid())
		return smudge_error_set(check->err, -EINVAL, WHERE,
					"process %d is this process itself",
					(int)pid);
	if (tgid != pid)
		return smudge_error_set(check->err, -EINVAL, WHERE,
					"%d is a thread of process %d: name "
					"the process",
					(int)pid, (int)tgid);
	if (syscall(SYS_kcmp, getpid(), pid, KCMP_VM, 0, 0) == 0)
		return smudge_error_set(check->err, -EINVAL, WHERE,
					"process %d shares the memory of this "
					"process",
					(int)pid);
	return 0;
}

static int check_alive(struct check *check)
{
	char state = check->stat.state;

	if (check->stat.is_kernel_thread)
		return smudge_error_set(check->err, -EINVAL, WHERE,
					"process %d is a thread of the kernel",
					(int)check->pid);
	if ((state == 'Z' && check->stat.nthreads <= 1) || state == 'X')
		return smudge_error_set(check->err, -ESRCH, WHERE,
					"process %d has ended, and waits for "
					"its parent (a zombie)",
					(int)check->pid);
	return 0;
}

static int check_not_traced(struct check *check)
{
	pid_t tracer = (pid_t)status_number(check, "TracerPid");
	char comm[32] = "";
	long n;

	if (!tracer)
		return 0;
	n = smi_proc_read(smi_proc_open(tracer, "comm"), comm, sizeof(comm));
	if (n > 0 && comm[n - 1] == '\n')
		comm[n - 1] = '\0';
	return smudge_error_set(check->err, -EBUSY, WHERE,
				"process %d is traced already, by process %d "
				"(%s)",
				(int)check->pid, (int)tracer, comm);
}

/* What Yama allows: 0 everything, 1 descendants, 2 with a capability, 3 none */
static int yama_scope(void)
{
	int fd = open("/proc/sys/kernel/yama/ptrace_scope",
		      O_RDONLY | O_CLOEXEC);
	char text[8];

	return smi_proc_read(fd, text, sizeof(text)) > 0
		       ? (int)strtol(text, NULL, 10)
		       : 0;
}

static int refused(const struct check *check)
{
	uint64_t uid = status_number(check, "Uid");
	int scope = yama_scope();
	int pid = (int)check->pid;

	if (scope == 3)
		return smudge_error_set(check->err, -EPERM, WHERE,
					"kernel.yama.ptrace_scope is 3: no "
					"process may be traced");
	if (uid != (uint64_t)geteuid())
		return smudge_error_set(
			check->err, -EPERM, WHERE,
			"process %d is of the user with the id %" PRIu64
			": that takes CAP_SYS_PTRACE and CAP_DAC_OVERRIDE",
			pid, uid);
	if (scope)
		return smudge_error_set(check->err, -EPERM, WHERE,
					"kernel.yama.ptrace_scope is %d: that "
					"takes CAP_SYS_PTRACE",
					scope);
	return smudge_error_set(check->err, -EPERM, WHERE,
				"process %d may not be traced, since it has "
				"more rights or protects itself: that takes "
				"CAP_SYS_PTRACE",
				pid);
}

/* To open this file takes what it takes to trace. */
static int check_permission(struct check *check)
{
	char path[64];
	int fd, code;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)check->pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	code = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (code == -EACCES || code == -EPERM)
		return refused(check);
	if (code == -ENOENT || code == -ESRCH)
		return smudge_error_set(check->err, -ESRCH, WHERE,
					"there is no process %d",
					(int)check->pid);
	if (code)
		return smudge_error_set(check->err, code, WHERE,
					"cannot open %s: %s", path,
					strerror(-code));
	return 0;
}

static int check_program(struct check *check)
{
	return smi_arch_check(check->pid, check->err);
}

int smi_check_process(pid_t pid, uint64_t *ret_start_time,
		      struct smudge_error *err)
{
	static int (*const checks[])(struct check *) = {
		check_proc,	  check_exists,	    check_not_ours, check_alive,
		check_not_traced, check_permission, check_program,
	};
	struct check check = {.pid = pid, .err = err};
	int ret = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && !ret; i++)
		ret = checks[i](&check);
	if (!ret)
		*ret_start_time = check.stat.start_time;
	return ret;
}
