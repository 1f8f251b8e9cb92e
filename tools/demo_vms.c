/* SPDX-License-Identifier: MIT */
/*
 * The demonstration's folder and its two virtual machines.
 */
#include "demo.h"

#include "clock.h"
#include "qmp_client.h"

#include <smudge/error.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define START_TIMEOUT_MS 20000
#define END_TIMEOUT_MS	 2000
#define FOLDER_NAME	 "/smudge-demo-XXXXXX"
#define LONGEST_NAME	 "/destination.qmp"
#define SCREEN_SIZE	 "640x400"
#define SCREEN_APPEND	 "frames=25 rate=25"

static int first_there(const char *folder, const char *const *names,
		       char ret_path[PATH_MAX])
{
	for (; *names; names++) {
		if (snprintf(ret_path, PATH_MAX, "%s/%s", folder, *names) <
			    PATH_MAX &&
		    access(ret_path, R_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

/* A folder that files can be made in. 0 or -1, with errno. */
static int check_folder(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	return access(path, W_OK | X_OK);
}

/* Can the files that the command line names be used? */
static int check_given(const struct demo_options *options,
		       struct smudge_error *err)
{
	const char *missing = NULL;

	if (options->vm && access(options->vm, X_OK) < 0)
		missing = options->vm;
	else if (options->guest && access(options->guest, R_OK) < 0)
		missing = options->guest;
	else if (options->screen && check_folder(options->screen) < 0)
		missing = options->screen;
	if (missing)
		return smudge_error_set(err, -errno, "demo",
					"%.100s cannot be used: %s", missing,
					strerror(errno));
	return 0;
}

int demo_find_programs(struct demo *demo, struct smudge_error *err)
{
	static const char *const vms[] = {"smudge-vm", "../vm/smudge-vm", NULL};
	static const char *const scribble[] = {
		"../guests/scribble.elf", "../share/smudge/scribble.elf", NULL};
	static const char *const paint[] = {"../guests/paint.elf",
					    "../share/smudge/paint.elf", NULL};
	const struct demo_options *options = &demo->options;
	char folder[PATH_MAX];
	int ret = check_given(options, err);

	if (ret)
		return ret;
	ret = process_own_folder(folder, sizeof(folder));
	if (ret)
		return smudge_error_set(err, ret, "demo",
					"cannot tell where smudge lies: %s",
					strerror(-ret));
	if (options->vm)
		snprintf(demo->vm_path, PATH_MAX, "%s", options->vm);
	else if (first_there(folder, vms, demo->vm_path))
		return smudge_error_set(err, -ENOENT, "demo",
					"smudge-vm is not beside %.100s; give "
					"its path with --vm",
					folder);
	if (options->guest)
		snprintf(demo->guest_path, PATH_MAX, "%s", options->guest);
	else if (first_there(folder, options->screen ? paint : scribble,
			     demo->guest_path))
		return smudge_error_set(err, -ENOENT, "demo",
					"%s.elf is not near %.100s; give its "
					"path with --guest",
					options->screen ? "paint" : "scribble",
					folder);
	return 0;
}

static bool put_path(const struct demo *demo, const char *prefix,
		     const char *name, const char *suffix,
		     char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s%s/%s%s", prefix, demo->folder,
			name, suffix) < PATH_MAX;
}

static bool name_files(const struct demo *demo, struct demo_vm *vm)
{
	return put_path(demo, "", vm->name, ".qmp", vm->qmp_path) &&
	       put_path(demo, "", vm->name, ".serial", vm->serial_path) &&
	       put_path(demo, "", vm->name, ".log", vm->log_path);
}

/* The folder holds sockets, and the kernel limits the length of their paths. */
static int check_room(const char *tmp, struct smudge_error *err)
{
	const size_t limit = sizeof(((struct sockaddr_un *)NULL)->sun_path) -
			     strlen(FOLDER_NAME LONGEST_NAME) - 1;
	size_t len = strlen(tmp);

	if (len <= limit)
		return 0;
	return smudge_error_set(err, -ENAMETOOLONG, "demo",
				"TMPDIR has %zu bytes, and the demonstration's "
				"sockets allow it %zu: %.60s...; set TMPDIR to "
				"a shorter one",
				len, limit, tmp);
}

int demo_make_folder(struct demo *demo, struct smudge_error *err)
{
	const char *tmp = getenv("TMPDIR");
	int ret;

	tmp = tmp && *tmp ? tmp : "/tmp";
	ret = check_room(tmp, err);
	if (ret)
		return ret;
	snprintf(demo->folder, PATH_MAX, "%s" FOLDER_NAME, tmp);
	if (!mkdtemp(demo->folder)) {
		ret = -errno;
		smudge_error_set(err, ret, "demo",
				 "cannot make a folder in TMPDIR, %.100s: %s",
				 tmp, strerror(-ret));
		demo->folder[0] = '\0';
		return ret;
	}
	demo->source.name = "source";
	demo->destination.name = "destination";
	if (!name_files(demo, &demo->source) ||
	    !name_files(demo, &demo->destination) ||
	    !put_path(demo, "unix:", "migration", ".sock", demo->uri))
		return smudge_error_set(err, -ENAMETOOLONG, "demo",
					"the paths in TMPDIR, %.60s..., are "
					"longer than %d bytes",
					tmp, PATH_MAX - 1);
	return 0;
}

/* The last line of a file, without its newline; "" when there is none. */
static void last_line(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");

	buf[0] = '\0';
	if (!file)
		return;
	while (fgets(buf, (int)size, file))
		;
	fclose(file);
	buf[strcspn(buf, "\n")] = '\0';
}

int demo_check_alive(struct demo_vm *vm, struct smudge_error *err)
{
	char line[160];

	if (process_alive(&vm->process))
		return 0;
	if (vm->process.signal)
		return smudge_error_set(err, -ECHILD, "demo",
					"the %s was killed by signal %d",
					vm->name, vm->process.signal);
	/* a guest that refuses its parameters prints that on its serial port */
	last_line(vm->log_path, line, sizeof(line));
	if (strstr(line, "smudge-vm: engine "))
		last_line(vm->serial_path, line, sizeof(line));
	return smudge_error_set(err, -ECHILD, "demo", "the %s ended: %s",
				vm->name, *line ? line : "it said nothing");
}

int demo_explain(struct demo *demo, struct smudge_error *err)
{
	struct demo_vm *vms[] = {&demo->source, &demo->destination};
	int64_t end_ms = clock_now_ms() + END_TIMEOUT_MS;
	struct smudge_error why = {0};

	if (strcmp(err->where, "qmp") != 0 || err->code == -EREMOTEIO ||
	    interrupted())
		return err->code;
	/* the socket closes a moment before the process ends */
	do {
		for (size_t i = 0; i < 2 && !why.code; i++)
			if (vms[i]->was_started)
				demo_check_alive(vms[i], &why);
		clock_sleep_ms(10);
	} while (!why.code && clock_now_ms() < end_ms);
	if (why.code)
		*err = why;
	return err->code;
}

/* Wait for the VM's control socket, and connect to it. */
static int wait_for_socket(struct demo_vm *vm, struct smudge_error *err)
{
	int64_t end_ms = clock_now_ms() + START_TIMEOUT_MS;
	int ret = 0;

	while (!ret && access(vm->qmp_path, F_OK) < 0) {
		ret = demo_check_alive(vm, err);
		if (!ret && interrupted())
			ret = smudge_error_set(err, -EINTR, "demo",
					       "interrupted");
		if (!ret && clock_now_ms() > end_ms)
			ret = smudge_error_set(err, -ETIMEDOUT, "demo",
					       "the %s does not start",
					       vm->name);
		clock_sleep_ms(10);
	}
	if (ret)
		return ret;
	return qmp_client_open(vm->qmp_path, START_TIMEOUT_MS, &vm->qmp, err);
}

/* @own: the arguments of this VM only, ended by NULL. */
static int start_vm(struct demo *demo, struct demo_vm *vm, const char *engine,
		    char *const own[], struct smudge_error *err)
{
	char qmp[PATH_MAX + 8];
	char serial[PATH_MAX + 8];
	char vnc[64];
	char *argv[32] = {
		demo->vm_path, "-m",	       (char *)demo->options.memory,
		"--engine",    (char *)engine, "--serial",
		serial,	       "--qmp",	       qmp};
	size_t n = 9;
	int ret = 0;

	snprintf(qmp, sizeof(qmp), "unix:%s", vm->qmp_path);
	snprintf(serial, sizeof(serial), "file:%s", vm->serial_path);
	if (demo->options.screen) {
		ret = demo_screen_choose(vm, err);
		demo_screen_option(vm, vnc, sizeof(vnc));
		argv[n++] = "--display";
		argv[n++] = SCREEN_SIZE;
		argv[n++] = "--vnc";
		argv[n++] = vnc;
	}
	while (*own)
		argv[n++] = *own++;
	if (!ret)
		ret = process_start(&vm->process, argv, vm->log_path, err);
	if (ret)
		return ret;
	vm->was_started = true;
	return wait_for_socket(vm, err);
}

int demo_start_source(struct demo *demo, struct smudge_error *err)
{
	char append[128] = SCREEN_APPEND;
	char *const own[] = {"--kernel", demo->guest_path, "--append", append,
			     NULL};

	if (!demo->options.screen)
		snprintf(append, sizeof(append), "working-set=%s rate=%" PRIu64,
			 demo->options.working_set, demo->options.rate_pps);
	return start_vm(demo, &demo->source, demo->options.engine, own, err);
}

int demo_start_destination(struct demo *demo, struct smudge_error *err)
{
	char *const own[] = {"--incoming", demo->uri, "-S", NULL};

	return start_vm(demo, &demo->destination, demo->options.dest_engine,
			own, err);
}

static void remove_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

static void end_vm(struct demo_vm *vm)
{
	demo_screen_look_away(vm);
	qmp_client_close(vm->qmp);
	vm->qmp = NULL;
	process_kill(&vm->process);
}

void demo_clean_up(struct demo *demo)
{
	end_vm(&demo->source);
	end_vm(&demo->destination);
	json_decref(demo->migration);
	json_decref(demo->stats);
	if (demo->folder[0])
		remove_folder(demo->folder);
	demo->folder[0] = '\0';
}
