/* SPDX-License-Identifier: MIT */
/*
 * Child processes that never outlive their parent.
 */
#include "process.h"

#include <smudge/error.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs in the child. Returns only if something failed. */
static void become(char *const argv[], const char *log_path, pid_t parent)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int log_fd =
		open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (null_fd < 0 || log_fd < 0)
		return;
	if (dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(log_fd, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0)
		return;
	/* Ctrl-C is for the parent, which ends its children in order */
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return;
	if (getppid() != parent) /* it died before prctl */
		_exit(1);
	/* the child must not inherit what this program ignores */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execv(argv[0], argv);
}

int process_start(struct process *process, char *const argv[],
		  const char *log_path, struct smudge_error *err)
{
	pid_t parent = getpid();
	int failure = 0;
	int report[2];
	pid_t pid;
	int ret = 0;

	/* carries the child's errno; a successful exec closes it empty */
	if (pipe2(report, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		ret = -errno;
		return smudge_error_set(err, ret, "process",
					"cannot start a process: %s",
					strerror(-ret));
	}
	if (pid == 0) {
		become(argv, log_path, parent);
		failure = errno;
		if (write(report[1], &failure, sizeof(failure)) < 0)
			_exit(1);
		_exit(1);
	}
	close(report[1]);
	while (read(report[0], &failure, sizeof(failure)) < 0 && errno == EINTR)
		;
	close(report[0]);
	process->pid = pid;
	process->signal = 0;
	if (!failure)
		return 0;
	process_kill(process);
	return smudge_error_set(err, -failure, "process",
				"cannot run %.120s: %s", argv[0],
				strerror(failure));
}

bool process_alive(struct process *process)
{
	int status = 0;
	pid_t pid = 0;

	if (process->pid > 0)
		pid = waitpid(process->pid, &status, WNOHANG);
	if (pid > 0 && WIFSIGNALED(status))
		process->signal = WTERMSIG(status);
	if (pid != 0)
		process->pid = 0;
	return process->pid > 0;
}

void process_kill(struct process *process)
{
	if (process->pid <= 0)
		return;
	kill(process->pid, SIGKILL);
	while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		;
	process->pid = 0;
}

int process_own_folder(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	return 0;
}
