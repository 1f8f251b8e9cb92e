/* SPDX-License-Identifier: MIT */
/*
 * How long a process stands when it is attached, and what attaching and
 * detaching take: an idle process, and smudge-vm with a guest on KVM that
 * writes without a pause. Times are of the wall: a process that stands does so
 * also while another one has the processor.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <smudge/smudge.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"

#define MAX_SAMPLES   1001
#define ABOVE_A_LIMIT 3 /* exit status */
#define READY	      "ready"
#define IDLE_BYTES    (UINT64_C(64) << 20)

static const struct setup {
	const char *name;
	bool is_vm;
	bool is_worst; /* the limit is of the worst sample, not the median */
	double must_us;
} setups[] = {
	{"idle process", false, false, 200},
	{"smudge-vm on KVM, guest writes", true, true, 30000},
};
#define NSETUPS (sizeof(setups) / sizeof(setups[0]))

struct samples {
	double attach_us[MAX_SAMPLES];
	double stood_us[MAX_SAMPLES];
	double detach_us[MAX_SAMPLES];
};

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1000;
}

static _Noreturn void idle(int ready)
{
	void *at = mmap(NULL, IDLE_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		_exit(1);
	memset(at, 'i', IDLE_BYTES);
	if (write(ready, READY, sizeof(READY) - 1) < 0)
		_exit(1);
	for (;;)
		pause();
}

/* A file beside this program's folder. Return: false if there is none. */
static bool find(const char *name, char *path, size_t bytes)
{
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return false;
	snprintf(path, bytes, "%s/../%s", dirname(self), name);
	return access(path, R_OK) == 0;
}

static _Noreturn void run_vm(const char *vm, const char *guest, int ready)
{
	dup2(ready, STDOUT_FILENO);
	dup2(STDIN_FILENO, STDERR_FILENO); /* what it chose */
	execl(vm, vm, "--engine", "kvm", "--memory", "256M", "--kernel", guest,
	      "--append", "working-set=64M passes=0", "--serial", "stdio",
	      NULL);
	_exit(1);
}

static _Noreturn void be_target(bool is_vm, const char *vm, const char *guest,
				int ready)
{
	/* it ends with this process */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(STDIN_FILENO);
	if (open("/dev/null", O_RDWR) != STDIN_FILENO)
		_exit(1);
	if (is_vm)
		run_vm(vm, guest, ready);
	idle(ready);
}

/* Until the target says that it is ready, or ends. */
static bool wait_ready(int fd)
{
	char text[512] = "";
	size_t n = 0;

	while (n < sizeof(text) - 1 && !strstr(text, READY)) {
		ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);

		if (got < 0 && errno == EINTR && !bench_interrupted)
			continue;
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return strstr(text, READY);
}

static void end_target(pid_t pid, int ready)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(ready);
}

/* Return: its process id, or 0 with a sentence. */
static pid_t start_target(const struct setup *setup, int *ret_ready,
			  const char **ret_why)
{
	char vm[PATH_MAX], guest[PATH_MAX];
	int ready[2];
	pid_t pid;

	*ret_why = "there is no smudge-vm beside this program";
	if (setup->is_vm &&
	    (!find("vm/smudge-vm", vm, sizeof(vm)) ||
	     !find("guests/scribble.elf", guest, sizeof(guest))))
		return 0;
	bench_must(pipe2(ready, O_CLOEXEC) < 0 ? -errno : 0, "a pipe");
	pid = fork();
	bench_must(pid < 0 ? -errno : 0, "fork");
	if (pid == 0)
		be_target(setup->is_vm, vm, guest, ready[1]);
	close(ready[1]);
	*ret_ready = ready[0];
	if (wait_ready(ready[0]))
		return pid;
	end_target(pid, ready[0]);
	*ret_why = "the target does not run";
	return 0;
}

/* Return: 0, or -errno with a sentence. */
static int sample(pid_t pid, struct samples *s, unsigned int i,
		  struct smudge_error *err)
{
	struct smudge_process_stats stats = {.size = sizeof(stats)};
	struct smudge_process *process;
	struct smudge_memory *memory;
	double begin_us;
	int ret;

