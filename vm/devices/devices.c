/* SPDX-License-Identifier: MIT */
/*
 * The table of devices, and what it is for: ports, and the machine's state.
 */
#include "devices/devices.h"

#include <errno.h>
#include <stdlib.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "base/host.h"

#define WHERE		"devices"
#define PORT_DEBUG_EXIT 0xf4

#define DEVICE(name) &name##_device,
static const struct device_ops *const table[] = {VM_DEVICES};
#undef DEVICE

#define NDEVICES (sizeof(table) / sizeof(table[0]))

static int out_of_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, WHERE,
				"out of memory for the devices");
}

static void close_device(struct device *device)
{
	if (device->self && device->ops->close)
		device->ops->close(device->self);
	free(device->self);
	free(device->loaded);
}

static int open_device(struct device *device, const struct device_ops *ops,
		       const struct device_config *config,
		       const struct device_host *host, struct smudge_error *err)
{
	void *self = calloc(1, ops->size);
	int ret = 0;

	device->ops = ops;
	device->loaded = calloc(1, ops->regs_size);
	if (!self || !device->loaded)
		ret = out_of_memory(err);
	else if (ops->open)
		ret = ops->open(self, host, config, err);
	if (ret) {
		free(self);
		return ret == DEVICE_ABSENT ? 0 : ret;
	}
	device->self = self;
	return 0;
}

int devices_open(struct devices *devices, const struct device_config *config,
		 const struct device_host *host, struct smudge_error *err)
{
	int ret = 0;

	*devices = (struct devices){.host = *host};
	devices->host.clock = &devices->clock;
	devices->list = calloc(NDEVICES, sizeof(*devices->list));
	if (!devices->list)
		return out_of_memory(err);
	if (pthread_mutex_init(&devices->lock, NULL)) {
		free(devices->list);
		devices->list = NULL;
		return out_of_memory(err);
	}
	for (size_t i = 0; i < NDEVICES && !ret; i++) {
		ret = open_device(&devices->list[i], table[i], config,
				  &devices->host, err);
		devices->ndevices++;
	}
	if (ret)
		devices_close(devices);
	return ret;
}

void devices_close(struct devices *devices)
{
	if (!devices->list)
		return;
	for (size_t i = 0; i < devices->ndevices; i++)
		close_device(&devices->list[i]);
	free(devices->list);
	devices->list = NULL;
	devices->ndevices = 0;
	pthread_mutex_destroy(&devices->lock);
}

void *devices_find(const struct devices *devices, const struct device_ops *ops)
{
	for (size_t i = 0; i < devices->ndevices; i++)
		if (devices->list[i].ops == ops)
			return devices->list[i].self;
	return NULL;
}

static uint32_t ones(unsigned int size)
{
	return size >= 4 ? UINT32_MAX : (UINT32_C(1) << (8 * size)) - 1;
}

static const struct device *find_port(const struct devices *devices,
				      uint16_t port, unsigned int size)
{
	for (size_t i = 0; i < devices->ndevices; i++) {
		const struct device *device = &devices->list[i];

		if (device->self &&
		    device->ops->has_port(device->self, port, size))
			return device;
	}
	return NULL;
}

uint32_t devices_in(struct devices *devices, uint16_t port, unsigned int size)
{
	const struct device *device = find_port(devices, port, size);
	uint32_t value = ones(size);

	if (!device)
		return value;
	pthread_mutex_lock(&devices->lock);
	value &= device->ops->in(device->self, port, size);
	pthread_mutex_unlock(&devices->lock);
	return value;
}

/* Without the lock: other vCPUs use their devices. */
static void rest(struct devices *devices, const struct device *device,
		 uint32_t value)
{
	const struct device_host *host = &devices->host;
	uint64_t ns;

	if (host->may_rest && !host->may_rest(host->opaque))
		return;
	pthread_mutex_lock(&devices->lock);
	ns = device->ops->rest_ns(device->self, value);
	pthread_mutex_unlock(&devices->lock);
	if (ns)
		host_sleep_ns(ns < DEVICE_MAX_REST_NS ? ns
						      : DEVICE_MAX_REST_NS);
}

bool devices_out(struct devices *devices, uint16_t port, unsigned int size,
		 uint32_t value)
{
	const struct device *device = find_port(devices, port, size);
	bool has_work = false;

	if (device && device->ops->out) {
		pthread_mutex_lock(&devices->lock);
		has_work = device->ops->out(device->self, port, size, value);
		pthread_mutex_unlock(&devices->lock);
	} else if (!device && port == PORT_DEBUG_EXIT) {
		devices->host.debug_exit(devices->host.opaque,
					 value & ones(size));
	}
	if (device && device->ops->rest_ns && size == sizeof(value))
		rest(devices, device, value);
	return has_work;
}

void devices_complete(struct devices *devices)
{
	pthread_mutex_lock(&devices->lock);
	for (size_t i = 0; i < devices->ndevices; i++) {
		const struct device *device = &devices->list[i];

		if (device->self && device->ops->complete)
			device->ops->complete(device->self);
	}
	pthread_mutex_unlock(&devices->lock);
}

void devices_save(struct devices *devices, const struct device *device,
		  struct vm_buf *buf)
{
	pthread_mutex_lock(&devices->lock);
	device->ops->save(device->self, buf);
	pthread_mutex_unlock(&devices->lock);
}

int device_load(struct device *device, const uint8_t *bytes, size_t len,
		struct smudge_error *err)
{
	const struct device_ops *ops = device->ops;
	struct vm_reader reader = {.bytes = bytes, .len = len};
	int ret = 0;

	ops->load(&reader, device->loaded);
	if (reader.failed || reader.pos != len)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the state of the device '%s' has a "
					"wrong length",
					ops->name);
	if (ops->check)
		ret = ops->check(device->self, device->loaded, err);
	if (!ret)
		device->is_loaded = true;
	return ret;
}

void devices_apply(struct devices *devices)
{
	pthread_mutex_lock(&devices->lock);
	for (size_t i = 0; i < devices->ndevices; i++) {
		const struct device *device = &devices->list[i];

		if (device->is_loaded)
			device->ops->apply(device->self, device->loaded);
	}
	pthread_mutex_unlock(&devices->lock);
	devices_forget(devices);
}

void devices_forget(struct devices *devices)
{
	for (size_t i = 0; i < devices->ndevices; i++)
		devices->list[i].is_loaded = false;
}
