/* SPDX-License-Identifier: MIT */
/*
 * The display's registers and keys; devices/framebuffer.h has the interface.
 *
 * Invariant: regs.mode always fits the framebuffer, whatever the guest or a
 * peer writes, so who draws the screen need not check it again.
 */
#include "devices/framebuffer.h"

#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/say.h"

#define BYTES_PER_PIXEL 4
#define BITS_PER_PIXEL	32
#define PAGE_BYTES	4096
#define NS_PER_S	UINT64_C(1000000000)

#define ID		  0xb0c5
#define ENABLE_ON	  0x01
#define ENABLE_MAXIMA	  0x02
#define ENABLE_LINEAR	  0x40
#define ENABLE_KEEP	  0x80
#define KEY_DOWN	  0x80000000u
#define KEYSYM_MASK	  0x1fffffffu /* X11 has no larger ones */
#define BYTES_PER_64K	  65536
#define VIRT_HEIGHT_LIMIT 0xffff

enum {
	INDEX_ID,
	INDEX_XRES,
	INDEX_YRES,
	INDEX_BPP,
	INDEX_ENABLE,
	INDEX_BANK,
	INDEX_VIRT_WIDTH,
	INDEX_VIRT_HEIGHT,
	INDEX_X_OFFSET,
	INDEX_Y_OFFSET,
	INDEX_MEMORY_64K,
};

