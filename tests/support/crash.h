/* SPDX-License-Identifier: MIT */
/*
 * A test that crashes once in a thousand runs says where.
 */
#ifndef TESTS_SUPPORT_CRASH_H
#define TESTS_SUPPORT_CRASH_H

/*
 * crash_explain - a SIGSEGV or SIGBUS of this process, or of those that it
 *      forks, prints the address, the instruction and the mappings on stderr
 *      before it ends the process
 *
 * Called in the test itself: cmocka has handlers of its own before. They are
 * there again after the test.
 */
void crash_explain(void);

#endif
