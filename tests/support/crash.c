/* SPDX-License-Identifier: MIT */
/*
 * Only calls that a handler may make, but for snprintf(3) of numbers.
 */
#include "crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static uintptr_t instruction(const void *context)
{
#ifdef __x86_64__
	const ucontext_t *at = context;

	return (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
#else
	(void)context;
	return 0;
#endif
}

static void copy_mappings(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, text, sizeof(text))) > 0)
		if (write(STDERR_FILENO, text, (size_t)n) < 0)
			break;
	if (fd >= 0)
		close(fd);
}

/* It returns to the same instruction, which then ends the process. A signal
 * that another process sent is sent once more. */
static void explain(int number, siginfo_t *info, void *context)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "signal %d, code %d: process %d, thread %d, address %p, "
		 "instruction %#jx; mappings:\n",
		 number, info->si_code, (int)getpid(), (int)syscall(SYS_gettid),
		 info->si_addr, (uintmax_t)instruction(context));
	if (write(STDERR_FILENO, text, strlen(text)) > 0)
		copy_mappings();
	signal(number, SIG_DFL);
	if (info->si_code <= 0)
		raise(number);
}

void crash_explain(void)
{
	struct sigaction action = {.sa_sigaction = explain,
				   .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}
