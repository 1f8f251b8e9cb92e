/* SPDX-License-Identifier: MIT */
/*
 * Who changes the protections of memory. Two that do would undo each other's:
 * what a pager made inaccessible would be writable again, and show zeros.
 */
#ifndef LIB_SYS_PROTECTIONS_H
#define LIB_SYS_PROTECTIONS_H

#include <stdint.h>

enum smi_sys_protector {
	SMI_SYS_PROTECTOR_SOURCE, /* the mprotect source */
	SMI_SYS_PROTECTOR_PAGER,
};

/* The owner's, zeros at first. */
struct smi_sys_protections {
	struct smi_sys_protections *next, **link; /* link NULL: not claimed */
	uint64_t space;
	enum smi_sys_protector by;
	uint64_t start, end;
};

/*
 * smi_sys_protections_claim - [start, end) is @by's
 * @claim: stays where it is until it is released
 *
 * Blocks: on a lock. Threads: any.
 * Return: 0, -EBUSY: a part of it is the other one's, -ENOMEM.
 */
int smi_sys_protections_claim(struct smi_sys_protections *claim,
			      enum smi_sys_protector by, uint64_t start,
			      uint64_t end);

/* The range ends elsewhere. No effect if it is not claimed. */
void smi_sys_protections_resize(struct smi_sys_protections *claim,
				uint64_t end);

/* No effect if it is not claimed, or by a parent. */
void smi_sys_protections_release(struct smi_sys_protections *claim);

#endif
