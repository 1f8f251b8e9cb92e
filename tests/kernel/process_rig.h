/* SPDX-License-Identifier: MIT */
/*
 * A process that does what a test tells it, tracked from outside.
 *
 * The child has a userfaultfd that it makes itself when it is asked for one,
 * so these tests need no ptrace: what is injected has tests of its own.
 */
#ifndef TESTS_KERNEL_PROCESS_RIG_H
#define TESTS_KERNEL_PROCESS_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <smudge/client.h>
#include <smudge/process.h>

#include "process/open.h"

#define RIG_PAGE 4096

struct process_rig {
	pid_t pid;
	int socket;
	struct smudge_memory *memory;
	struct smudge_process *process;
	struct smudge_client *client;
};

extern const struct smi_process_means process_rig_means;

/* Start the child; nothing is tracked yet. */
void process_rig_start(struct process_rig *r);
/* Track it, for one client of all regions; everything is clean then. */
void process_rig_track(struct process_rig *r,
		       const struct smudge_process_options *options);
/* Close what is open; the child ends if it has not. */
void process_rig_stop(struct process_rig *r);

/* Calls that the child makes; each fails the test unless it succeeds. */
uint64_t rig_mmap(struct process_rig *r, uint64_t at, uint64_t bytes, int prot,
		  int flags, int fd);
/* The same where it may be refused: then what was there has gone. */
bool rig_can_mmap(struct process_rig *r, uint64_t at, uint64_t bytes, int prot,
		  int flags, int fd);
void rig_munmap(struct process_rig *r, uint64_t at, uint64_t bytes);
uint64_t rig_mremap(struct process_rig *r, uint64_t from, uint64_t bytes,
		    uint64_t to_bytes, uint64_t to);
void rig_mprotect(struct process_rig *r, uint64_t at, uint64_t bytes, int prot);
void rig_madvise(struct process_rig *r, uint64_t at, uint64_t bytes,
		 int advice);
/* A memfd of the child's; its descriptor there. */
int rig_memfd(struct process_rig *r, uint64_t bytes);
/* Store @value to each byte of a page; or read one byte. */
void rig_store(struct process_rig *r, uint64_t at, uint8_t value);
uint8_t rig_load(struct process_rig *r, uint64_t at);
/* Fork a child that stores to @at and ends. */
void rig_fork_store(struct process_rig *r, uint64_t at);
/* Execute this test program again, as a child that obeys. */
void rig_exec(struct process_rig *r);
/* End, and be a zombie. */
void rig_exit(struct process_rig *r);
/* Make a userfaultfd of its own and register memory with it. */
void rig_own_uffd(struct process_rig *r, uint64_t at, uint64_t bytes);
/* Grow the heap by brk(2); the old end. */
uint64_t rig_sbrk(struct process_rig *r, int64_t bytes);
/* Any system call; @a and @b are numbers, or addresses there. -1: it failed. */
int64_t rig_syscall(struct process_rig *r, long number, uint64_t a, uint64_t b);

/* Call this first in main: a child that was executed never returns from it. */
void process_rig_main(int argc, char **argv);

/* All of these must succeed. */
void rig_harvest(struct process_rig *r);
void rig_look(struct process_rig *r);
/* Take and commit everything of all regions. */
void rig_clean(struct process_rig *r);
struct smudge_process_stats rig_stats(struct process_rig *r);

/* The region that has the address, or NULL. */
struct smudge_region *rig_region(struct process_rig *r, uint64_t at);
bool rig_is_dirty(struct process_rig *r, uint64_t at);
/* Dirty pages in a range of addresses, all in regions. */
uint64_t rig_count(struct process_rig *r, uint64_t at, uint64_t bytes);
/* Read one byte through smudge_region_read_bytes. */
uint8_t rig_read(struct process_rig *r, uint64_t at);

/*
 * A case that begins with open_rig() and ends with close_rig(): not as cmocka's
 * fixtures, which cannot be skipped.
 */
#define RIG_CASE(name)                        \
	static void case_##name(void **state) \
	{                                     \
		open_rig();                   \
		name();                       \
		close_rig();                  \
	}

/* TEST_MAIN, for a program that is a rig's child when it is executed. */
#define RIG_MAIN(...)                                                      \
	int main(int argc, char **argv)                                    \
	{                                                                  \
		const CMUnitTestFunction test_functions[] = {__VA_ARGS__}; \
                                                                           \
		process_rig_main(argc, argv);                              \
		return test_run(test_functions,                            \
				sizeof(test_functions) /                   \
					sizeof(test_functions[0]),         \
				#__VA_ARGS__, NULL, NULL);                 \
	}

#endif
