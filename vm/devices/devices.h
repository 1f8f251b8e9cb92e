/* SPDX-License-Identifier: MIT */
/*
 * The devices: guest clock, timer, serial port, display, DMA engine and the
 * port dispatch.
 *
 * The machine's vCPU threads call them under `lock`; the guest clock has no
 * lock of its own. None of them raises interrupts (there is no controller):
 * guests poll.
 *
 * Ports: 0x3f8-0x3ff a 16550 (byte accesses only), 0x608 a free-running
 * 32-bit counter of 3.579545 MHz guest time, 0xf4 debug exit, and those of the
 * display (devices/framebuffer.h) and the DMA engine (devices/dma.h). Others
 * read as all ones and ignore writes.
 */
#ifndef VM_DEVICES_DEVICES_H
#define VM_DEVICES_DEVICES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#include "devices/framebuffer.h"
#include "devices/dma.h"

struct smudge_error;
struct vm_buf;

/* Nanoseconds of guest time: stands still while the machine is stopped. */
struct vm_clock {
	uint64_t before_ns; /* up to the last stop */
	int64_t started_ns; /* host time of the last start */
	bool running;
};

void vm_clock_start(struct vm_clock *clock);
void vm_clock_stop(struct vm_clock *clock);
uint64_t vm_clock_ns(const struct vm_clock *clock);

#define SERIAL_FIFO_BYTES 16

/* The 16550's registers and its receive FIFO: what migrates. */
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
	bool is_lossy;	    /* it was said that output is lost */
	bool is_stuck;	    /* the last write found no reader: do not wait */
	bool has_saved_tty; /* the terminal is to be restored */
	struct termios *saved_tty;
};

/* Is @spec one of "stdio", "null" and "file:PATH"? 0, or -EINVAL. */
int serial_check(const char *spec, struct smudge_error *err);

/*
 * serial_open - connect the port
 * @spec: one that serial_check takes. A FIFO needs no reader: what nobody
 *        reads is dropped once the FIFO is full
 * Blocks: no. Return: 0, or -errno with one sentence.
 */
int serial_open(struct serial *serial, const char *spec,
		struct smudge_error *err);
void serial_close(struct serial *serial); /* restores the terminal */
uint8_t serial_in(struct serial *serial, unsigned int offset);
void serial_out(struct serial *serial, unsigned int offset, uint8_t value);

struct devices {
	pthread_mutex_t lock;
	struct vm_clock clock;
	uint32_t timer_offset; /* added to the ticks of guest time */
	struct serial serial;
	struct display display;
	struct dma dma;
	void *opaque;
	/* The debug-exit port was written; called without the lock. */
	void (*debug_exit)(void *opaque, uint32_t value);
};

int devices_open(struct devices *devices, const char *serial,
		 struct smudge_error *err);
void devices_close(struct devices *devices);
uint32_t devices_in(struct devices *devices, uint16_t port, unsigned int size);
/* True: guest memory was written, or will be by devices_complete. */
bool devices_out(struct devices *devices, uint16_t port, unsigned int size,
		 uint32_t value);
/* Carry out what was asked of a device; from a vCPU's thread. */
void devices_complete(struct devices *devices);

/* Decoded device state, checked, not yet in force. */
struct devices_state {
	uint32_t timer;
	struct serial_regs serial;
	struct display_regs display; /* of a machine that has one */
	struct dma_regs dma;
};

#define DEVICES_TIMER_VERSION  1u
#define DEVICES_SERIAL_VERSION 1u
void devices_get_state(struct devices *devices, struct devices_state *ret);
void devices_set_state(struct devices *devices,
		       const struct devices_state *state);
/* With the lock: the timer's value, and setting it. */
uint32_t devices_timer(const struct devices *devices);
void devices_set_timer(struct devices *devices,
		       const struct devices_state *state);
void devices_encode_timer(const struct devices_state *state,
			  struct vm_buf *buf);
void devices_encode_serial(const struct devices_state *state,
			   struct vm_buf *buf);
/* Return: 0, or -EINVAL with one sentence. */
int devices_decode_timer(const uint8_t *bytes, size_t len,
			 struct devices_state *ret, struct smudge_error *err);
int devices_decode_serial(const uint8_t *bytes, size_t len,
			  struct devices_state *ret, struct smudge_error *err);

/*
 * A device: its ports, and its section of the machine's state. All but decode
 * are called with the devices' lock, has_port also without it.
 */
struct device_ops {
	const char *name; /* of its section */
	uint32_t version;
	/* NULL: every machine has the device. */
	bool (*is_there)(const struct devices *devices);
	const char *absence; /* what to say to a section of it then */

	bool (*has_port)(const struct devices *devices, uint16_t port,
			 unsigned int size);
	uint32_t (*in)(struct devices *devices, uint16_t port,
		       unsigned int size);
	/* NULL: writes are ignored. As devices_out. */
	bool (*out)(struct devices *devices, uint16_t port, unsigned int size,
		    uint32_t value);
	void (*complete)(struct devices *devices); /* NULL: no work */

	void (*get)(const struct devices *devices, struct devices_state *ret);
	void (*set)(struct devices *devices, const struct devices_state *state);
	void (*encode)(const struct devices_state *state, struct vm_buf *buf);
	/* Return: 0, or -EINVAL with one sentence. */
	int (*decode)(const struct devices *devices, const uint8_t *bytes,
		      size_t len, struct devices_state *ret,
		      struct smudge_error *err);
};

#define DEVICES_MAX 4
/* table.c: in the order in which their sections are written. */
extern const struct device_ops device_table[DEVICES_MAX];

/* As is_there, which may be NULL. */
bool device_is_there(const struct device_ops *ops,
		     const struct devices *devices);

#endif
