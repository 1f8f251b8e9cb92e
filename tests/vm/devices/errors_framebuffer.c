/* SPDX-License-Identifier: MIT */
/*
 * What the display refuses: absurd modes of a guest, absurd states of a peer.
 * Whatever is written, the mode shown lies within the framebuffer.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "devices/devices.h"
#include "devices/framebuffer.h"

#define WIDTH  320
#define HEIGHT 256 /* whole pages */

static void put(struct framebuffer *fb, uint16_t index, uint16_t value)
{
	framebuffer_device.out(fb, FRAMEBUFFER_PORT_INDEX, 2, index);
	framebuffer_device.out(fb, FRAMEBUFFER_PORT_DATA, 2, value);
}

static unsigned int get(struct framebuffer *fb, uint16_t index)
{
	framebuffer_device.out(fb, FRAMEBUFFER_PORT_INDEX, 2, index);
	return framebuffer_device.in(fb, FRAMEBUFFER_PORT_DATA, 2);
}

static uint8_t *at(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
	return calloc(1, length_bytes);
}

static void wrote(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
}

static const struct device_host host = {.memory_at = at,
					.memory_written = wrote};
static const struct device_config config = {
	.framebuffer_width_pixels = WIDTH, .framebuffer_height_pixels = HEIGHT};

static void begin(struct framebuffer *fb)
{
	assert_int_equal(framebuffer_device.open(fb, &host, &config, NULL), 0);
}

/* stderr goes to a file meanwhile; the number of lines in it. */
static unsigned int complaints(struct framebuffer *fb, uint16_t width,
			       uint16_t height, uint16_t bpp)
{
	char path[] = "/tmp/smudge-display-XXXXXX";
	char text[4096];
	int before = dup(STDERR_FILENO);
	int fd = mkstemp(path);
	unsigned int lines = 0;
	ssize_t len;

	assert_true(fd >= 0 && before >= 0);
	unlink(path);
	dup2(fd, STDERR_FILENO);
	put(fb, 4, 0);
	put(fb, 1, width);
	put(fb, 2, height);
	put(fb, 3, bpp);
	put(fb, 4, 0x41);
	dup2(before, STDERR_FILENO);
	close(before);
	len = pread(fd, text, sizeof(text), 0);
	for (ssize_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	close(fd);
	return lines;
}

static void test_absurd_modes(void **state)
{
	static const uint16_t absurd[][3] = {
		{0, 0, 32},
		{0, HEIGHT, 32},
		{WIDTH, 0, 32},
		{65535, 65535, 32},
		{WIDTH, HEIGHT, 24},
		{WIDTH, HEIGHT, 0},
		{3841, 1, 32},
		{1, 2161, 32},
		{WIDTH + 1, HEIGHT, 32},
		{WIDTH, HEIGHT + 8, 32},
		{32768, 32768, 32},
	};
	struct framebuffer fb;
	struct framebuffer_mode before;

	begin(&fb);
	before = fb.regs.mode;
	for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
		/* the sentence comes once, then not for a second */
		fb.complain_ns = 0;
		assert_int_equal(complaints(&fb, absurd[i][0], absurd[i][1],
					    absurd[i][2]),
				 1);
		assert_int_equal(get(&fb, 4), 0);
		assert_memory_equal(&fb.regs.mode, &before, sizeof(before));
		fb.complain_ns = UINT64_MAX;
		assert_int_equal(complaints(&fb, absurd[i][0], absurd[i][1],
					    absurd[i][2]),
				 0);
	}
	free(fb.vram);
}

static void test_places_outside_are_ignored(void **state)
{
	struct framebuffer fb;

	begin(&fb);
	put(&fb, 8, 1);		/* no room on the line */
	put(&fb, 9, 1);		/* no line below the last */
	put(&fb, 6, WIDTH - 1); /* narrower than the screen */
	put(&fb, 6, 65535);	/* the last line would be outside */
	assert_int_equal(get(&fb, 8), 0);
	assert_int_equal(get(&fb, 9), 0);
	assert_int_equal(get(&fb, 6), WIDTH);
	free(fb.vram);
}

static void test_nothing_written_leads_outside(void **state)
{
	struct test_rng rng = test_rng_start("display_registers");
	struct framebuffer fb;

	begin(&fb);
	fb.complain_ns = UINT64_MAX;
	for (unsigned int i = 0; i < 200000; i++) {
		uint16_t value = (uint16_t)test_rng_next(&rng);

		if (test_rng_below(&rng, 4))
			value %= WIDTH + 2;
		if (!test_rng_below(&rng, 4))
			value = 32;
		put(&fb, (uint16_t)test_rng_below(&rng, 12), value);
		get(&fb, (uint16_t)test_rng_below(&rng, 12));
		assert_true(
			framebuffer_mode_fits(&fb.regs.mode, fb.vram_bytes));
	}
	free(fb.vram);
}

static void refuse(const struct framebuffer_regs *regs, const char *sentence)
{
	struct framebuffer from = {.regs = *regs};
	struct framebuffer fb = {.vram_bytes =
					 framebuffer_vram_bytes(WIDTH, HEIGHT)};
	struct framebuffer_regs loaded;
	struct device device = {&framebuffer_device, &fb, &loaded, false};
	struct smudge_error err = {0};
	struct vm_buf buf = {0};
	int ret;

	framebuffer_save(&from, &buf);
	if (!strcmp(sentence, "length"))
		buf.len--;
	if (!strcmp(sentence, "65 keys")) /* after ten 16-bit registers */
		buf.bytes[20] = FRAMEBUFFER_MAX_KEYS + 1;
	ret = device_load(&device, buf.bytes, buf.len, &err);
	if (ret != -EINVAL || !strstr(err.message, sentence))
		fail_msg("%s: %d, \"%s\"", sentence, ret, err.message);
	assert_false(device.is_loaded);
	vm_buf_free(&buf);
}

static void test_absurd_states(void **state)
{
	struct framebuffer fb;
	struct framebuffer_regs good;
	struct framebuffer_regs bad;

	begin(&fb);
	good = fb.regs;
	refuse(&good, "length");
	refuse(&good, "65 keys");
	bad = good;
	bad.mode.y_offset = 1;
	refuse(&bad, "320x256");
	bad = good;
	bad.mode.width = 0;
	refuse(&bad, "0x256");
	bad = good;
	bad.mode.virt_width = 65535;
	refuse(&bad, "lines of 65535");
	bad = good;
	bad.mode.x_offset = 65535;
	refuse(&bad, "from 65535,0");
	free(fb.vram);
}

TEST_MAIN(test_absurd_modes, test_places_outside_are_ignored,
	  test_nothing_written_leads_outside, test_absurd_states)
