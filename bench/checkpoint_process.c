/* SPDX-License-Identifier: MIT */
/*
 * A process of 1 GiB that writes 2 % of it per second, checkpointed once per
 * second, beside gcore: how long it stood, by its own clock, which it looks at
 * each millisecond.
 */
#include "checkpoint_outside.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"
#include "checkpoint_tool.h"

#define NAME	"process"
#define BEAT_NS 1000000

struct process {
	pid_t pid;
	uint64_t npages, npages_ps;
	/* shared with it: the longest time between two looks at the clock */
	_Atomic int64_t *longest_ns;
};

void checkpoint_settle(void)
{
	const struct timespec span = {.tv_nsec = 50000000};

	nanosleep(&span, NULL);
}

int checkpoint_gcore(pid_t pid)
{
	char prefix[128], core[160], number[16];
	const char *const command[] = {"gcore", "-o", prefix, number, NULL};
	bool is_there;

	snprintf(prefix, sizeof(prefix), "%s", checkpoint_path("core"));
	snprintf(number, sizeof(number), "%d", (int)pid);
	snprintf(core, sizeof(core), "%s.%s", prefix, number);
	is_there = checkpoint_run(command) >= 0 && access(core, R_OK) == 0;
	unlink(core);
	return is_there;
}

static int64_t now_ns(void)
{
	return (int64_t)(checkpoint_now_ms() * 1e6);
}

/* What runs in it. */
static _Noreturn void write_and_look(const struct process *process,
				     uint8_t *bytes, const uint64_t *pages)
{
	const struct timespec span = {.tv_nsec = BEAT_NS};
	int64_t begin_ns = now_ns();
	int64_t last_ns = begin_ns;
	uint64_t written = 0;

	for (;;) {
		int64_t at_ns = now_ns();
		double due = (double)(at_ns - begin_ns) *
			     (double)process->npages_ps / 1e9;

		if (at_ns - last_ns >
		    atomic_load_explicit(process->longest_ns,
					 memory_order_relaxed))
			atomic_store_explicit(process->longest_ns,
					      at_ns - last_ns,
					      memory_order_relaxed);
		last_ns = at_ns;
		for (; (double)written < due; written++)
			bytes[pages[written % process->npages] *
				      CHECKPOINT_PAGE +
			      64]++;
		nanosleep(&span, NULL);
	}
}

static void start(struct process *process)
{
	uint64_t nbytes = process->npages * CHECKPOINT_PAGE;
	uint64_t *pages;
	uint8_t *bytes;

	process->longest_ns =
		mmap(NULL, CHECKPOINT_PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bench_must(process->longest_ns == MAP_FAILED ? -errno : 0, "memory");
	atomic_init(process->longest_ns, INT64_MAX); /* it begins */
	process->pid = fork();
	bench_must(process->pid < 0 ? -errno : 0, "fork");
	if (process->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);
	bytes = mmap(NULL, nbytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pages = checkpoint_choose(process->npages, process->npages, 1);
	if (bytes == MAP_FAILED || !pages)
		_exit(1);
	checkpoint_fill_words(bytes, process->npages, 1);
	atomic_store_explicit(process->longest_ns, 0, memory_order_relaxed);
	write_and_look(process, bytes, pages);
}

static void stop(struct process *process)
{
	kill(process->pid, SIGKILL);
	while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		;
	munmap((void *)process->longest_ns, CHECKPOINT_PAGE);
}

static double stood_ms(const struct process *process)
{
	return (double)atomic_exchange_explicit(process->longest_ns, 0,
						memory_order_relaxed) /
	       1e6;
}

/* Until its memory is filled. */
static void wait_for(const struct process *process)
{
	while (!bench_interrupted &&
	       atomic_load_explicit(process->longest_ns,
				    memory_order_relaxed) == INT64_MAX)
		checkpoint_settle();
}

static void take_layers(const struct process *process, const char *look_ahead,
			struct checkpoint_times *stopped,
			struct checkpoint_times *stood)
{
	unsigned int n = bench_settings.nsamples;
	struct checkpoint_tool tool;
	char number[16];

	snprintf(number, sizeof(number), "%d", (int)process->pid);
	checkpoint_tool_start(&tool, "--pid", number, checkpoint_path(NAME),
			      look_ahead);
	if (checkpoint_tool_next(&tool)) { /* the full one */
		checkpoint_settle();
		(void)stood_ms(process);
	}
	for (unsigned int i = 0; i < n && checkpoint_tool_next(&tool); i++) {
		bench_progress_sample(i, n);
		checkpoint_settle();
		checkpoint_add(stopped,
			       checkpoint_tool_number(&tool, "stopped-ns") /
				       1e6);
		checkpoint_add(stood, stood_ms(process));
	}
	checkpoint_tool_stop(&tool, NAME);
	checkpoint_remove_folder(checkpoint_path(NAME));
}

static void take_cores(const struct process *process,
		       struct checkpoint_times *cores)
{
	unsigned int n = bench_settings.nsamples;

	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		(void)stood_ms(process);
		if (!checkpoint_gcore(process->pid)) {
			checkpoint_skip(NAME, "gcore: there is none");
			return;
		}
		checkpoint_settle();
		checkpoint_add(cores, stood_ms(process));
	}
}

void checkpoint_case_process(void)
{
	static struct checkpoint_times stopped, stood, cores, ahead,
		stood_ahead;
	const struct checkpoint_row rows[] = {
		{NAME, "stopped, as smudge says", &stopped, NULL, NULL, 0, 0,
		 NULL},
		{NAME, "the same with --look-ahead", &ahead, NULL, NULL, 5, 2,
		 NULL},
		{NAME, "stood for gcore", &cores, NULL, NULL, 0, 0, NULL},
		{NAME, "stood for a checkpoint", &stood, "gcore", &cores, 0.1,
		 0.1, NULL},
		{NAME, "stood with --look-ahead", &stood_ahead, "gcore", &cores,
		 0.1, 0.1, NULL},
	};
	bool is_quick = bench_settings.scope == BENCH_QUICK;
	struct process process = {
		.npages = is_quick ? 4096 : UINT64_C(1) << 18,
	};

	process.npages_ps = process.npages / 50;
	if (!is_quick && !checkpoint_has_memory(NAME, UINT64_C(4) << 30))
		return;
	bench_progress_case("a process");
	start(&process);
	wait_for(&process);
	take_layers(&process, NULL, &stopped, &stood);
	if (stopped.n)
		take_layers(&process, "--look-ahead", &ahead, &stood_ahead);
	bench_progress_case("gcore of a process");
	take_cores(&process, &cores);
	stop(&process);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		checkpoint_print(&rows[i]);
	checkpoint_place_remove();
}
