/* SPDX-License-Identifier: MIT */
/*
 * Guest clock, timer, port dispatch, and the devices' migrated state.
 *
 * The timer migrates as its value: the destination's own guest clock starts
 * anywhere, an offset makes up for the difference.
 */
#include "devices/devices.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "base/host.h"

#define PORT_DEBUG_EXIT 0xf4
#define TIMER_HZ	UINT64_C(3579545)
#define NS_PER_S	UINT64_C(1000000000)

void vm_clock_start(struct vm_clock *clock)
{
	if (clock->running)
		return;
	clock->running = true;
	clock->started_ns = host_now_ns();
}

void vm_clock_stop(struct vm_clock *clock)
{
	clock->before_ns = vm_clock_ns(clock);
	clock->running = false;
}

uint64_t vm_clock_ns(const struct vm_clock *clock)
{
	if (!clock->running)
		return clock->before_ns;
	return clock->before_ns + (uint64_t)(host_now_ns() - clock->started_ns);
}

/* Split, so that no product overflows. */
static uint32_t timer_ticks(const struct vm_clock *clock)
{
	uint64_t ns = vm_clock_ns(clock);

	return (uint32_t)(ns / NS_PER_S * TIMER_HZ +
			  ns % NS_PER_S * TIMER_HZ / NS_PER_S);
}

int devices_open(struct devices *devices, const char *serial,
		 struct smudge_error *err)
{
	int ret;

	*devices = (struct devices){0};
	ret = serial_open(&devices->serial, serial, err);
	if (ret < 0)
		return smudge_error_set(err, ret, "serial",
					"The serial port cannot be set up: "
					"%s.",
					strerror(-ret));
	ret = pthread_mutex_init(&devices->lock, NULL);
	if (ret) {
		serial_close(&devices->serial);
		return smudge_error_set(err, -ret, "devices",
					"Out of memory for the devices.");
	}
	return 0;
}

void devices_close(struct devices *devices)
{
	serial_close(&devices->serial);
	pthread_mutex_destroy(&devices->lock);
}

static uint32_t ones(unsigned int size)
{
	return size >= 4 ? UINT32_MAX : (UINT32_C(1) << (8 * size)) - 1;
}

static const struct device_ops *find_port(const struct devices *devices,
					  uint16_t port, unsigned int size)
{
	for (size_t i = 0; i < DEVICES_MAX; i++)
		if (device_table[i].has_port(devices, port, size))
			return &device_table[i];
	return NULL;
}

uint32_t devices_in(struct devices *devices, uint16_t port, unsigned int size)
{
	const struct device_ops *ops;
	uint32_t value = ones(size);

	pthread_mutex_lock(&devices->lock);
	ops = find_port(devices, port, size);
	if (ops)
		value &= ops->in(devices, port, size);
	pthread_mutex_unlock(&devices->lock);
	return value;
}

bool devices_out(struct devices *devices, uint16_t port, unsigned int size,
		 uint32_t value)
{
	const struct device_ops *ops = find_port(devices, port, size);
	bool has_work = false;

	if (ops && ops->out) {
		pthread_mutex_lock(&devices->lock);
		has_work = ops->out(devices, port, size, value);
		pthread_mutex_unlock(&devices->lock);
	} else if (port == PORT_DEBUG_EXIT) {
		devices->debug_exit(devices->opaque, value & ones(size));
	}
	return has_work;
}

void devices_complete(struct devices *devices)
{
	pthread_mutex_lock(&devices->lock);
	for (size_t i = 0; i < DEVICES_MAX; i++)
		if (device_table[i].complete)
			device_table[i].complete(devices);
	pthread_mutex_unlock(&devices->lock);
}

void devices_get_state(struct devices *devices, struct devices_state *ret)
{
	pthread_mutex_lock(&devices->lock);
	for (size_t i = 0; i < DEVICES_MAX; i++)
		device_table[i].get(devices, ret);
	pthread_mutex_unlock(&devices->lock);
}

void devices_set_state(struct devices *devices,
		       const struct devices_state *state)
{
	pthread_mutex_lock(&devices->lock);
	for (size_t i = 0; i < DEVICES_MAX; i++)
		device_table[i].set(devices, state);
	pthread_mutex_unlock(&devices->lock);
}

uint32_t devices_timer(const struct devices *devices)
{
	return timer_ticks(&devices->clock) + devices->timer_offset;
}

void devices_set_timer(struct devices *devices,
		       const struct devices_state *state)
{
	devices->timer_offset = state->timer - timer_ticks(&devices->clock);
}

void devices_encode_timer(const struct devices_state *state, struct vm_buf *buf)
{
	vm_buf_put32(buf, state->timer);
}

void devices_encode_serial(const struct devices_state *state,
			   struct vm_buf *buf)
{
	const struct serial_regs *regs = &state->serial;
	uint8_t fifo[SERIAL_FIFO_BYTES] = {0};

	memcpy(fifo, regs->fifo, regs->fifo_len);
	vm_buf_put8(buf, regs->ier);
	vm_buf_put8(buf, regs->fcr);
	vm_buf_put8(buf, regs->lcr);
	vm_buf_put8(buf, regs->mcr);
	vm_buf_put8(buf, regs->scr);
	vm_buf_put8(buf, regs->dll);
	vm_buf_put8(buf, regs->dlm);
	vm_buf_put8(buf, regs->overrun);
	vm_buf_put8(buf, regs->fifo_len);
	vm_buf_put(buf, fifo, sizeof(fifo));
}

int devices_decode_timer(const uint8_t *bytes, size_t len,
			 struct devices_state *ret, struct smudge_error *err)
{
	struct vm_reader reader = {.bytes = bytes, .len = len};
	uint32_t timer = vm_read32(&reader);

	if (reader.failed || reader.pos != len)
		return smudge_error_set(err, -EINVAL, "state",
					"The timer's state has a wrong "
					"length.");
	ret->timer = timer;
	return 0;
}

int devices_decode_serial(const uint8_t *bytes, size_t len,
			  struct devices_state *ret, struct smudge_error *err)
{
	struct vm_reader reader = {.bytes = bytes, .len = len};
	struct serial_regs regs = {0};
	const uint8_t *fifo;

	regs.ier = vm_read8(&reader);
	regs.fcr = vm_read8(&reader);
	regs.lcr = vm_read8(&reader);
	regs.mcr = vm_read8(&reader);
	regs.scr = vm_read8(&reader);
	regs.dll = vm_read8(&reader);
	regs.dlm = vm_read8(&reader);
	regs.overrun = vm_read8(&reader);
	regs.fifo_len = vm_read8(&reader);
	fifo = vm_read(&reader, sizeof(regs.fifo));
	if (!fifo || reader.pos != len)
		return smudge_error_set(err, -EINVAL, "state",
					"The serial port's state has a wrong "
					"length.");
	if (regs.fifo_len > SERIAL_FIFO_BYTES || regs.overrun > 1)
		return smudge_error_set(err, -EINVAL, "state",
					"The serial port's state claims %u "
					"bytes in a FIFO of %u.",
					regs.fifo_len, SERIAL_FIFO_BYTES);
	memcpy(regs.fifo, fifo, sizeof(regs.fifo));
	ret->serial = regs;
	return 0;
}
