/* SPDX-License-Identifier: MIT */
/*
 * The files that /proc has of a process and of its threads, without allocating
 * anything: what runs while a process stands may not (target.h).
 */
#ifndef LIB_PROCESS_PROC_H
#define LIB_PROCESS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Enough for the files named status and stat. */
#define SMI_PROC_TEXT_BYTES 8192

/* Of the file named stat. */
struct smi_proc_stat {
	char state; /* R, S, D, T, t, Z, X */
	bool is_kernel_thread;
	bool is_kernel_worker; /* of io_uring or vhost: it runs no user code */
	bool has_executed;     /* a program, since it was made by a fork */
	uint64_t nthreads;
	uint64_t start_time; /* clock ticks since boot */
};

/*
 * smi_proc_open - open /proc/@pid/@name for reading
 * smi_proc_open_thread - open /proc/@pid/task/@tid/@name for reading
 *
 * Return: the descriptor, or -errno: -ENOENT, -ESRCH (it has ended), -EACCES,
 * -EPERM (not allowed), -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_proc_open(pid_t pid, const char *name);
int smi_proc_open_thread(pid_t pid, pid_t tid, const char *name);

/*
 * smi_proc_read - read a file into @text, close it, and end the text with a 0
 * @fd: what smi_proc_open returned, a failure included
 *
 * What is longer is cut.
 * Return: the length without the 0, or -errno: that of opening, or -ESRCH,
 * -EIO.
 */
long smi_proc_read(int fd, char *text, size_t size_bytes);

/*
 * The number after "@key:" at the beginning of a line, or @otherwise. @base as
 * for strtoull(3).
 */
uint64_t smi_proc_number(const char *text, const char *key, int base,
			 uint64_t otherwise);

/* Return: 0, -errno of smi_proc_read, or -EIO (not the text expected). */
int smi_proc_stat(pid_t pid, pid_t tid, struct smi_proc_stat *ret_stat);

/*
 * Has this thread children that have not been waited for? false also where the
 * kernel does not tell (CONFIG_PROC_CHILDREN).
 */
bool smi_proc_has_children(pid_t pid, pid_t tid);

/* One line of a long file after the other. */
struct smi_proc_lines {
	int fd;
	size_t at, nbytes; /* of the buffer: the next line, and its end */
	char buffer[4608]; /* a path has at most 4096 */
};

/* The next line without its newline, or NULL: the end, or no more to read. */
char *smi_proc_next_line(struct smi_proc_lines *lines);

#endif