	bench_must(smudge_memory_create(&memory), "a memory");
	begin_us = now_us();
	ret = smudge_process_open(memory, pid, NULL, &process, err);
	s->attach_us[i] = now_us() - begin_us;
	if (ret == 0) {
		smudge_process_stats(process, &stats);
		s->stood_us[i] = (double)stats.longest_stop_ns / 1000;
		begin_us = now_us();
		bench_must(smudge_process_close(process, err), err->message);
		s->detach_us[i] = now_us() - begin_us;
	}
	bench_must(smudge_memory_destroy(memory, NULL), "a memory's end");
	return ret;
}

static void print_times(const char *name, double *us, unsigned int n)
{
	double median = bench_median(us, n);

	/* sorted by now */
	printf(bench_settings.is_json
		       ? ", \"%s\": {\"median\": %.1f, \"min\": %.1f, "
			 "\"max\": %.1f}"
		       : "  %s: median %.1f, from %.1f to %.1f\n",
	       name, median, us[0], us[n - 1]);
}

/* One sample is not judged. */
static bool is_missed(const struct setup *setup, const struct samples *s,
		      unsigned int n)
{
	double us = setup->is_worst ? s->stood_us[n - 1] : s->stood_us[n / 2];

	return n > 1 && us >= setup->must_us;
}

/* Return: is it above the limit? */
static bool print(const struct setup *setup, struct samples *s, unsigned int n)
{
	const char *of = setup->is_worst ? "max" : "median";
	bool missed;

	bench_progress_clear();
	printf(bench_settings.is_json ? "{\"case\": \"%s\", \"samples\": %u"
				      : "%s, %u times\n",
	       setup->name, n);
	print_times("attach_us", s->attach_us, n);
	print_times("stood_us", s->stood_us, n);
	print_times("detach_us", s->detach_us, n);
	missed = is_missed(setup, s, n);
	if (!bench_settings.is_json)
		printf("  stood_us, %s, must be below %.0f: %s\n", of,
		       setup->must_us, missed ? "it is not" : "it is");
	else if (n > 1)
		printf(", \"must_us\": %.0f, \"must_of\": \"%s\", \"is_met\": "
		       "%s}\n",
		       setup->must_us, of, missed ? "false" : "true");
	else
		puts("}");
	fflush(stdout);
	return missed;
}

static void skip(const struct setup *setup, const char *why)
{
	bench_progress_clear();
	printf(bench_settings.is_json
		       ? "{\"case\": \"%s\", \"skipped\": \"%s\"}\n"
		       : "%s: skipped: %s\n",
	       setup->name, why);
}

/* Return: is it above the limit? */
static bool measure(const struct setup *setup)
{
	static struct samples samples;
	unsigned int n = bench_settings.nsamples;
	struct smudge_error err = {0};
	const char *why;
	int ready, ret = 0;
	pid_t pid;

	bench_progress_case("%s", setup->name);
	pid = start_target(setup, &ready, &why);
	if (!pid) {
		skip(setup, why);
		return false;
	}
	for (unsigned int i = 0; i < n && !ret && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		ret = sample(pid, &samples, i, &err);
	}
	end_target(pid, ready);
	if (ret < 0 && !bench_interrupted)
		skip(setup, err.message);
	return !ret && !bench_interrupted && print(setup, &samples, n);
}

static const struct bench_program program = {
	.name = "bench-process",
	.usage = "usage: bench-process [options]\n"
		 "  --json        one JSON object per line: case, attach_us,\n"
		 "                stood_us, detach_us\n"
		 "  --full        as --samples 1001\n"
		 "  --quick       one sample: does it run?\n"
		 "  --samples N   attachments: 1 to 1001, default 200\n"
		 "  --help        this text\n"
		 "Exit status: 3 if a process stands longer than it may; one\n"
		 "sample is not judged.\n",
	.nsamples = 200,
	.nsamples_full = MAX_SAMPLES,
	.max_samples = MAX_SAMPLES,
};

int main(int argc, char **argv)
{
	bool is_missed = false;
	int status;

	bench_begin_only(&program, argc, argv);
	for (size_t i = 0; i < NSETUPS && !bench_interrupted; i++)
		is_missed |= measure(&setups[i]);
	status = bench_end();
	return status || !is_missed ? status : ABOVE_A_LIMIT;
}
