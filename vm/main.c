/* SPDX-License-Identifier: MIT */
/*
 * smudge-vm: a small virtual machine monitor that tracks its guest's dirty
 * memory with smudge.
 *
 * The main thread builds the machine and waits: for the machine's wish to
 * exit, or for SIGINT, SIGTERM or SIGHUP, which are blocked everywhere and
 * read from a descriptor, so that no clean-up runs in a signal handler.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <smudge/error.h>

#include "config.h"
#include "control.h"
#include "machine.h"
#include "options.h"

#define STATUS_ERROR 1

static int report(const struct smudge_error *err)
{
	fprintf(stderr, "smudge-vm: %s\n", err->message);
	return STATUS_ERROR;
}

/* A descriptor that tells SIGINT, SIGTERM and SIGHUP. */
static int take_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void wait_for_end(struct machine *machine, int signal_fd)
{
	struct pollfd fds[] = {
		{.fd = machine_exit_fd(machine), .events = POLLIN},
		{.fd = signal_fd, .events = POLLIN},
	};

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (fds[1].revents)
		machine_request_exit(machine, MACHINE_EXIT_SIGNAL, 0);
}

static int exit_status(struct machine *machine)
{
	int status;

	switch (machine_exit_reason(machine, &status)) {
	case MACHINE_EXIT_TRIPLE_FAULT:
		fputs("smudge-vm: The guest shut its processor down (triple "
		      "fault).\n",
		      stderr);
		break;
	case MACHINE_EXIT_ERROR:
		/* a failed incoming migration has said why already */
		if (*machine_error(machine))
			fprintf(stderr, "smudge-vm: %s\n",
				machine_error(machine));
		break;
	default:
		break;
	}
	return status;
}

static int serve(struct machine *machine, const struct vm_options *options,
		 int signal_fd, struct smudge_error *err)
{
	struct control *control;
	int ret;

	ret = control_open(machine, options, &control, err);
	if (ret < 0)
		return report(err);
	fprintf(stderr, "smudge-vm: %s\n", machine_describe(machine));
	if (control_describe_vnc(control))
		fprintf(stderr, "smudge-vm: %s\n",
			control_describe_vnc(control));
	if (!options->paused_start && !options->incoming)
		machine_resume(machine);
	wait_for_end(machine, signal_fd);
	machine_pause(machine, MACHINE_PAUSED);
	ret = exit_status(machine);
	control_close(control);
	return ret;
}

static int run(const struct vm_options *options)
{
	struct smudge_error err = {0};
	struct machine *machine;
	int signal_fd = take_signals();
	int ret;

	if (signal_fd < 0) {
		perror("smudge-vm: signalfd");
		return STATUS_ERROR;
	}
	ret = machine_create(options, &machine, &err);
	if (ret < 0)
		goto close_signals;
	if (options->kernel)
		ret = machine_load_kernel(machine, options->kernel,
					  options->append, &err);
	if (ret == 0)
		ret = machine_start(machine, &err);
	if (ret == 0)
		ret = serve(machine, options, signal_fd, &err);
	machine_destroy(machine);
close_signals:
	close(signal_fd);
	return ret < 0 ? report(&err) : ret;
}

int main(int argc, char *argv[])
{
	struct smudge_error err = {0};
	struct vm_options options;
	int status;

	if (options_parse(argc, argv, &options, &status, &err) < 0) {
		report(&err);
		return status;
	}
	switch (options.action) {
	case VM_ACTION_HELP:
		fputs(options_help(), stdout);
		return 0;
	case VM_ACTION_VERSION:
		puts("smudge-vm " SMUDGE_VM_VERSION);
		return 0;
	case VM_ACTION_RUN:
		break;
	}
	return run(&options);
}
