/* SPDX-License-Identifier: MIT */
/*
 * Status, descriptors and mappings.
 */
#include "proc_of.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool find_line(const char *path, const char *key, char *line, int size)
{
	FILE *file = fopen(path, "r");
	bool is_found = false;

	if (!file)
		return false;
	while (!is_found && fgets(line, size, file))
		is_found = !strncmp(line, key, strlen(key));
	fclose(file);
	return is_found;
}

pid_t proc_of_tracer(pid_t pid, pid_t tid)
{
	char path[64], line[4096];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid,
		 (int)tid);
	if (!find_line(path, "TracerPid:", line, sizeof(line)))
		return 0;
	return (pid_t)strtol(line + strlen("TracerPid:"), NULL, 10);
}

static bool is_stopped(pid_t pid, pid_t tid)
{
	char path[64], line[4096];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid,
		 (int)tid);
	return find_line(path, "State:", line, sizeof(line)) &&
	       strpbrk(line + strlen("State:"), "tT");
}

static DIR *open_folder(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return opendir(path);
}

static bool are_threads_clean(pid_t pid, char *text, size_t size_bytes)
{
	DIR *folder = open_folder(pid, "task");
	const struct dirent *entry;
	bool is_clean = true;

	while (folder && is_clean && (entry = readdir(folder))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid <= 0)
			continue;
		while (proc_of_tracer(pid, tid))
			usleep(100);
		is_clean = !is_stopped(pid, tid);
		if (!is_clean)
			snprintf(text, size_bytes, "thread %d is stopped",
				 (int)tid);
	}
	if (folder)
		closedir(folder);
	return is_clean;
}

static unsigned int count_uffds(pid_t pid)
{
	DIR *folder = open_folder(pid, "fd");
	const struct dirent *entry;
	unsigned int n = 0;

	while (folder && (entry = readdir(folder))) {
		char link[64] = "";

		if (readlinkat(dirfd(folder), entry->d_name, link,
			       sizeof(link) - 1) > 0)
			n += !!strstr(link, "userfaultfd");
	}
	if (folder)
		closedir(folder);
	return n;
}

static bool has_protected_mapping(pid_t pid)
{
	char path[64], line[4096];
	bool is_found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	file = fopen(path, "r");
	while (file && !is_found && fgets(line, sizeof(line), file))
		is_found = !strncmp(line, "VmFlags:", 8) && strstr(line, " uw");
	if (file)
		fclose(file);
	return is_found;
}

bool proc_of_is_clean(pid_t pid, unsigned int nuffds, char *text,
		      size_t size_bytes)
{
	unsigned int n;

	if (!are_threads_clean(pid, text, size_bytes))
		return false;
	n = count_uffds(pid);
	if (n > nuffds)
		snprintf(text, size_bytes, "%u userfaultfds are open", n);
	else if (has_protected_mapping(pid))
		snprintf(text, size_bytes, "a mapping is still registered");
	else
		return true;
	return false;
}

char proc_of_thread_state(pid_t pid, pid_t tid)
{
	char path[64], line[128] = "";
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid,
		 (int)tid);
	file = fopen(path, "r");
	if (!file)
		return '\0';
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	end = strrchr(line, ')');
	return end ? end[2] : '\0';
}

char proc_of_state(pid_t pid)
{
	return proc_of_thread_state(pid, pid);
}
