/* SPDX-License-Identifier: MIT */
/*
 * Modes that are refused, each with its sentence, by open and set_mode alike:
 * places and strides that are no multiples of 4 bytes, lines that do not fit
 * in their stride, sides without pixels or with too many, screens that end
 * beyond the region, and structs of another size. The display stays as it is.
 */
#include "support.h"

#include "display_rig.h"

struct refused {
	uint64_t offset_bytes;
	uint32_t stride_bytes, width, height;
	const char *words;
};

static void refuses_all(struct display_rig *rig, const struct refused *modes,
			size_t nmodes)
{
	for (size_t i = 0; i < nmodes; i++)
		rig_refuses(rig,
			    rig_mode(modes[i].offset_bytes,
				     modes[i].stride_bytes, modes[i].width,
				     modes[i].height),
			    modes[i].words);
}

#define REFUSES_ALL(rig, modes) \
	refuses_all(rig, modes, sizeof(modes) / sizeof((modes)[0]))

static void test_mode_alignment(void **state)
{
	static const struct refused modes[] = {
		{1, 400, 100, 100, "a mode at byte 1 does not begin"},
		{2, 400, 100, 100, "a mode at byte 2 does not begin"},
		{0, 401, 100, 100, "a stride of 401 bytes is not a multiple"},
		{0, 402, 100, 100, "a stride of 402 bytes is not a multiple"},
		{UINT64_MAX, 400, 100, 1,
		 "a mode at byte 18446744073709551615 "},
	};
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(4, 404, 100, 100));
	REFUSES_ALL(&rig, modes);
	rig_stop(&rig);
}

static void test_mode_stride(void **state)
{
	static const struct refused modes[] = {
		{0, 396, 100, 10, "stride of 396 bytes"},
		{0, 0, 1, 1, "stride of 0 bytes"},
		{0, 65532, 16384, 1, "stride of 65532"},
	};
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(0, 400, 100, 100));
	REFUSES_ALL(&rig, modes);
	rig_stop(&rig);
}

static void test_mode_place(void **state)
{
	static const char *beyond = "ends beyond region screen of 262144 bytes";
	const struct refused modes[] = {
		{4, 1024, 256, 256, beyond},
		{0, 1024, 256, 257, beyond},
		{0, 1028, 256, 256, beyond},
		{262144, 4, 1, 1, beyond},
		{UINT64_MAX - 3, 4, 1, 1, beyond},
		{UINT64_MAX - 4095, 4096, 1024, 1, beyond},
		{0, UINT32_MAX - 3, 1, 2, beyond},
		{0, UINT32_MAX - 3, 16384, 16384, beyond},
		/* stride times height is 2^32 bytes, or 0 in 32 bits */
		{0, 1 << 18, 1 << 14, 1 << 14, beyond},
	};
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(0, 1024, 256, 256));
	REFUSES_ALL(&rig, modes);
	rig_stop(&rig);
}

/* Without an open display, and with one, which still refreshes afterwards. */
static void test_mode_side(void **state)
{
	static const struct refused modes[] = {
		{0, UINT32_MAX - 3, 0, 0,
		 "width is from 1 to 16384 pixels, not 0"},
		{0, UINT32_MAX - 3, 0, 10,
		 "width is from 1 to 16384 pixels, not 0"},
		{0, UINT32_MAX - 3, 10, 0,
		 "height is from 1 to 16384 pixels, not 0"},
		{0, UINT32_MAX - 3, SMUDGE_DISPLAY_MAX_SIDE + 1, 1,
		 "pixels, not 16385"},
		{0, UINT32_MAX - 3, 1, SMUDGE_DISPLAY_MAX_SIDE + 1,
		 "height is from 1 to 16384 pixels, not 16385"},
		{0, UINT32_MAX - 3, UINT32_MAX, UINT32_MAX, "width is"},
		/* its bytes are 0 in 32 bits */
		{0, UINT32_MAX - 3, 1 << 30, 1, "width is"},
	};
	struct smudge_rect rects[4];
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	REFUSES_ALL(&rig, modes);
	rig_open(&rig, rig_mode(0, 400, 100, 100));
	rig_refresh(&rig, rects, 4);
	REFUSES_ALL(&rig, modes);
	rig_refresh(&rig, rects, 4);
	rig_write(&rig, rig_at(&rig, 1, 1), 1);
	assert_int_equal(rig_refresh(&rig, rects, 4), 1);
	rig_stop(&rig);
}

static void test_mode_struct(void **state)
{
	struct smudge_display_mode mode = rig_mode(0, 400, 100, 100);
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, mode);
	mode.size = 0;
	rig_refuses(&rig, mode, "too short");
	mode.size = sizeof(mode) - 1;
	rig_refuses(&rig, mode, "too short");
	rig_stop(&rig);
}

TEST_MAIN(test_mode_alignment, test_mode_stride, test_mode_place,
	  test_mode_side, test_mode_struct)
