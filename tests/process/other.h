/* SPDX-License-Identifier: MIT */
/*
 * Processes in a state, for a moment.
 */
#ifndef TESTS_PROCESS_OTHER_H
#define TESTS_PROCESS_OTHER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * other_start - fork a process that runs @body and then waits to be killed
 * @body: false: the state is not possible here; NULL for none
 *
 * Returns when @body is done. Return: its id; 0 if the state is not possible.
 */
pid_t other_start(bool (*body)(void *opaque), void *opaque);

/* Kill it and wait for it; 0 is allowed. */
void other_end(pid_t pid);

/*
 * other_program - start a program that is given as bytes; it waits for ever
 *
 * Return: its id; 0 if this kernel does not run such programs.
 */
pid_t other_program(const void *bytes, size_t nbytes);

/* Has a child ended, which is not waited for yet? */
bool other_has_ended(pid_t pid);

#endif
