/* SPDX-License-Identifier: MIT */
/*
 * The table of devices. What a device adds to the ports and to the machine's
 * state stands in its row, and nowhere else. Their ports do not overlap.
 */
#include "devices/devices.h"

#define PORT_SERIAL	 0x3f8
#define PORT_SERIAL_LAST 0x3ff
#define PORT_TIMER	 0x608

bool device_is_there(const struct device_ops *ops,
		     const struct devices *devices)
{
	return !ops->is_there || ops->is_there(devices);
}

static bool has_timer_port(const struct devices *devices, uint16_t port,
			   unsigned int size)
{
	return port == PORT_TIMER;
}

static uint32_t read_timer(struct devices *devices, uint16_t port,
			   unsigned int size)
{
	return devices_timer(devices);
}

static void get_timer(const struct devices *devices, struct devices_state *ret)
{
	ret->timer = devices_timer(devices);
}

static int decode_timer(const struct devices *devices, const uint8_t *bytes,
			size_t len, struct devices_state *ret,
			struct smudge_error *err)
{
	return devices_decode_timer(bytes, len, ret, err);
}

static bool has_serial_port(const struct devices *devices, uint16_t port,
			    unsigned int size)
{
	return port >= PORT_SERIAL && port <= PORT_SERIAL_LAST && size == 1;
}

static uint32_t read_serial(struct devices *devices, uint16_t port,
			    unsigned int size)
{
	return serial_in(&devices->serial, port - PORT_SERIAL);
}

static bool write_serial(struct devices *devices, uint16_t port,
			 unsigned int size, uint32_t value)
{
	serial_out(&devices->serial, port - PORT_SERIAL, (uint8_t)value);
	return false;
}

static void get_serial(const struct devices *devices, struct devices_state *ret)
{
	ret->serial = devices->serial.regs;
}

static void set_serial(struct devices *devices,
		       const struct devices_state *state)
{
	devices->serial.regs = state->serial;
}

static int decode_serial(const struct devices *devices, const uint8_t *bytes,
			 size_t len, struct devices_state *ret,
			 struct smudge_error *err)
{
	return devices_decode_serial(bytes, len, ret, err);
}

static bool has_dma_port(const struct devices *devices, uint16_t port,
			 unsigned int size)
{
	return dma_has_port(port);
}

static uint32_t read_dma(struct devices *devices, uint16_t port,
			 unsigned int size)
{
	return dma_in(&devices->dma, port, size);
}

static bool write_dma(struct devices *devices, uint16_t port, unsigned int size,
		      uint32_t value)
{
	return dma_out(&devices->dma, port, size, value);
}

static void get_dma(const struct devices *devices, struct devices_state *ret)
{
	ret->dma = devices->dma.regs;
}

static void set_dma(struct devices *devices, const struct devices_state *state)
{
	devices->dma.regs = state->dma;
}

static void complete_dma(struct devices *devices)
{
	dma_run(&devices->dma);
}

static void encode_dma(const struct devices_state *state, struct vm_buf *buf)
{
	dma_encode(&state->dma, buf);
}

static int decode_dma(const struct devices *devices, const uint8_t *bytes,
		      size_t len, struct devices_state *ret,
		      struct smudge_error *err)
{
	return dma_decode(bytes, len, &ret->dma, err);
}

static bool has_display(const struct devices *devices)
{
	return devices->display.vram_bytes != 0;
}

static bool has_display_port(const struct devices *devices, uint16_t port,
			     unsigned int size)
{
	return display_has_port(&devices->display, port);
}

static uint32_t read_display(struct devices *devices, uint16_t port,
			     unsigned int size)
{
	return display_in(&devices->display, port, size);
}

static bool write_display(struct devices *devices, uint16_t port,
			  unsigned int size, uint32_t value)
{
	return display_out(&devices->display, port, size, value);
}

static void get_display(const struct devices *devices,
			struct devices_state *ret)
{
	ret->display = devices->display.regs;
}

static void set_display(struct devices *devices,
			const struct devices_state *state)
{
	if (devices->display.vram_bytes)
		display_set_regs(&devices->display, &state->display);
}

static void encode_display(const struct devices_state *state,
			   struct vm_buf *buf)
{
	display_encode(&state->display, buf);
}

static int decode_display(const struct devices *devices, const uint8_t *bytes,
			  size_t len, struct devices_state *ret,
			  struct smudge_error *err)
{
	return display_decode(bytes, len, devices->display.vram_bytes,
			      &ret->display, err);
}

const struct device_ops device_table[DEVICES_MAX] = {
	{.name = "timer",
	 .version = DEVICES_TIMER_VERSION,
	 .has_port = has_timer_port,
	 .in = read_timer,
	 .get = get_timer,
	 .set = devices_set_timer,
	 .encode = devices_encode_timer,
	 .decode = decode_timer},
	{.name = "serial",
	 .version = DEVICES_SERIAL_VERSION,
	 .has_port = has_serial_port,
	 .in = read_serial,
	 .out = write_serial,
	 .get = get_serial,
	 .set = set_serial,
	 .encode = devices_encode_serial,
	 .decode = decode_serial},
	{.name = "dma",
	 .version = DMA_STATE_VERSION,
	 .has_port = has_dma_port,
	 .in = read_dma,
	 .out = write_dma,
	 .complete = complete_dma,
	 .get = get_dma,
	 .set = set_dma,
	 .encode = encode_dma,
	 .decode = decode_dma},
	{.name = "display",
	 .version = DISPLAY_STATE_VERSION,
	 .is_there = has_display,
	 .absence = "this machine has no display (--display)",
	 .has_port = has_display_port,
	 .in = read_display,
	 .out = write_display,
	 .get = get_display,
	 .set = set_display,
	 .encode = encode_display,
	 .decode = decode_display},
};
