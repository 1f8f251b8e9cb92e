/* SPDX-License-Identifier: MIT */
/*
 * The display's registers as a guest uses them: what they read as, how a mode
 * is set and moved, that switching on clears and tells so, and keys.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/devices.h"

#define WIDTH  64
#define HEIGHT 48

struct rig {
	struct devices devices;
	uint8_t *vram;
	uint64_t wrote_bytes;
};

static void wrote(void *opaque, uint64_t offset_bytes, uint64_t length_bytes)
{
	struct rig *rig = opaque;

	assert_int_equal(offset_bytes, 0);
	rig->wrote_bytes += length_bytes;
}

static void open_rig(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	assert_int_equal(devices_open(&rig->devices, "null", NULL), 0);
	rig->vram = calloc(1, display_vram_bytes(WIDTH, HEIGHT));
	assert_non_null(rig->vram);
	display_init(&rig->devices.display, WIDTH, HEIGHT, rig->vram);
	rig->devices.display.opaque = rig;
	rig->devices.display.wrote = wrote;
}

static void close_rig(struct rig *rig)
{
	devices_close(&rig->devices);
	free(rig->vram);
}

static void put(struct rig *rig, uint16_t index, uint16_t value)
{
	devices_out(&rig->devices, DISPLAY_PORT_INDEX, 2, index);
	devices_out(&rig->devices, DISPLAY_PORT_DATA, 2, value);
}

static unsigned int get(struct rig *rig, uint16_t index)
{
	devices_out(&rig->devices, DISPLAY_PORT_INDEX, 2, index);
	return devices_in(&rig->devices, DISPLAY_PORT_DATA, 2);
}

static void set_mode(struct rig *rig, uint16_t width, uint16_t height,
		     uint16_t enable)
{
	put(rig, 4, 0);
	put(rig, 1, width);
	put(rig, 2, height);
	put(rig, 3, 32);
	put(rig, 4, enable);
}

static void test_at_start_the_largest_mode_is_on(void **state)
{
	struct rig rig;

	open_rig(&rig);
	assert_int_equal(get(&rig, 0), 0xb0c5);
	assert_int_equal(get(&rig, 1), WIDTH);
	assert_int_equal(get(&rig, 2), HEIGHT);
	assert_int_equal(get(&rig, 3), 32);
	assert_int_equal(get(&rig, 4), 0x41);
	assert_int_equal(get(&rig, 6), WIDTH);
	assert_int_equal(get(&rig, 7), HEIGHT);
	assert_int_equal(get(&rig, 77), 0);
	close_rig(&rig);
}

static void test_a_mode_is_set_and_moved(void **state)
{
	struct display_mode *mode;
	uint64_t generation;
	struct rig rig;

	open_rig(&rig);
	mode = &rig.devices.display.regs.mode;
	set_mode(&rig, 31, 20, 0xc1);
	assert_int_equal(get(&rig, 4), 0xc1);
	assert_int_equal(mode->width, 31);
	assert_int_equal(mode->height, 20);
	assert_int_equal(mode->virt_width, 31);
	put(&rig, 6, 50);
	put(&rig, 8, 19);
	put(&rig, 9, 7);
	assert_int_equal(display_first_byte(mode), (7 * 50 + 19) * 4);
	/* XRES and YRES wait for the next ENABLE */
	generation = rig.devices.display.generation;
	put(&rig, 1, 10);
	assert_int_equal(get(&rig, 1), 31);
	assert_int_equal(rig.devices.display.generation, generation);
	/* the largest ones, asked for */
	put(&rig, 4, 0xc3);
	assert_int_equal(get(&rig, 1), WIDTH);
	assert_int_equal(get(&rig, 2), HEIGHT);
	close_rig(&rig);
}

