/* SPDX-License-Identifier: MIT */
/*
 * A smudge-vm that begins with a checkpoint: how long from the start of the
 * process until its guest runs, lazily and with all memory first, how long a
 * page is waited for, and how long until all is in. Two sizes: the large one
 * holds little.
 *
 * QMP is served once the guest runs, so its greeting ends the first time.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"
#include "checkpoint_tool.h"

#define NAME	    "vm"
#define LOOK_NS	    100000
#define PATIENCE_MS 60000

struct size {
	const char *memory, *append;
	char what[4][64];
	struct checkpoint_times lazy, eager, wait, all;
};

struct vm {
	pid_t pid;
	int out;
	FILE *qmp; /* NULL: it does not answer */
	char line[8192];
};

static void nap(void)
{
	const struct timespec span = {.tv_nsec = LOOK_NS};

	nanosleep(&span, NULL);
}

static int connect_to(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (const void *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A line that has @word; false: the connection is over. */
static bool read_line(struct vm *vm, const char *word)
{
	while (vm->qmp && fgets(vm->line, sizeof(vm->line), vm->qmp))
		if (strstr(vm->line, word))
			return true;
	return false;
}

/* The socket is there once it listens. Return: -1: it ended, or is too slow. */
static int wait_for_socket(const struct vm *vm, const char *path)
{
	double begin_ms = checkpoint_now_ms();
	int fd = -1;

	while (fd < 0 && checkpoint_now_ms() - begin_ms < PATIENCE_MS &&
	       waitpid(vm->pid, NULL, WNOHANG) == 0) {
		fd = connect_to(path);
		if (fd < 0)
			nap();
	}
	return fd;
}

/* Until it answers. @options: of the program, NULL behind the last one. */
static void start(struct vm *vm, const struct size *size,
		  const char *const *options)
{
	const char *socket_path = checkpoint_path("qmp");
	char qmp[160];
	const char *command[24] = {checkpoint_beside("vm/smudge-vm"),
				   "-m",
				   size->memory,
				   "--qmp",
				   qmp,
				   "--serial",
				   "stdio"};
	int fd;

	snprintf(qmp, sizeof(qmp), "unix:%s", socket_path);
	for (size_t i = 0; options[i]; i++)
		command[5 + i] = options[i];
	unlink(socket_path);
	vm->pid = checkpoint_spawn(command, &vm->out, "vm.err");
	bench_must(vm->pid < 0 ? -ENOENT : 0, "smudge-vm");
	fd = wait_for_socket(vm, socket_path);
	vm->qmp = fd < 0 ? NULL : fdopen(fd, "r+");
	if (!read_line(vm, "\"QMP\""))
		vm->line[0] = '\0';
}

static bool ask(struct vm *vm, const char *command)
{
	return vm->qmp && dprintf(fileno(vm->qmp), "%s\n", command) > 0 &&
	       read_line(vm, "\"return\"");
}

static double number(const struct vm *vm, const char *name)
{
	const char *at = strstr(vm->line, name);

	at = at ? strchr(at, ':') : NULL;
	return at ? strtod(at + 1, NULL) : -1;
}

static void stop(struct vm *vm)
{
	if (vm->qmp)
		fclose(vm->qmp);
	kill(vm->pid, SIGKILL);
	while (waitpid(vm->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(vm->out);
}

/* Its guest has written all of its working set. */
static bool wait_for_pass(struct vm *vm, const char *serial)
{
	char text[4096] = "";

	while (!strstr(text, "pass 1 ") && !bench_interrupted &&
	       waitpid(vm->pid, NULL, WNOHANG) == 0) {
		FILE *in = fopen(serial, "re");
		size_t n = in ? fread(text, 1, sizeof(text) - 1, in) : 0;

		text[n] = '\0';
		if (in)
			fclose(in);
		nap();
	}
	return strstr(text, "pass 1 ");
}

/* One full layer. */
static bool make(const struct size *size, const char *folder)
{
	char kernel[4096], command[512], serial[300], file[310];
	const char *const options[] = {"--kernel",   kernel,	 "--append",
				       size->append, "--serial", file,
				       NULL};
	struct vm vm;
	bool is_saved;

	snprintf(kernel, sizeof(kernel), "%s",
		 checkpoint_beside("guests/scribble.elf"));
	snprintf(serial, sizeof(serial), "%s", checkpoint_path("serial"));
	snprintf(file, sizeof(file), "file:%s", serial);
	snprintf(command, sizeof(command),
		 "{\"execute\": \"x-smudge-checkpoint\", \"arguments\": "
		 "{\"folder\": \"%s\"}}",
		 folder);
	start(&vm, size, options);
	is_saved = wait_for_pass(&vm, serial) &&
		   ask(&vm, "{\"execute\": \"qmp_capabilities\"}") &&
		   ask(&vm, command) && read_line(&vm, "\"completed\"");
	stop(&vm);
	unlink(serial);
	return is_saved;
}

/* The mean wait is noted, too. */
static void wait_until_all(struct size *size, struct vm *vm)
{
	double faults;

	bench_must(ask(vm, "{\"execute\": \"qmp_capabilities\"}") ? 0 : -EIO,
		   "smudge-vm's QMP");
	do
		nap();
	while (ask(vm, "{\"execute\": \"query-x-smudge-lazy\"}") &&
	       strstr(vm->line, "\"active\""));
	faults = number(vm, "\"faults\"");
	if (faults > 0)
		checkpoint_add(&size->wait,
			       number(vm, "\"total-fault-ns\"") / faults / 1e6);
}

static void measure_lazy(struct size *size, const char *folder)
{
	const char *const options[] = {"--restore", folder, "--lazy",
				       "--serial",  "null", NULL};
	double begin_ms = checkpoint_now_ms();
	struct vm vm;

	start(&vm, size, options);
	checkpoint_add(&size->lazy, checkpoint_now_ms() - begin_ms);
	wait_until_all(size, &vm);
	checkpoint_add(&size->all, checkpoint_now_ms() - begin_ms);
	stop(&vm);
}

static void measure_eager(struct size *size, const char *folder)
{
	const char *const options[] = {"--restore", folder, "--serial", "null",
				       NULL};
	double begin_ms = checkpoint_now_ms();
	struct vm vm;

	start(&vm, size, options);
	checkpoint_add(&size->eager, checkpoint_now_ms() - begin_ms);
	stop(&vm);
}

static void name_rows(struct size *size)
{
	static const char *const what[] = {
		"until the guest runs", "until the guest runs, in ms",
		"wait for a page, mean", "until all is in"};

	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		snprintf(size->what[i], sizeof(size->what[i]), "%s: %s",
			 size->memory, what[i]);
}

static void print(const struct size *size)
{
	const struct checkpoint_row rows[] = {
		{NAME, size->what[0], &size->lazy, "all memory first",
		 &size->eager, 0, 0, NULL},
		{NAME, size->what[1], &size->lazy, NULL, NULL, 10, 10, NULL},
		{NAME, size->what[2], &size->wait, NULL, NULL, 1, 0.3, NULL},
		{NAME, size->what[3], &size->all, "all memory first",
		 &size->eager, 0, 0, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].times->n)
			checkpoint_print(&rows[i]);
}

static void skip(void)
{
	char why[256];

	checkpoint_skip(NAME, checkpoint_last_line("vm.err", why, sizeof(why)));
}

static void measure(struct size *size)
{
	unsigned int n = bench_settings.nsamples;
	char folder[256];

	snprintf(folder, sizeof(folder), "%s", checkpoint_path("vm"));
	bench_progress_case("smudge-vm");
	if (!make(size, folder)) {
		skip();
		return;
	}
	name_rows(size);
	for (unsigned int i = 0; i < n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		measure_lazy(size, folder);
		measure_eager(size, folder);
	}
	print(size);
	checkpoint_remove_folder(folder);
}

void checkpoint_case_vm(void)
{
	bool is_quick = bench_settings.scope == BENCH_QUICK;
	static struct size sizes[] = {
		{.memory = "512M", .append = "working-set=384M"},
		{.memory = "8G", .append = "working-set=64M"},
	};

	if (is_quick)
		sizes[0] = (struct size){.memory = "64M",
					 .append = "working-set=16M"};
	if (!is_quick && !checkpoint_has_memory(NAME, UINT64_C(2) << 30))
		return;
	for (size_t i = 0; i < (is_quick ? 1 : 2) && !bench_interrupted; i++)
		measure(&sizes[i]);
	checkpoint_place_remove();
}
