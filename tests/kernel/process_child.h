/* SPDX-License-Identifier: MIT */
/*
 * The child that obeys a test (process_rig.h): what it can be asked for.
 */
#ifndef TESTS_KERNEL_PROCESS_CHILD_H
#define TESTS_KERNEL_PROCESS_CHILD_H

#include <stdint.h>

enum order {
	MMAP,
	MUNMAP,
	MREMAP,
	MPROTECT,
	MADVISE,
	MAKE_MEMFD,
	STORE,
	LOAD,
	FORK_STORE,
	EXEC,
	UFFD,
	OWN_UFFD,
	SBRK,
	SYSTEM_CALL,
	EXIT,
};

struct request {
	enum order order;
	uint64_t args[6];
};

/* Obey what comes by the socket, and end with it. */
void process_child_serve(int socket);

#endif
