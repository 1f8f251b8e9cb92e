/* SPDX-License-Identifier: MIT */
/*
 * Which address space is this? An object of the parent process is in a child's
 * memory too, but the kernel's part of it is the parent's alone.
 *
 * A page that the kernel wipes in a child of fork(2) holds a number. A process
 * id would not do: a process made by clone(CLONE_VM) has another one and the
 * same memory. The page also holds locks of objects that exist once per address
 * space: a lock that another thread held during the fork is free in the child.
 */
#ifndef LIB_SYS_SPACE_H
#define LIB_SYS_SPACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

enum smi_sys_space_lock {
	SMI_SYS_SPACE_SEGV,	   /* what SIGSEGV's handler finds */
	SMI_SYS_SPACE_SOFT_DIRTY,  /* the soft-dirty bits */
	SMI_SYS_SPACE_PROTECTIONS, /* who changes protections */
	SMI_SYS_SPACE_NLOCKS
};

/*
 * smi_sys_space_id - a number that no ancestor's address space has
 *
 * Blocks: no. Threads: any.
 * Return: the number, or 0: no memory for the page.
 */
uint64_t smi_sys_space_id(void);

/* Is it this address space's? False for 0. Threads: any, signal handlers. */
bool smi_sys_space_is(uint64_t id);

/*
 * smi_sys_space_check - was an object created in this address space?
 * @id: what smi_sys_space_id returned then; 0, when it had no number, passes
 * @where, @what: for the sentence, such as "memory"
 *
 * Cost: two loads. Blocks: no. Threads: any.
 * Return: 0, -EPERM.
 */
int smi_sys_space_check(uint64_t id, const char *where, const char *what,
			struct smudge_error *err);

/* After smi_sys_space_id has returned a number, in this process or a parent. */
pthread_mutex_t *smi_sys_space_mutex(enum smi_sys_space_lock which);

#endif
