/* SPDX-License-Identifier: MIT */
/*
 * A guest of QEMU. It ends with this process, however that ends.
 */
#include "checkpoint_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

#define READY_MS     120000
#define READY_KVM_MS 15000 /* an emulated KVM is slower than TCG */
#define READY	     'r'

static void *read_beats(void *opaque)
{
	struct checkpoint_guest *guest = opaque;
	double last_ms = checkpoint_now_ms();
	char beats[4096];
	ssize_t n;

	while ((n = read(guest->beats_fd, beats, sizeof(beats))) > 0) {
		double now_ms = checkpoint_now_ms();
		int64_t gap_ns = (int64_t)((now_ms - last_ms) * 1e6);

		if (atomic_load_explicit(&guest->longest_ns,
					 memory_order_relaxed) < gap_ns)
			atomic_store_explicit(&guest->longest_ns, gap_ns,
					      memory_order_relaxed);
		atomic_fetch_add_explicit(&guest->nbeats, (uint64_t)n,
					  memory_order_relaxed);
		if (memchr(beats, READY, (size_t)n))
			atomic_store_explicit(&guest->is_ready, true,
					      memory_order_relaxed);
		last_ms = now_ms;
	}
	return NULL;
}

double checkpoint_guest_stood_ms(struct checkpoint_guest *guest)
{
	return (double)atomic_exchange_explicit(&guest->longest_ns, 0,
						memory_order_relaxed) /
	       1e6;
}

/* What differs between guests. */
struct arguments {
	char memory[96], size[32], socket[160], drive[PATH_MAX + 64];
};

static void fill(struct arguments *arguments,
		 const struct checkpoint_guest *guest, uint64_t mib,
		 const char *disk)
{
	snprintf(arguments->memory, sizeof(arguments->memory),
		 "memory-backend-memfd,id=mem,size=%juM,share=on,prealloc=on",
		 (uintmax_t)mib);
	snprintf(arguments->size, sizeof(arguments->size), "%juM",
		 (uintmax_t)mib);
	snprintf(arguments->socket, sizeof(arguments->socket),
		 "unix:%s,server=on,wait=off", guest->socket);
	snprintf(arguments->drive, sizeof(arguments->drive),
		 "if=none,id=disk,format=qcow2,file=%s", disk ? disk : "");
}

static void spawn(struct checkpoint_guest *guest, const char *work,
		  uint64_t mib, const char *disk)
{
	struct arguments arguments;
	/* clang-format off */
	const char *const command[] = {
		"setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64",
		"-machine", "q35,memory-backend=mem",
		"-accel", guest->accelerator,
		"-object", arguments.memory, "-m", arguments.size,
		"-nodefaults", "-no-user-config", "-display", "none",
		"-kernel", checkpoint_beside("guests/stock/beat.elf"),
		"-append", work,
		"-chardev", "stdio,id=beats,signal=off",
		"-device", "isa-debugcon,iobase=0xe9,chardev=beats",
		"-qmp", arguments.socket,
		disk ? "-drive" : NULL, arguments.drive, NULL};
	/* clang-format on */

	fill(&arguments, guest, mib, disk);
	guest->pid = checkpoint_spawn(command, &guest->beats_fd, "qemu.err");
}

/* It stays a zombie. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) <
		       0 ||
	       info.si_pid == pid;
}

/* Return: false: it ended, it is too slow, or it was interrupted. */
static bool wait_until_ready(struct checkpoint_guest *guest, double within_ms)
{
	const struct timespec span = {.tv_nsec = 20000000};
	double begin_ms = checkpoint_now_ms();

	while (!atomic_load_explicit(&guest->is_ready, memory_order_relaxed)) {
		if (bench_interrupted ||
		    checkpoint_now_ms() - begin_ms > within_ms ||
		    has_ended(guest->pid))
			return false;
		nanosleep(&span, NULL);
	}
	(void)checkpoint_guest_stood_ms(guest);
	return true;
}

static bool start(struct checkpoint_guest *guest, const char *accelerator,
		  const char *work, uint64_t mib, const char *disk)
{
	*guest = (struct checkpoint_guest){.accelerator = accelerator};
	snprintf(guest->socket, sizeof(guest->socket), "%s/qmp",
		 checkpoint_place());
	unlink(guest->socket);
	spawn(guest, work, mib, disk);
	if (guest->pid < 0)
		return false;
	bench_must(-pthread_create(&guest->reader, NULL, read_beats, guest),
		   "a thread");
	if (wait_until_ready(guest, strcmp(accelerator, "kvm") == 0
					    ? READY_KVM_MS
					    : READY_MS))
		return true;
	checkpoint_guest_stop(guest);
	return false;
}

bool checkpoint_guest_start(struct checkpoint_guest *guest, const char *name,
			    const char *work, uint64_t mib, const char *disk)
{
	static bool is_kvm_slow;
	char why[256];

	if (access(checkpoint_beside("guests/stock/beat.elf"), R_OK) < 0) {
		checkpoint_skip(name, "there is no guest for it");
		return false;
	}
	if (bench_settings.scope == BENCH_QUICK ||
	    access("/dev/kvm", R_OK | W_OK) < 0)
		is_kvm_slow = true;
	if (!is_kvm_slow && start(guest, "kvm", work, mib, disk))
		return true;
	is_kvm_slow = true;
	if (bench_interrupted || start(guest, "tcg", work, mib, disk))
		return !bench_interrupted;
	if (!bench_interrupted)
		checkpoint_skip(name, checkpoint_last_line("qemu.err", why,
							   sizeof(why)));
	return false;
}

void checkpoint_guest_stop(struct checkpoint_guest *guest)
{
	kill(guest->pid, SIGKILL);
	while (waitpid(guest->pid, NULL, 0) < 0 && errno == EINTR)
		;
	pthread_join(guest->reader, NULL);
	close(guest->beats_fd);
}

/* Up to a line that has @word. Return: false: it has "error", or the end. */
static bool read_reply(FILE *in, const char *word)
{
	char line[4096];

	while (fgets(line, sizeof(line), in)) {
		if (strstr(line, "\"error\"") || strstr(line, "Error"))
			return false;
		if (strstr(line, word))
			return true;
	}
	return false;
}

bool checkpoint_guest_command(struct checkpoint_guest *guest,
			      const char *command)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	bool is_done = false;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", guest->socket);
	if (!in || connect(fd, (const void *)&at, sizeof(at)) < 0)
		goto end;
	if (!read_reply(in, "\"QMP\"") ||
	    dprintf(fd, "{\"execute\": \"qmp_capabilities\"}\n") < 0 ||
	    !read_reply(in, "\"return\"") ||
	    dprintf(fd,
		    "{\"execute\": \"human-monitor-command\", "
		    "\"arguments\": {\"command-line\": \"%s\"}}\n",
		    command) < 0)
		goto end;
	is_done = read_reply(in, "\"return\"");
end:
	if (in)
		fclose(in);
	return is_done;
}
