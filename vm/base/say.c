/* SPDX-License-Identifier: MIT */
/*
 * Lines on standard error. A pipe with room for PIPE_BUF bytes takes a line at
 * once; poll tells whether it has that room.
 */
#include "base/say.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/wait.h"

#define STUCK_AFTER_MS 200

/* relaxed wherever it is used: it orders nothing, it only saves time */
static atomic_bool is_stuck;

void say(const char *format, ...)
{
	char line[512] = "smudge-vm: ";
	size_t len = strlen(line);
	bool was_stuck;
	va_list args;
	int more;

	va_start(args, format);
	more = vsnprintf(line + len, sizeof(line) - len - 1, format, args);
	va_end(args);
	if (more > 0)
		len = strlen(line);
	line[len++] = '\n';
	was_stuck = atomic_load_explicit(&is_stuck, memory_order_relaxed);
	was_stuck = wait_ready(STDERR_FILENO, POLLOUT, -1,
			       was_stuck ? 0 : STUCK_AFTER_MS) != 0;
	atomic_store_explicit(&is_stuck, was_stuck, memory_order_relaxed);
	if (!was_stuck && write(STDERR_FILENO, line, len) < 0)
		return; /* the failure cannot be reported anywhere */
}
