/* SPDX-License-Identifier: MIT */
/*
 * smudge checkpoint as a user runs it, and other programs whose output is read.
 */
#ifndef BENCH_CHECKPOINT_TOOL_H
#define BENCH_CHECKPOINT_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <sys/types.h>

/* A file of this build, by its path there; valid until the next call. */
const char *checkpoint_beside(const char *path);

/*
 * checkpoint_spawn - start a program
 * @command: of strings, NULL behind the last one
 * @ret_out: its standard output, to be closed
 * @errors: a file in checkpoint_place() that receives its standard error
 *
 * Return: its number, or -1: there is no such program.
 */
pid_t checkpoint_spawn(const char *const *command, int *ret_out,
		       const char *errors);

/* The last line of such a file. Return: @line. */
const char *checkpoint_last_line(const char *errors, char *line, size_t size);

/* A series of checkpoints, a second apart. */
struct checkpoint_tool {
	pid_t pid;
	FILE *out;
	char line[8192]; /* of the layer that came last */
};

/*
 * checkpoint_tool_start - of what
 * @option: "--pid" or "--qemu"
 * @folder: of the layers; what is in it is removed
 * @look_ahead: "--look-ahead", or NULL
 */
void checkpoint_tool_start(struct checkpoint_tool *tool, const char *option,
			   const char *which, const char *folder,
			   const char *look_ahead);

/* Wait for a layer. Return: false: it has ended, or it was interrupted. */
bool checkpoint_tool_next(struct checkpoint_tool *tool);

/* A number of the layer that came last, by its name; -1: it has none. */
double checkpoint_tool_number(const struct checkpoint_tool *tool,
			      const char *name);

/* End it. Why it had ended, if it had, is said in a row for @name. */
void checkpoint_tool_stop(struct checkpoint_tool *tool, const char *name);

#endif