static void test_switching_on_clears_unless_told_not_to(void **state)
{
	struct rig rig;

	open_rig(&rig);
	memset(rig.vram, 7, display_vram_bytes(WIDTH, HEIGHT));
	set_mode(&rig, WIDTH, 10, 0xc1);
	assert_int_equal(rig.vram[0], 7);
	assert_int_equal(rig.wrote_bytes, 0);
	set_mode(&rig, WIDTH, 10, 0x41);
	assert_int_equal(rig.vram[0], 0);
	assert_int_equal(rig.vram[WIDTH * 10 * 4 - 1], 0);
	assert_int_equal(rig.vram[WIDTH * 10 * 4], 7);
	assert_int_equal(rig.wrote_bytes, WIDTH * 10 * 4);
	close_rig(&rig);
}

static void test_keys_come_out_in_order(void **state)
{
	struct display *display;
	struct rig rig;
	unsigned int i;

	open_rig(&rig);
	display = &rig.devices.display;
	assert_int_equal(devices_in(&rig.devices, DISPLAY_PORT_KEYS, 4), 0);
	for (i = 0; i < DISPLAY_MAX_KEYS; i++)
		assert_true(display_key(display, 0x61 + i, i % 2 == 0));
	assert_false(display_key(display, 0x61, true));
	for (i = 0; i < DISPLAY_MAX_KEYS; i++)
		assert_true(
			devices_in(&rig.devices, DISPLAY_PORT_KEYS, 4) ==
			(0x61 + i + (i % 2 == 0 ? UINT32_C(0x80000000) : 0)));
	assert_int_equal(devices_in(&rig.devices, DISPLAY_PORT_KEYS, 4), 0);
	close_rig(&rig);
}

static void test_other_widths_and_machines_without_read_ones(void **state)
{
	struct devices devices;
	struct rig rig;

	open_rig(&rig);
	assert_int_equal(devices_in(&rig.devices, DISPLAY_PORT_DATA, 1), 0xff);
	assert_true(devices_in(&rig.devices, DISPLAY_PORT_DATA, 4) ==
		    UINT32_MAX);
	close_rig(&rig);
	assert_int_equal(devices_open(&devices, "null", NULL), 0);
	devices_out(&devices, DISPLAY_PORT_INDEX, 2, 0);
	assert_int_equal(devices_in(&devices, DISPLAY_PORT_DATA, 2), 0xffff);
	assert_true(devices_in(&devices, DISPLAY_PORT_KEYS, 4) == UINT32_MAX);
	devices_close(&devices);
}

static void test_the_state_comes_back(void **state)
{
	struct devices_state saved;
	struct display_regs loaded;
	struct vm_buf buf = {0};
	struct rig rig;

	open_rig(&rig);
	set_mode(&rig, 30, 20, 0xc1);
	put(&rig, 6, 40);
	put(&rig, 8, 3);
	display_key(&rig.devices.display, 0xff0d, true);
	devices_get_state(&rig.devices, &saved);
	display_encode(&saved.display, &buf);
	memset(&loaded, 0, sizeof(loaded));
	assert_int_equal(display_decode(buf.bytes, buf.len,
					rig.devices.display.vram_bytes, &loaded,
					NULL),
			 0);
	assert_memory_equal(&loaded.mode, &saved.display.mode,
			    sizeof(loaded.mode));
	saved.display = loaded;
	set_mode(&rig, 10, 10, 0xc1);
	devices_in(&rig.devices, DISPLAY_PORT_KEYS, 4);
	devices_set_state(&rig.devices, &saved);
	assert_int_equal(get(&rig, 1), 30);
	assert_int_equal(get(&rig, 8), 3);
	assert_true(devices_in(&rig.devices, DISPLAY_PORT_KEYS, 4) ==
		    UINT32_C(0x8000ff0d));
	vm_buf_free(&buf);
	close_rig(&rig);
}

TEST_MAIN(test_at_start_the_largest_mode_is_on, test_a_mode_is_set_and_moved,
	  test_switching_on_clears_unless_told_not_to,
	  test_keys_come_out_in_order,
	  test_other_widths_and_machines_without_read_ones,
	  test_the_state_comes_back)
