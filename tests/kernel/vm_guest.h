/* SPDX-License-Identifier: MIT */
/*
 * A machine that runs scribble, or everything, for the machine's tests: its
 * serial port goes to a file in memory, from which the passes and errors are
 * read.
 */
#ifndef TESTS_KERNEL_VM_GUEST_H
#define TESTS_KERNEL_VM_GUEST_H

#include "support.h"

#include "machine/machine.h"

/* smudge-vm's exit status after the guest's own verdict. */
#define VM_GUEST_OK	0 /* it halted */
#define VM_GUEST_ERRORS ((0x11 << 1) | 1)

struct vm_guest {
	struct machine *machine;
	int serial_fd; /* what the guest said */
};

/* Skip the running test when the engine is not there. */
void vm_guest_need(const char *engine);

/*
 * A machine of 32 MiB. With @append it is loaded and started but not resumed,
 * without (NULL) it waits for a state. A failure fails the test.
 */
void vm_guest_open(struct vm_guest *guest, const char *engine,
		   const char *dirty, const char *append);
/* With everything and a display of 320x200; loaded, started, not resumed. */
void vm_guest_open_everything(struct vm_guest *guest, const char *engine,
			      const char *append);
void vm_guest_close(struct vm_guest *guest);

/* Passes that the guest has reported on this machine. */
unsigned int vm_guest_passes(struct vm_guest *guest);
/* Wait until it has reported @passes of them. */
void vm_guest_wait_passes(struct vm_guest *guest, unsigned int passes);
/* Wait until the guest ended; the exit status. */
int vm_guest_wait_end(struct vm_guest *guest);
/* Does the serial output have this text? */
bool vm_guest_said(struct vm_guest *guest, const char *text);

/* Both paused, and of one size. */
void vm_guest_copy_ram(struct vm_guest *from, struct vm_guest *to);

/* Pause @from, carry RAM and state over to @to, and run that. */
void vm_guest_move(struct vm_guest *from, struct vm_guest *to);

/* The words of a page of the working set, found in the paused guest's RAM. */
uint64_t *vm_guest_page(struct vm_guest *guest, uint32_t page);

/*
 * Pause a guest that visits the pages in order where it is at none of those
 * given: it would overwrite what it has verified already.
 */
void vm_guest_pause_elsewhere(struct vm_guest *guest, const uint32_t *pages,
			      size_t npages);

#endif
