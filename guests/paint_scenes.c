/* SPDX-License-Identifier: MIT */
/*
 * The scenes that paint draws.
 */
#include "paint.h"

#define LETTER_WIDTH	(PAINT_GLYPH_WIDTH + 1)
#define LETTER_HEIGHT	(PAINT_GLYPH_HEIGHT + 1)
#define PIXELS_PER_PAGE (GUEST_PAGE_BYTES / 4)
#define BOX_PIXELS	24
#define BOX_STEP	5

/* Copies upwards from the first pixel: the target must be below the source. */
static void copy(volatile uint32_t *to, volatile uint32_t *from, uint64_t count)
{
	__asm__ volatile("cld; rep movsl"
			 : "+D"(to), "+S"(from), "+c"(count)
			 :
			 : "memory");
}

void paint_fill(const struct guest_screen *screen, uint32_t x, uint32_t y,
		uint32_t width, uint32_t height, uint32_t colour)
{
	uint32_t room = x < screen->width ? screen->width - x : 0;

	if (width > room)
		width = room;
	for (uint32_t line = y; line < y + height && line < screen->height;
	     line++)
		guest_display_fill(guest_display_line(screen, line) + x, colour,
				   width);
}

static void box(const struct guest_screen *screen, uint32_t x, uint32_t y,
		uint32_t side, uint32_t colour)
{
	paint_fill(screen, x, y, side, side, colour);
}

static void letter(const struct guest_screen *screen, uint32_t x, uint32_t y,
		   char c)
{
	const uint8_t *glyph = paint_glyph(c);

	if (x + LETTER_WIDTH > screen->width ||
	    y + LETTER_HEIGHT > screen->height)
		return;
	for (uint32_t row = 0; row < PAINT_GLYPH_HEIGHT; row++) {
		volatile uint32_t *line = guest_display_line(screen, y + row);

		for (uint32_t column = 0; column < PAINT_GLYPH_WIDTH; column++)
			line[x + column] =
				glyph[row] >> (PAINT_GLYPH_WIDTH - 1 - column) &
						1
					? PAINT_FOREGROUND
					: PAINT_BACKGROUND;
	}
}

static void text(const struct guest_screen *screen, uint32_t x, uint32_t y,
		 const char *words, uint32_t number)
{
	uint32_t digit = 1000000000;

	for (; *words; words++, x += LETTER_WIDTH)
		letter(screen, x, y, *words);
	for (; digit; digit /= 10, x += LETTER_WIDTH)
		letter(screen, x, y, (char)('0' + number / digit % 10));
}

static void scene_text(struct paint *paint)
{
	const struct guest_screen *screen = &paint->screen;
	uint32_t lines = screen->height / LETTER_HEIGHT;
	uint32_t y;

	if (!lines)
		return;
	y = paint->number % lines * LETTER_HEIGHT;
	text(screen, 0, y, "smudge paints frame ", paint->number);
	/* the cursor */
	box(screen, 32 * LETTER_WIDTH, y, PAINT_GLYPH_HEIGHT,
	    paint->number & 1 ? PAINT_FOREGROUND : PAINT_BACKGROUND);
}

static void box_at(struct paint *paint, uint32_t number, uint32_t colour)
{
	const struct guest_screen *screen = &paint->screen;
	uint32_t x = number * BOX_STEP % screen->width;
	uint32_t y = number * BOX_STEP / 2 % screen->height;

	box(screen, x, y, BOX_PIXELS, colour);
}

static void scene_box(struct paint *paint)
{
	box_at(paint, paint->number - 1, PAINT_BACKGROUND);
	box_at(paint, paint->number, PAINT_BOX_COLOUR);
}

static void scene_scroll(struct paint *paint)
{
	const struct guest_screen *screen = &paint->screen;
	uint32_t line;

	for (line = 0; line + LETTER_HEIGHT < screen->height; line++)
		copy(guest_display_line(screen, line),
		     guest_display_line(screen, line + LETTER_HEIGHT),
		     screen->width);
	for (; line < screen->height; line++)
		guest_display_fill(guest_display_line(screen, line),
				   PAINT_BACKGROUND, screen->width);
	if (screen->height > LETTER_HEIGHT)
		text(screen, paint->number % 64, screen->height - LETTER_HEIGHT,
		     "scrolled in as frame ", paint->number);
}

static void scene_redraw(struct paint *paint)
{
	const struct guest_screen *screen = &paint->screen;

	for (uint32_t line = 0; line < screen->height; line++)
		guest_display_fill(
			guest_display_line(screen, line),
			guest_colour(paint->number + line / LETTER_HEIGHT),
			screen->width);
}

static void scene_touch(struct paint *paint)
{
	const struct guest_screen *screen = &paint->screen;
	volatile uint32_t *pixels = guest_display_line(screen, 0);
	uint64_t last =
		(uint64_t)(screen->height - 1) * screen->stride + screen->width;

	for (uint64_t i = paint->number * 7 % PIXELS_PER_PAGE; i < last;
	     i += PIXELS_PER_PAGE)
		pixels[i] = guest_colour(paint->number + (uint32_t)i);
}

static bool scene_mode(struct paint *paint)
{
	struct guest_screen screen = paint->max;
	uint32_t number = paint->number;

	switch (number % 4) {
	case 0: /* the mode at the start */
		break;
	case 1: /* small, odd */
		screen.width = screen.width / 2 | 1;
		screen.height = screen.height / 2 | 1;
		screen.stride = screen.width;
		break;
	case 2: /* a part of a wider picture, from the middle of a line */
		screen.width -= 13;
		screen.height -= 9;
		screen.x_offset = number % 13;
		screen.y_offset = number % 9;
		break;
	default:
		screen.width = screen.width / 3 + number % 5;
		screen.stride = screen.width;
		break;
	}
	if (!guest_display_set(&screen))
		return false;
	paint->screen = screen;
	scene_text(paint);
	scene_touch(paint);
	return true;
}

static bool scene_absurd(struct paint *paint)
{
	static const uint16_t sides[][2] = {
		{0, 0},	   {65535, 65535}, {1, 0},	  {3841, 1},
		{1, 2161}, {65535, 1},	   {32768, 32768}};
	uint32_t i = paint->number % (sizeof(sides) / sizeof(sides[0]));
	const struct guest_screen absurd = {.width = sides[i][0],
					    .height = sides[i][1]};

	if (guest_display_set(&absurd))
		return false;
	return guest_display_set(&paint->screen);
}

bool paint_frame(struct paint *paint, enum paint_scene scene)
{
	paint->number++;
	if (scene != PAINT_SHOW)
		paint->show_digits = 0;
	switch (scene) {
	case PAINT_SHOW:
		paint_show(paint);
		return true;
	case PAINT_TEXT:
		scene_text(paint);
		return true;
	case PAINT_BOX:
		scene_box(paint);
		return true;
	case PAINT_SCROLL:
		scene_scroll(paint);
		return true;
	case PAINT_REDRAW:
		scene_redraw(paint);
		return true;
	case PAINT_TOUCH:
		scene_touch(paint);
		return true;
	case PAINT_MODE:
		return scene_mode(paint);
	case PAINT_ABSURD:
		return scene_absurd(paint);
	case PAINT_NSCENES:
		break;
	}
	return false;
}
