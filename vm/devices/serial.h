/* SPDX-License-Identifier: MIT */
/*
 * The serial port: a 16550 without interrupts at the ports 0x3f8-0x3ff, byte
 * accesses only.
 */
#ifndef VM_DEVICES_SERIAL_H
#define VM_DEVICES_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

struct smudge_error;
struct termios;

#define SERIAL_PORT_FIRST 0x3f8
#define SERIAL_PORT_LAST  0x3ff
#define SERIAL_FIFO_BYTES 16

/* The registers and the receive FIFO. */
struct serial_regs {
	uint8_t ier;
	uint8_t fcr;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t scr;
	uint8_t dll;
	uint8_t dlm;
	uint8_t overrun; /* 0 or 1: LSR's overrun bit */
	uint8_t fifo_len;
	uint8_t fifo[SERIAL_FIFO_BYTES];
};

struct serial {
	struct serial_regs regs;
	int in_fd;  /* -1: nothing to read (any more) */
	int out_fd; /* -1: output is dropped */
	bool owns_out;
	bool is_lossy;	    /* the loss of output was reported */
	bool is_stuck;	    /* the last write found no reader: do not wait */
	bool has_saved_tty; /* the terminal is to be restored */
	struct termios *saved_tty;
};

/* Is @spec one of "stdio", "null" and "file:PATH"? 0, or -EINVAL. */
int serial_check(const char *spec, struct smudge_error *err);

#endif
