/* SPDX-License-Identifier: MIT */
/*
 * The machine as its guests see it, in freestanding C.
 *
 * The loader enters guest_start() in 64-bit mode with RAM mapped one to one,
 * interrupts off, the command line's address in RDI and the size of RAM in
 * RSI. RAM is [0, 3 GiB); what is larger continues at 4 GiB. All vCPUs enter at
 * once, each with its number in RDX, the number of vCPUs in RCX, and a stack.
 */
#ifndef GUESTS_MACHINE_H
#define GUESTS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_PAGE_BYTES UINT64_C(4096)
#define GUEST_HOLE_START (UINT64_C(3) << 30)
#define GUEST_HOLE_BYTES (UINT64_C(1) << 30)
#define GUEST_TIMER_HZ	 UINT64_C(3579545)

/* The entry point, called by guest_start with the loader's arguments. */
void guest_main(const char *cmdline, uint64_t ram_bytes);

/* Called on the vCPUs 1 and up; they halt when it returns. */
void guest_secondary(uint32_t vcpu);

#define GUEST_MAX_VCPUS 8

/* How many vCPUs there are; set when guest_main is called. */
extern uint32_t guest_nvcpus;

/* The first free page after the image, from the linker script. */
extern char guest_end[];

/* A 32-bit counter of GUEST_TIMER_HZ; it wraps after 20 minutes. */
uint32_t guest_timer(void);

/* Wait until the counter has reached a value, at most 10 minutes ahead. */
void guest_timer_wait(uint32_t value);

/* Values for guest_exit: smudge-vm exits with 1 and 35. */
enum guest_exit {
	GUEST_EXIT_USAGE = 0,
	GUEST_EXIT_ERRORS = 0x11,
};

/* Halts if there were none: smudge-vm exits with 0. */
_Noreturn void guest_finish(uint64_t nerrors);

/* Ends the machine; smudge-vm exits with (value << 1) | 1. */
_Noreturn void guest_exit(uint8_t value);

void guest_put_text(const char *text);
/* At most @len bytes, unprintable ones as '?'. */
void guest_put_bytes(const char *text, size_t len);
void guest_put_number(uint64_t value);

#endif
