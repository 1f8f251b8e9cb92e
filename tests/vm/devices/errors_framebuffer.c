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
#include "devices/framebuffer.h"

#define WIDTH  320
#define HEIGHT 256 /* whole pages */

static void put(struct display *display, uint16_t index, uint16_t value)
{
	display_out(display, DISPLAY_PORT_INDEX, 2, index);
	display_out(display, DISPLAY_PORT_DATA, 2, value);
}

static unsigned int get(struct display *display, uint16_t index)
{
	display_out(display, DISPLAY_PORT_INDEX, 2, index);
	return display_in(display, DISPLAY_PORT_DATA, 2);
}

static void begin(struct display *display)
{
	memset(display, 0, sizeof(*display));
	display_init(display, WIDTH, HEIGHT,
		     calloc(1, display_vram_bytes(WIDTH, HEIGHT)));
	assert_non_null(display->vram);
}

/* stderr goes to a file meanwhile; the number of lines in it. */
static unsigned int complaints(struct display *display, uint16_t width,
			       uint16_t height, uint16_t bpp)
{
	char path[] = "/tmp/smudge-display-XXXXXX";
	char text[4096];
	int before = dup(STDERR_FILENO);
	int fd = mkstemp(path);
	unsigned int lines = 0;
	ssize_t len;
	ssize_t i;

	assert_true(fd >= 0 && before >= 0);
	unlink(path);
	dup2(fd, STDERR_FILENO);
	put(display, 4, 0);
	put(display, 1, width);
	put(display, 2, height);
	put(display, 3, bpp);
	put(display, 4, 0x41);
	dup2(before, STDERR_FILENO);
	close(before);
	len = pread(fd, text, sizeof(text), 0);
	for (i = 0; i < len; i++)
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
	struct display display;
	struct display_mode before;
	size_t i;

	begin(&display);
	before = display.regs.mode;
	for (i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
		/* the sentence comes once, then not for a second */
		display.complain_ns = 0;
		assert_int_equal(complaints(&display, absurd[i][0],
					    absurd[i][1], absurd[i][2]),
				 1);
		assert_int_equal(get(&display, 4), 0);
		assert_memory_equal(&display.regs.mode, &before,
				    sizeof(before));
		display.complain_ns = UINT64_MAX;
		assert_int_equal(complaints(&display, absurd[i][0],
					    absurd[i][1], absurd[i][2]),
				 0);
	}
	free(display.vram);
}

static void test_places_outside_are_ignored(void **state)
{
	struct display display;

	begin(&display);
	put(&display, 8, 1);	     /* no room on the line */
	put(&display, 9, 1);	     /* no line below the last */
	put(&display, 6, WIDTH - 1); /* narrower than the screen */
	put(&display, 6, 65535);     /* the last line would be outside */
	assert_int_equal(get(&display, 8), 0);
	assert_int_equal(get(&display, 9), 0);
	assert_int_equal(get(&display, 6), WIDTH);
	free(display.vram);
}

static void test_nothing_written_leads_outside(void **state)
{
	struct test_rng rng = test_rng_start("display_registers");
	struct display display;
	unsigned int i;

	begin(&display);
	display.complain_ns = UINT64_MAX;
	for (i = 0; i < 200000; i++) {
		uint16_t value = (uint16_t)test_rng_next(&rng);

		if (test_rng_below(&rng, 4))
			value %= WIDTH + 2;
		if (!test_rng_below(&rng, 4))
			value = 32;
		put(&display, (uint16_t)test_rng_below(&rng, 12), value);
		get(&display, (uint16_t)test_rng_below(&rng, 12));
		assert_true(display_mode_fits(&display.regs.mode,
					      display.vram_bytes));
	}
	free(display.vram);
}

static void refuse(const struct display_regs *regs, const char *sentence)
{
	struct display_regs result = {.index = 42};
	struct smudge_error err = {0};
	struct vm_buf buf = {0};
	int ret;

	display_encode(regs, &buf);
	if (!strcmp(sentence, "length"))
		buf.len--;
	ret = display_decode(buf.bytes, buf.len,
			     display_vram_bytes(WIDTH, HEIGHT), &result, &err);
	if (ret != -EINVAL || !strstr(err.message, sentence))
		fail_msg("%s: %d, \"%s\"", sentence, ret, err.message);
	assert_int_equal(result.index, 42);
	vm_buf_free(&buf);
}

static void test_absurd_states(void **state)
{
	struct display display;
	struct display_regs good;
	struct display_regs bad;

	begin(&display);
	good = display.regs;
	refuse(&good, "length");
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
	free(display.vram);
}

static void test_too_many_keys(void **state)
{
	struct display_regs regs = {.mode = {1, 1, 1, 0, 0}};
	struct smudge_error err = {0};
	struct vm_buf buf = {0};

	display_encode(&regs, &buf);
	buf.bytes[20] = DISPLAY_MAX_KEYS + 1; /* after ten 16-bit registers */
	assert_int_equal(display_decode(buf.bytes, buf.len, 4096, &regs, &err),
			 -EINVAL);
	assert_non_null(strstr(err.message, "65 keys"));
	vm_buf_free(&buf);
}

TEST_MAIN(test_absurd_modes, test_places_outside_are_ignored,
	  test_nothing_written_leads_outside, test_absurd_states,
	  test_too_many_keys)
