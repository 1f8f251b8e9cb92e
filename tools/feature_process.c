/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says about this process that may deny it something.
 */
#include "feature_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* PROC_USER_INIT_INO of the kernel */
#define INITIAL_USER_NAMESPACE 0xEFFFFFFDU

static void set(char text[24], const char *value)
{
	snprintf(text, 24, "%s", value);
}

static void take_line(struct feature_process *process, const char *line)
{
	static const char *const modes[] = {"none", "strict", "filter"};
	unsigned long long capabilities;
	unsigned int mode;

	if (sscanf(line, "Seccomp: %u", &mode) == 1 && mode < 3)
		set(process->seccomp, modes[mode]);
	if (sscanf(line, "CapEff: %llx", &capabilities) == 1) {
		snprintf(process->capabilities, sizeof(process->capabilities),
			 "%llx", capabilities);
		if (!capabilities)
			set(process->capabilities, "none");
	}
}

static void read_status(struct feature_process *process)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		take_line(process, line);
	fclose(file);
}

void feature_process_read(struct feature_process *process)
{
	struct utsname name;
	struct stat namespace;

	set(process->capabilities, "unknown");
	set(process->seccomp, "unknown");
	set(process->user_namespace, "unknown");
	snprintf(process->release, sizeof(process->release), "%s",
		 uname(&name) == 0 ? name.release : "unknown");
	process->uid = geteuid();
	read_status(process);
	if (stat("/proc/self/ns/user", &namespace) == 0)
		set(process->user_namespace,
		    namespace.st_ino == INITIAL_USER_NAMESPACE ? "initial"
							       : "another");
}
