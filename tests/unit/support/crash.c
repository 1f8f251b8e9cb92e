/* SPDX-License-Identifier: MIT */
/*
 * A process that crashes says where, and ends as it would have.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash.h"
#include "support.h"

static char text[1 << 18];

static _Noreturn void run(void (*crash)(void *opaque), void *opaque, int fd)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	dup2(fd, STDERR_FILENO);
	crash_explain();
	crash(opaque);
	_exit(1);
}

/* Return: its status; what it said is in text. */
static int end_of(void (*crash)(void *opaque), void *opaque)
{
	size_t nbytes = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		run(crash, opaque, fds[1]);
	close(fds[1]);
	while ((n = read(fds[0], text + nbytes, sizeof(text) - 1 - nbytes)) > 0)
		nbytes += (size_t)n;
	text[nbytes] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void store_to(void *at)
{
	*(volatile char *)at = 1;
}

static void test_store(void **state)
{
	void *page =
		mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char wanted[64];
	int status;

	assert_true(page != MAP_FAILED);
	status = end_of(store_to, page);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	snprintf(wanted, sizeof(wanted), "address %p, ", page);
	assert_non_null(strstr(text, wanted));
	assert_non_null(strstr(text, "[stack]"));
	munmap(page, 4096);
}

static void send_it(void *opaque)
{
	kill(getpid(), SIGSEGV);
	pause();
}

static void test_sent(void **state)
{
	int status = end_of(send_it, NULL);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_non_null(strstr(text, "code 0: process"));
}

TEST_MAIN(test_store, test_sent)