uint64_t display_vram_bytes(uint16_t width, uint16_t height)
{
	uint64_t bytes = (uint64_t)width * height * BYTES_PER_PIXEL;

	return (bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

void display_init(struct display *display, uint16_t width, uint16_t height,
		  uint8_t *vram)
{
	display->max_width = width;
	display->max_height = height;
	display->vram = vram;
	display->vram_bytes = display_vram_bytes(width, height);
	display->generation = 1;
	display->regs = (struct display_regs){
		.xres = width,
		.yres = height,
		.bpp = BITS_PER_PIXEL,
		.enable = ENABLE_ON | ENABLE_LINEAR,
		.mode = {width, height, width, 0, 0},
	};
}

uint64_t display_first_byte(const struct display_mode *mode)
{
	return ((uint64_t)mode->y_offset * mode->virt_width + mode->x_offset) *
	       BYTES_PER_PIXEL;
}

bool display_mode_fits(const struct display_mode *mode, uint64_t vram_bytes)
{
	uint64_t lines = (uint64_t)mode->y_offset + mode->height;

	return mode->width && mode->height &&
	       mode->width <= DISPLAY_MAX_WIDTH &&
	       mode->height <= DISPLAY_MAX_HEIGHT &&
	       (uint32_t)mode->x_offset + mode->width <= mode->virt_width &&
	       lines * mode->virt_width * BYTES_PER_PIXEL <= vram_bytes;
}

static bool try_mode(struct display *display, const struct display_mode *mode)
{
	if (!display_mode_fits(mode, display->vram_bytes))
		return false;
	if (memcmp(mode, &display->regs.mode, sizeof(*mode)) != 0)
		display->generation++;
	display->regs.mode = *mode;
	return true;
}

/* A guest may ask for nonsense as often as it likes: once in a second. */
static void complain(struct display *display)
{
	const struct display_regs *regs = &display->regs;
	uint64_t now_ns = (uint64_t)host_now_ns();

	if (now_ns < display->complain_ns)
		return;
	display->complain_ns = now_ns + NS_PER_S;
	say("The guest asked for a display mode of %ux%u "
	    "pixels of %u bits; this display has 32 bits a pixel, at most "
	    "%ux%u pixels and %llu KiB: the mode stays as it was.",
	    regs->xres, regs->yres, regs->bpp, DISPLAY_MAX_WIDTH,
	    DISPLAY_MAX_HEIGHT,
	    (unsigned long long)(display->vram_bytes >> 10));
}

/* As in Bochs, switching on clears the screen unless told to keep it. */
static void clear(struct display *display)
{
	const struct display_mode *mode = &display->regs.mode;
	uint64_t bytes = (uint64_t)mode->width * mode->height * BYTES_PER_PIXEL;

	memset(display->vram, 0, bytes);
	if (display->wrote)
		display->wrote(display->opaque, 0, bytes);
}

static bool enable(struct display *display, uint16_t value)
{
	struct display_regs *regs = &display->regs;
	const struct display_mode mode = {regs->xres, regs->yres, regs->xres, 0,
					  0};
	bool was_on = regs->enable & ENABLE_ON;
	bool clears = false;

	value &= ENABLE_ON | ENABLE_MAXIMA | ENABLE_LINEAR | ENABLE_KEEP;
	if ((value & ENABLE_ON) && !was_on) {
		if (regs->bpp != BITS_PER_PIXEL || !try_mode(display, &mode)) {
			complain(display);
			regs->enable = 0;
			return false;
		}
		clears = !(value & ENABLE_KEEP);
	}
	if (clears)
		clear(display);
	regs->enable = value;
	return clears;
}

static void set_place(struct display *display, uint16_t value)
{
	struct display_mode mode = display->regs.mode;

	if (!(display->regs.enable & ENABLE_ON))
		return;
	if (display->regs.index == INDEX_VIRT_WIDTH)
		mode.virt_width = value;
	else if (display->regs.index == INDEX_X_OFFSET)
		mode.x_offset = value;
	else
		mode.y_offset = value;
	try_mode(display, &mode);
}

/* True: it wrote to the framebuffer. */
static bool write_data(struct display *display, uint16_t value)
{
	struct display_regs *regs = &display->regs;
	bool is_on = regs->enable & ENABLE_ON;

	switch (regs->index) {
	case INDEX_XRES:
		regs->xres = is_on ? regs->xres : value;
		break;
	case INDEX_YRES:
		regs->yres = is_on ? regs->yres : value;
		break;
	case INDEX_BPP:
		regs->bpp = is_on ? regs->bpp : value;
		break;
	case INDEX_ENABLE:
		return enable(display, value);
	case INDEX_VIRT_WIDTH:
	case INDEX_X_OFFSET:
	case INDEX_Y_OFFSET:
		set_place(display, value);
		break;
	default:
		break;
	}
	return false;
}

static uint16_t virt_height(const struct display *display)
{
	uint64_t lines = display->vram_bytes /
			 (display->regs.mode.virt_width * BYTES_PER_PIXEL);

	return lines > VIRT_HEIGHT_LIMIT ? VIRT_HEIGHT_LIMIT : (uint16_t)lines;
}

static uint16_t read_data(const struct display *display)
{
	const struct display_regs *regs = &display->regs;
	bool maxima = regs->enable & ENABLE_MAXIMA;

	switch (regs->index) {
	case INDEX_ID:
		return ID;
	case INDEX_XRES:
		return maxima ? display->max_width : regs->xres;
	case INDEX_YRES:
		return maxima ? display->max_height : regs->yres;
	case INDEX_BPP:
		return maxima ? BITS_PER_PIXEL : regs->bpp;
	case INDEX_ENABLE:
		return regs->enable;
	case INDEX_VIRT_WIDTH:
		return regs->mode.virt_width;
	case INDEX_VIRT_HEIGHT:
		return virt_height(display);
	case INDEX_X_OFFSET:
		return regs->mode.x_offset;
	case INDEX_Y_OFFSET:
		return regs->mode.y_offset;
	case INDEX_MEMORY_64K:
		return (uint16_t)(display->vram_bytes / BYTES_PER_64K);
	default:
		return 0;
	}
}

bool display_key(struct display *display, uint32_t keysym, bool is_down)
{
	struct display_regs *regs = &display->regs;

	if (regs->nkeys == DISPLAY_MAX_KEYS)
		return false;
	regs->keys[regs->nkeys++] =
		(keysym & KEYSYM_MASK) | (is_down ? KEY_DOWN : 0);
	return true;
}

static uint32_t take_key(struct display_regs *regs)
{
	uint32_t key = regs->keys[0];

	if (!regs->nkeys)
		return 0;
	regs->nkeys--;
	memmove(&regs->keys[0], &regs->keys[1],
		regs->nkeys * sizeof(regs->keys[0]));
	return key;
}

bool display_has_port(const struct display *display, uint16_t port)
{
	return display->vram_bytes &&
	       (port == DISPLAY_PORT_INDEX || port == DISPLAY_PORT_DATA ||
		port == DISPLAY_PORT_KEYS);
}

uint32_t display_in(struct display *display, uint16_t port, unsigned int size)
{
	if (port == DISPLAY_PORT_KEYS && size == 4)
		return take_key(&display->regs);
	if (port == DISPLAY_PORT_INDEX && size == 2)
		return display->regs.index;
	if (port == DISPLAY_PORT_DATA && size == 2)
		return read_data(display);
	return UINT32_MAX;
}

bool display_out(struct display *display, uint16_t port, unsigned int size,
		 uint32_t value)
{
	if (size == 2 && port == DISPLAY_PORT_INDEX)
		display->regs.index = (uint16_t)value;
	return size == 2 && port == DISPLAY_PORT_DATA &&
	       write_data(display, (uint16_t)value);
}

void display_set_regs(struct display *display, const struct display_regs *regs)
{
	display->regs = *regs;
	display->generation++;
}
