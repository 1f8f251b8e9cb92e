/* SPDX-License-Identifier: MIT */
/*
 * Lines on standard error, without being held up by who reads them.
 */
#ifndef VM_BASE_SAY_H
#define VM_BASE_SAY_H

/*
 * say - one line on stderr, after "smudge-vm: "
 *
 * Blocks: a fifth of a second at most, for a reader that takes nothing;
 * after that the lines are dropped until it takes something again.
 * Threads: any.
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
