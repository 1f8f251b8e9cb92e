/* SPDX-License-Identifier: MIT */
/*
 * A child, its two pipes, and its end.
 */
#include "sources_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sources.h"

void sources_child_start(struct sources_child *child,
			 void (*serve)(const void *opaque, int from, int to),
			 const void *opaque)
{
	int down[2], up[2];

	sources_must(pipe2(down, O_CLOEXEC), "a pipe");
	sources_must(pipe2(up, O_CLOEXEC), "a pipe");
	child->pid = fork();
	sources_must(child->pid, "fork");
	if (child->pid == 0) {
		close(down[1]);
		close(up[0]);
		serve(opaque, down[0], up[1]);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	child->request = down[1];
	child->answer = up[0];
	child->ns = 0;
}

bool sources_child_receive(int from, void *order, size_t bytes)
{
	ssize_t n;

	do {
		n = read(from, order, bytes);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)bytes;
}

bool sources_child_answer(int to, uint64_t ns)
{
	return write(to, &ns, sizeof(ns)) == sizeof(ns);
}

void sources_child_send(const struct sources_child *child, const void *order,
			size_t bytes)
{
	sources_must(write(child->request, order, bytes), "the child");
}

void sources_child_wait(struct sources_child *child)
{
	if (sources_child_receive(child->answer, &child->ns, sizeof(child->ns)))
		return;
	errno = EPIPE;
	sources_must(-1, "the child");
}

uint64_t sources_child_ns(struct sources_child *child)
{
	uint64_t ns = child->ns;

	child->ns = 0;
	return ns;
}

void sources_child_end(const struct sources_child *child)
{
	close(child->request);
	close(child->answer);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
