/* SPDX-License-Identifier: MIT */
/*
 * The devices of a machine: the table, their ports, and their state.
 *
 * A port belongs to the device that has it (device.h). 0xf4 is the debug exit.
 * Other ports read as all ones and ignore writes.
 *
 * The machine's vCPU threads call devices under `lock`.
 */
#ifndef VM_DEVICES_DEVICES_H
#define VM_DEVICES_DEVICES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/clock.h"
#include "devices/device.h"

struct device {
	const struct device_ops *ops;
	void *self;	/* NULL: this machine does not have it */
	void *loaded;	/* registers of device_load, not yet applied */
	bool is_loaded; /* there are such */
};

struct devices {
	pthread_mutex_t lock;
	struct vm_clock clock; /* under lock */
	struct device_host host;
	struct device *list; /* in the order of the table */
	size_t ndevices;
};

/*
 * devices_open - make every device of the table
 * @host: copied; its clock is set here
 * Return: 0, or -errno with one sentence; then there is nothing to close.
 */
int devices_open(struct devices *devices, const struct device_config *config,
		 const struct device_host *host, struct smudge_error *err);
/* All zeros are fine. */
void devices_close(struct devices *devices);

/* The device's own struct, or NULL: this machine does not have it. */
void *devices_find(const struct devices *devices, const struct device_ops *ops);

uint32_t devices_in(struct devices *devices, uint16_t port, unsigned int size);
/* True: guest memory was written, or will be by devices_complete. */
bool devices_out(struct devices *devices, uint16_t port, unsigned int size,
		 uint32_t value);
/* Carry out what was asked of a device; from a vCPU's thread. */
void devices_complete(struct devices *devices);

/* Append the registers of one device that the machine has. */
void devices_save(struct devices *devices, const struct device *device,
		  struct vm_buf *buf);

/*
 * device_load - decode and check registers; devices_apply puts them in force
 * @device: one that the machine has
 * @bytes, @len: of its section; hostile
 *
 * Only one thread at a time loads. Return: 0, or -EINVAL with one sentence.
 */
int device_load(struct device *device, const uint8_t *bytes, size_t len,
		struct smudge_error *err);
/* Apply what was loaded, or forget it. */
void devices_apply(struct devices *devices);
void devices_forget(struct devices *devices);

#endif
