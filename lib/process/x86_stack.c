/* SPDX-License-Identifier: MIT */
/*
 * A question for the mapping finds the stack, one read of it the nearest signal
 * frame.
 */
#include "process/x86_stack.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "process/memory_of.h"
#include "process/proc.h"
#include "process/vmas.h"
#include "process/x86_guard.h"
#include "sys/maps.h"

#define SCANNED_BYTES ((uint64_t)64 << 10) /* for a signal frame */
#define IS_DISABLED   2			   /* SS_DISABLE */
#define MOST_FLAGS    15
#define USER_CS	      0x33
#define USER_SS	      0x2b
#define NAME_BYTES    64 /* longer ones are of no stack */

struct search {
	pid_t pid, tid;
	uint64_t sp, thread_block;
	uint64_t guard_end;  /* of the last mapping that may not be touched */
	uint64_t start, end; /* the stack, once it is found */
	bool has_hidden_end; /* it begins at or above the start */
};

/* Words of a signal frame, of struct rt_sigframe. */
enum {
	FRAME_RESTORER,
	FRAME_FLAGS,
	FRAME_LINK,
	FRAME_STACK_SP,
	FRAME_STACK_FLAGS,
	FRAME_STACK_SIZE,
	FRAME_IP = 22,
	FRAME_SEGMENTS = 24, /* 16 bits each: cs, gs, fs, ss */
	FRAME_WORDS
};

static bool is_stack_memory(const struct smi_sys_mapping *m)
{
	return m->is_readable && m->is_writable && !m->is_executable &&
	       !m->is_shared;
}

static bool is_main_stack(const struct search *search, const char *name)
{
	return search->tid == search->pid && !strcmp(name, "[stack]");
}

/*
 * The main thread of a program has [stack]. Its thread-local memory may lie
 * beside any memory, such as that of a coroutine's stack which it is on, and be
 * one mapping with it. But a thread that forks has a child whose only thread is
 * on the same stack.
 */
static bool has_one_stack(const struct search *search)
{
	struct smi_proc_stat stat;

	return search->tid == search->pid &&
	       smi_proc_stat(search->pid, search->tid, &stat) == 0 &&
	       stat.has_executed;
}

static bool has_thread_block(const struct search *search,
			     const struct smi_sys_mapping *m)
{
	return search->thread_block > search->sp &&
	       search->thread_block < m->end && !has_one_stack(search);
}

static bool is_guard(const struct smi_sys_mapping *m)
{
	return !m->is_readable && !m->is_writable && !m->is_executable;
}

/* The mapping that holds the stack pointer, or the next one. */
static void judge(struct search *search, const struct smi_sys_mapping *m,
		  const char *name)
{
	bool is_main = is_main_stack(search, name);

	if (search->sp <= m->start || !is_stack_memory(m) ||
	    (!is_main && !has_thread_block(search, m)))
		return;
	search->start = m->start;
	search->end = m->end;
	search->has_hidden_end = !is_main && search->guard_end != m->start;
}

/* Return: 1 at the mapping that holds the stack pointer. */
static int visit(void *opaque, const struct smi_process_mapping *mapping)
{
	struct search *search = opaque;
	const struct smi_sys_mapping m = {
		.start = mapping->start,
		.end = mapping->end,
		.is_shared = mapping->is_shared,
		.is_readable = mapping->is_readable,
		.is_writable = mapping->is_writable,
		.is_executable = mapping->is_executable,
	};

	if (is_guard(&m))
		search->guard_end = m.end;
	if (search->sp >= m.end)
		return 0;
	judge(search, &m, mapping->name);
	return 1;
}

static int ask(int maps, struct search *search)
{
	struct smi_sys_mapping m, before;
	char name[NAME_BYTES];
	int ret = smi_sys_maps_query_named(maps, search->sp, &m, name,
					   sizeof(name));

	if (!ret && m.start)
		ret = smi_sys_maps_query(maps, m.start - 1, &before);
	if (ret < 0)
		return ret;
	if (m.start && is_guard(&before))
		search->guard_end = before.end;
	judge(search, &m, name);
	return 0;
}

/*
 * By two questions, for a program may have thousands of mappings; where the
 * kernel does not answer them (before Linux 6.11), from the text.
 */
static int find_stack(struct search *search)
{
	int maps = smi_proc_open(search->pid, "maps");
	int ret = maps < 0 ? maps : ask(maps, search);

	if (maps >= 0)
		close(maps);
	return ret < 0 ? smi_vmas_each(search->pid, visit, search) : 0;
}

static bool is_signal_frame(const uint64_t *words)
{
	uint64_t segments = words[FRAME_SEGMENTS];

	return words[FRAME_RESTORER] && words[FRAME_FLAGS] <= MOST_FLAGS &&
	       !words[FRAME_LINK] && words[FRAME_IP] &&
	       (segments & 0xffff) == USER_CS && segments >> 48 == USER_SS;
}

static bool is_on(const uint64_t *words, uint64_t sp)
{
	uint64_t bottom = words[FRAME_STACK_SP];

	return (uint32_t)words[FRAME_STACK_FLAGS] != IS_DISABLED &&
	       sp > bottom && sp - bottom <= words[FRAME_STACK_SIZE];
}

/* The bottom of the alternate stack it is on, if it is; else @otherwise. */
static uint64_t bottom_of_alternate(pid_t pid, uint64_t sp, uint64_t end,
				    uint64_t otherwise)
{
	static const size_t frame_bytes = FRAME_WORDS * sizeof(uint64_t);
	uint64_t words[SCANNED_BYTES / sizeof(uint64_t)];
	uint64_t at = sp & ~UINT64_C(7);
	uint64_t nbytes = end - at;

	if (nbytes > SCANNED_BYTES)
		nbytes = SCANNED_BYTES;
	if (!smi_memory_of_read(pid, at, words, (size_t)nbytes))
		return end; /* nothing is free */
	for (size_t i = 0; i * sizeof(words[0]) + frame_bytes <= nbytes; i++)
		if (is_signal_frame(words + i) && is_on(words + i, sp))
			return words[i + FRAME_STACK_SP];
	return otherwise;
}

uint64_t smi_x86_stack_free(pid_t pid, pid_t tid,
			    const struct user_regs_struct *regs)
{
	struct search search = {.pid = pid,
				.tid = tid,
				.sp = regs->rsp,
				.thread_block = regs->fs_base};
	uint64_t bottom, used_from = regs->rsp - SMI_X86_RED_ZONE_BYTES;

	if (find_stack(&search) < 0 || !search.end)
		return 0;
	if (search.has_hidden_end)
		search.start = smi_x86_guard_bottom(
			pid, search.start, search.sp, search.thread_block);
	if (!search.start)
		return 0;
	bottom = bottom_of_alternate(pid, search.sp, search.end, search.start);
	if (bottom < search.start)
		bottom = search.start;
	return used_from > bottom ? used_from - bottom : 0;
}
