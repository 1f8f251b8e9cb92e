/* SPDX-License-Identifier: MIT */
/*
 * Lines on standard error. A reader that does not read them holds nothing up.
 */
#ifndef VM_BASE_SAY_H
#define VM_BASE_SAY_H

/*
 * say - one line on stderr, after "smudge-vm: "
 *
 * Blocks: 0.2 s at most, when stderr takes nothing. Lines are dropped from
 * then on until it takes something again.
 * Threads: any.
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
