/* SPDX-License-Identifier: MIT */
/*
 * Processes whose only thread has no stack to spare are let go with a sentence.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include "other.h"
#include "proc_of.h"
#include "sentence.h"
#include "support.h"
#include "tracker.h"

/* The one thread waits on a stack whose end is not known. */
static void wait_for_ever(void)
{
	for (;;)
		pause();
}

static bool wait_on_heap(void *opaque)
{
	static ucontext_t here, there;
	int *ready = opaque;

	getcontext(&there);
	there.uc_stack.ss_sp = malloc(1 << 20);
	there.uc_stack.ss_size = 1 << 20;
	makecontext(&there, wait_for_ever, 0);
	*ready = 1;
	swapcontext(&here, &there);
	return false;
}

/* For a compiler that warns of what never returns. */
static void (*volatile at_the_end)(void) = wait_for_ever;

static void recurse(unsigned int depth)
{
	volatile char filler[1024];

	filler[0] = (char)depth;
	if (depth)
		recurse(depth - 1);
	else
		at_the_end();
	filler[1] = filler[0];
}

/* Down to the last of what its stack has grown to. */
static bool use_up_stack(void *opaque)
{
	int *ready = opaque;

	*ready = 1;
	recurse(2000);
	return false;
}

/* As other_start, for what does not return. */
static void expect_no_thread(bool (*body)(void *opaque))
{
	int *ready = mmap(NULL, sizeof(*ready), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char sentence[200];
	pid_t pid;
	int ret;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(body(ready));
	}
	while (!*(volatile int *)ready || proc_of_state(pid) != 'S')
		usleep(100);
	do { /* -ETIMEDOUT: it was not given a processor */
		ret = tracker_attach(pid, 30, &err);
	} while (ret == -ETIMEDOUT);
	snprintf(sentence, sizeof(sentence),
		 "no thread of process %d can be used at this moment; of "
		 "thread %d: its stack is nearly used up, or has no known end",
		 (int)pid, (int)pid);
	expect_sentence(&err, ret, -EAGAIN, sentence);
	while (proc_of_state(pid) != 'S')
		usleep(100); /* it waits again */
	other_end(pid);
	munmap(ready, sizeof(*ready));
}

static void test_unknown_stack(void **state)
{
	expect_no_thread(wait_on_heap);
}

static void test_stack_used_up(void **state)
{
	expect_no_thread(use_up_stack);
}

TEST_MAIN(test_unknown_stack, test_stack_used_up)
