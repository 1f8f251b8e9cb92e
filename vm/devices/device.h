/* SPDX-License-Identifier: MIT */
/*
 * What a device is.
 *
 * How to add one: write devices/NAME.c, which defines NAME_device, and add
 * 'NAME' to the list vm_devices in vm/meson.build. That is all: the build
 * compiles the file and puts it into the table (devices.c). The device then
 * gets its ports, and its section in the machine's state. timer.c is a short
 * example. (A device with an option of its own needs a field in device_config
 * and a row in options.c too.)
 *
 * Sections are written in the order of the list. A machine refuses a state
 * that lacks a section for one of its devices, so a new device makes older
 * states unloadable.
 *
 * No device raises interrupts (there is no controller): guests poll.
 * Locks: all functions but open, close, has_port, load and check are called
 * with the devices' lock, and block for moments only.
 */
#ifndef VM_DEVICES_DEVICE_H
#define VM_DEVICES_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

struct smudge_error;
struct vm_buf;
struct vm_clock;
struct vm_reader;

/* What the command line says about devices; borrowed by open. */
struct device_config {
	const char *serial;		   /* stdio, null, file:PATH */
	uint16_t framebuffer_width_pixels; /* 0: no framebuffer */
	uint16_t framebuffer_height_pixels;
};

/* What devices may use of their machine; lives as long as they do. */
struct device_host {
	const struct vm_clock *clock; /* guest time */
	void *opaque;
	/* Guest memory as the host sees it; NULL if not all in one piece. */
	uint8_t *(*memory_at)(void *opaque, uint64_t gpa,
			      uint64_t length_bytes);
	/* A device wrote guest memory. To be called after the write. */
	void (*memory_written)(void *opaque, uint64_t gpa,
			       uint64_t length_bytes);
	/* The debug-exit port was written; called without the lock. */
	void (*debug_exit)(void *opaque, uint32_t value);
	/*
	 * May a vCPU stand still, or is it to leave the guest? Called without
	 * the lock. NULL: it may.
	 */
	bool (*may_rest)(void *opaque);
};

/*
 * Who takes the vCPUs out of the guest waits so much longer at most: a kick
 * wakes a vCPU of KVM that stands still, but for one that comes just before,
 * and none that is to leave the guest begins to stand still.
 */
#define DEVICE_MAX_REST_NS UINT64_C(1000000)

/* What open returns when this machine does not have the device. */
#define DEVICE_ABSENT 1

/*
 * @self in all functions is the device's own struct.
 * absence is NULL for a device that open never calls absent.
 * Registers are the part of it that migrates, as a struct of its own.
 */
struct device_ops {
	const char *name;    /* of its section in the machine's state */
	uint32_t version;    /* of that section */
	const char *absence; /* why its section is refused if absent */
	size_t size;	     /* of the device's struct; it begins as zeros */
	size_t regs_size;    /* of its registers' struct */

	/*
	 * NULL: nothing to do. Return: 0, DEVICE_ABSENT, or -errno with one
	 * sentence; close is called after 0 only.
	 */
	int (*open)(void *self, const struct device_host *host,
		    const struct device_config *config,
		    struct smudge_error *err);
	void (*close)(void *self); /* NULL: nothing to do */

	/*
	 * Ports of two devices must not overlap; smudge-vm(1), DEVICES, lists
	 * them. Constant after open.
	 */
	bool (*has_port)(const void *self, uint16_t port, unsigned int size);
	uint32_t (*in)(void *self, uint16_t port, unsigned int size);
	/*
	 * NULL: nothing but the rest below. Return: guest memory was written,
	 * or will be by complete.
	 */
	bool (*out)(void *self, uint16_t port, unsigned int size,
		    uint32_t value);
	/*
	 * How long the vCPU that wrote 4 bytes stands still then, in
	 * nanoseconds, and DEVICE_MAX_REST_NS at most. NULL: not at all.
	 */
	uint64_t (*rest_ns)(const void *self, uint32_t value);
	/* Carry out what out began; NULL: nothing is ever left to do. */
	void (*complete)(void *self);

	/* Append the registers to @buf. */
	void (*save)(const void *self, struct vm_buf *buf);
	/* Read what save wrote. Reads that fail and bytes left are noticed. */
	void (*load)(struct vm_reader *reader, void *ret_regs);
	/*
	 * May these registers, from a peer, be applied here?
	 * NULL: any may. Return: 0, or -EINVAL with one sentence.
	 */
	int (*check)(const void *self, const void *regs,
		     struct smudge_error *err);
	void (*apply)(void *self, const void *regs);
};

/* NAME_device of every NAME in the list. */
#define DEVICE(name) extern const struct device_ops name##_device;
VM_DEVICES
#undef DEVICE

#endif
