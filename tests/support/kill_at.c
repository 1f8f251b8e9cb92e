/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into smudge: it kills itself before the call SMUDGE_KILL_AT of
 * those that a checkpoint of a QEMU consists of. SMUDGE_KILL_CALL is its name:
 * sendmsg (commands), read (the state), pread (memory) or close (descriptors).
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic long ncalls;
static pid_t self;

/* Its guardian, a process of its own, has tests elsewhere. */
__attribute__((constructor)) static void begin(void)
{
	self = getpid();
}

static void count(const char *call)
{
	const char *wanted = getenv("SMUDGE_KILL_CALL");
	const char *at = getenv("SMUDGE_KILL_AT");

	/* Relaxed: it only counts. */
	if (wanted && at && self == getpid() && strcmp(call, wanted) == 0 &&
	    atomic_fetch_add_explicit(&ncalls, 1, memory_order_relaxed) + 1 ==
		    atol(at))
		kill(self, SIGKILL);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t (*next)(int, const struct msghdr *, int) =
		(ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT,
								   "sendmsg");

	count("sendmsg");
	return next(fd, message, flags);
}

ssize_t read(int fd, void *bytes, size_t length)
{
	ssize_t (*next)(int, void *, size_t) =
		(ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");

	count("read");
	return next(fd, bytes, length);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset)
{
	ssize_t (*next)(int, void *, size_t, off_t) =
		(ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT,
							      "pread64");

	count("pread");
	return next(fd, bytes, length, offset);
}

int close(int fd)
{
	int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");

	count("close");
	return next(fd);
}
