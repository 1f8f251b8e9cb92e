/* SPDX-License-Identifier: MIT */
/*
 * The table of devices that migrate: what a device adds to the machine's
 * state stands in its row, and nowhere else.
 */
#include "devices/devices.h"

bool device_section_is_there(const struct device_section *section,
			     const struct devices *devices)
{
	return !section->is_there || section->is_there(devices);
}

static int decode_timer(const struct devices *devices, const uint8_t *bytes,
			size_t len, struct devices_state *ret,
			struct smudge_error *err)
{
	return devices_decode_timer(bytes, len, ret, err);
}

static int decode_serial(const struct devices *devices, const uint8_t *bytes,
			 size_t len, struct devices_state *ret,
			 struct smudge_error *err)
{
	return devices_decode_serial(bytes, len, ret, err);
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

const struct device_section device_sections[DEVICE_NSECTIONS] = {
	{.name = "timer",
	 .version = DEVICES_TIMER_VERSION,
	 .encode = devices_encode_timer,
	 .decode = decode_timer},
	{.name = "serial",
	 .version = DEVICES_SERIAL_VERSION,
	 .encode = devices_encode_serial,
	 .decode = decode_serial},
	{.name = "dma",
	 .version = DMA_STATE_VERSION,
	 .encode = encode_dma,
	 .decode = decode_dma},
	{.name = "display",
	 .version = DISPLAY_STATE_VERSION,
	 .is_there = has_display,
	 .absence = "this machine has no display (--display)",
	 .encode = encode_display,
	 .decode = decode_display},
};
