/* SPDX-License-Identifier: MIT */
/*
 * A barrier by running on every processor. A thread of this process that ran
 * elsewhere when the walk began was switched out when the walk reached its
 * processor, or before. A thread that began to run later began with a switch.
 *
 * This holds only if the walk reaches every processor on which a thread may
 * run. Threads of one process may be in different cpusets, so the walk visits
 * all processors that are online. If it may not run on one of them, it fails.
 */
#include "sys/barrier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_PROCESSORS 8192 /* the most a kernel can be built for */
#define WORD_BITS      (8 * sizeof(unsigned long))

struct processors {
	unsigned long word[MAX_PROCESSORS / (8 * sizeof(unsigned long))];
};

static bool has(const struct processors *set, unsigned long n)
{
	return set->word[n / WORD_BITS] >> n % WORD_BITS & 1;
}

static void add(struct processors *set, unsigned long n)
{
	set->word[n / WORD_BITS] |= 1UL << n % WORD_BITS;
}

static bool may_run_on(struct processors *ret_set)
{
	memset(ret_set, 0, sizeof(*ret_set));
	return syscall(SYS_sched_getaffinity, 0, sizeof(*ret_set), ret_set) > 0;
}

static bool run_on(const struct processors *set)
{
	return syscall(SYS_sched_setaffinity, 0, sizeof(*set), set) == 0;
}

/* "0-3,8,10-11" and a newline. Return: false if it is anything else. */
static bool parse(const char *text, struct processors *ret_set)
{
	char *end;

	memset(ret_set, 0, sizeof(*ret_set));
	do {
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			return false;
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
		}
		if (end == text || last < first || last >= MAX_PROCESSORS)
			return false;
		for (; first <= last; first++)
			add(ret_set, first);
		text = end + 1;
	} while (*end == ',');
	return *end == '\n';
}

static bool are_online(struct processors *ret_set)
{
	char text[4096];
	int fd = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return parse(text, ret_set);
}

/* Run on each of @set. Return: false unless all of them are in @allowed. */
static bool visit(const struct processors *set,
		  const struct processors *allowed)
{
	for (unsigned long n = 0; n < MAX_PROCESSORS; n++) {
		if (has(set, n) && !has(allowed, n))
			return false;
	}
	for (unsigned long n = 0; n < MAX_PROCESSORS; n++) {
		struct processors one = {0};

		if (!has(set, n))
			continue;
		add(&one, n);
		if (!run_on(&one))
			return false;
	}
	return true;
}

static bool walk(void)
{
	struct processors saved, all, allowed, online;
	bool is_done = false;

	memset(&all, 0xff, sizeof(all));
	if (!are_online(&online) || !may_run_on(&saved) || !run_on(&all))
		return false;
	if (may_run_on(&allowed))
		is_done = visit(&online, &allowed);
	/* A thread that was not bound stays so, also for processors to come. */
	if (memcmp(&saved, &allowed, sizeof(saved)) == 0 || !run_on(&saved))
		run_on(&all);
	return is_done;
}

bool smi_sys_barrier_walk(void)
{
	int saved = errno;
	bool is_done;

	/* Seq_cst: for this thread, which may not be switched out. */
	atomic_thread_fence(memory_order_seq_cst);
	is_done = walk();
	atomic_thread_fence(memory_order_seq_cst);
	errno = saved;
	return is_done;
}
