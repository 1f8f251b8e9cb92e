/* SPDX-License-Identifier: MIT */
/*
 * The display's registers as a guest uses them: what they read as, how a mode
 * is set and moved, that switching it on clears the screen and reports the
 * write, and keys.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/devices.h"
#include "devices/framebuffer.h"

#define WIDTH  64
#define HEIGHT 48

struct rig {
	struct devices devices;
	struct framebuffer *fb;
	uint8_t *vram;
	uint64_t wrote_bytes;
};

static uint8_t *at(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
	struct rig *rig = opaque;

	assert_true(gpa == FRAMEBUFFER_VRAM_GPA);
	assert_int_equal(length_bytes, framebuffer_vram_bytes(WIDTH, HEIGHT));
	return rig->vram;
}

static void wrote(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
	struct rig *rig = opaque;

	assert_true(gpa == FRAMEBUFFER_VRAM_GPA);
	rig->wrote_bytes += length_bytes;
}

static void open_rig(struct rig *rig)
{
	const struct device_host host = {
		.opaque = rig, .memory_at = at, .memory_written = wrote};
	const struct device_config config = {
		.serial = "null",
		.framebuffer_width_pixels = WIDTH,
		.framebuffer_height_pixels = HEIGHT,
	};

	memset(rig, 0, sizeof(*rig));
	rig->vram = calloc(1, framebuffer_vram_bytes(WIDTH, HEIGHT));
	assert_non_null(rig->vram);
	assert_int_equal(devices_open(&rig->devices, &config, &host, NULL), 0);
	rig->fb = devices_find(&rig->devices, &framebuffer_device);
	assert_non_null(rig->fb);
}

static void close_rig(struct rig *rig)
{
	devices_close(&rig->devices);
	free(rig->vram);
}

static void put(struct rig *rig, uint16_t index, uint16_t value)
{
	devices_out(&rig->devices, FRAMEBUFFER_PORT_INDEX, 2, index);
	devices_out(&rig->devices, FRAMEBUFFER_PORT_DATA, 2, value);
}

static unsigned int get(struct rig *rig, uint16_t index)
{
	devices_out(&rig->devices, FRAMEBUFFER_PORT_INDEX, 2, index);
	return devices_in(&rig->devices, FRAMEBUFFER_PORT_DATA, 2);
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
	struct framebuffer_mode *mode;
	uint64_t generation;
	struct rig rig;

	open_rig(&rig);
	mode = &rig.fb->regs.mode;
	set_mode(&rig, 31, 20, 0xc1);
	assert_int_equal(get(&rig, 4), 0xc1);
	assert_int_equal(mode->width, 31);
	assert_int_equal(mode->height, 20);
	assert_int_equal(mode->virt_width, 31);
	put(&rig, 6, 50);
	put(&rig, 8, 19);
	put(&rig, 9, 7);
	assert_int_equal(framebuffer_first_byte(mode), (7 * 50 + 19) * 4);
	/* XRES and YRES wait for the next ENABLE */
	generation = rig.fb->generation;
	put(&rig, 1, 10);
	assert_int_equal(get(&rig, 1), 31);
	assert_int_equal(rig.fb->generation, generation);
	/* GETCAPS: they read as the largest ones */
	put(&rig, 4, 0xc3);
	assert_int_equal(get(&rig, 1), WIDTH);
	assert_int_equal(get(&rig, 2), HEIGHT);
	close_rig(&rig);
}

static void test_switching_on_clears_unless_told_not_to(void **state)
{
	struct rig rig;

	open_rig(&rig);
	memset(rig.vram, 7, framebuffer_vram_bytes(WIDTH, HEIGHT));
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
	struct rig rig;

	open_rig(&rig);
	assert_int_equal(devices_in(&rig.devices, FRAMEBUFFER_PORT_KEYS, 4), 0);
	for (unsigned int i = 0; i < FRAMEBUFFER_MAX_KEYS; i++)
		assert_true(framebuffer_key(rig.fb, 0x61 + i, i % 2 == 0));
	assert_false(framebuffer_key(rig.fb, 0x61, true));
	for (unsigned int i = 0; i < FRAMEBUFFER_MAX_KEYS; i++)
		assert_true(
			devices_in(&rig.devices, FRAMEBUFFER_PORT_KEYS, 4) ==
			(0x61 + i + (i % 2 == 0 ? UINT32_C(0x80000000) : 0)));
	assert_int_equal(devices_in(&rig.devices, FRAMEBUFFER_PORT_KEYS, 4), 0);
	close_rig(&rig);
}

static void test_other_widths_and_machines_without_read_ones(void **state)
{
	const struct device_config without = {.serial = "null"};
	const struct device_host nothing = {0};
	struct devices devices;
	struct rig rig;

	open_rig(&rig);
	assert_int_equal(devices_in(&rig.devices, FRAMEBUFFER_PORT_DATA, 1),
			 0xff);
	assert_true(devices_in(&rig.devices, FRAMEBUFFER_PORT_DATA, 4) ==
		    UINT32_MAX);
	close_rig(&rig);
	assert_int_equal(devices_open(&devices, &without, &nothing, NULL), 0);
	assert_null(devices_find(&devices, &framebuffer_device));
	devices_out(&devices, FRAMEBUFFER_PORT_INDEX, 2, 0);
	assert_int_equal(devices_in(&devices, FRAMEBUFFER_PORT_DATA, 2),
			 0xffff);
	assert_true(devices_in(&devices, FRAMEBUFFER_PORT_KEYS, 4) ==
		    UINT32_MAX);
	devices_close(&devices);
}

static void test_the_state_comes_back(void **state)
{
	struct framebuffer_regs loaded;
	struct vm_buf buf = {0};
	struct device device = {&framebuffer_device, NULL, &loaded, false};
	uint64_t generation;
	struct rig rig;

	open_rig(&rig);
	device.self = rig.fb;
	set_mode(&rig, 30, 20, 0xc1);
	put(&rig, 6, 40);
	put(&rig, 8, 3);
	framebuffer_key(rig.fb, 0xff0d, true);
	devices_save(&rig.devices, &device, &buf);
	assert_int_equal(device_load(&device, buf.bytes, buf.len, NULL), 0);
	assert_memory_equal(&loaded.mode, &rig.fb->regs.mode,
			    sizeof(loaded.mode));
	set_mode(&rig, 10, 10, 0xc1);
	devices_in(&rig.devices, FRAMEBUFFER_PORT_KEYS, 4);
	generation = rig.fb->generation;
	framebuffer_device.apply(rig.fb, &loaded);
	assert_true(rig.fb->generation != generation);
	assert_int_equal(get(&rig, 1), 30);
	assert_int_equal(get(&rig, 8), 3);
	assert_true(devices_in(&rig.devices, FRAMEBUFFER_PORT_KEYS, 4) ==
		    UINT32_C(0x8000ff0d));
	vm_buf_free(&buf);
	close_rig(&rig);
}

TEST_MAIN(test_at_start_the_largest_mode_is_on, test_a_mode_is_set_and_moved,
	  test_switching_on_clears_unless_told_not_to,
	  test_keys_come_out_in_order,
	  test_other_widths_and_machines_without_read_ones,
	  test_the_state_comes_back)
