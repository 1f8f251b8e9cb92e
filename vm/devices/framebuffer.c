/* SPDX-License-Identifier: MIT */
/*
 * The framebuffer's registers and keys.
 *
 * Invariant: regs.mode always fits the video memory, whatever the guest or a
 * peer writes, so readers of the screen need not check it again.
 */
#include "devices/framebuffer.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "base/host.h"
#include "base/say.h"
#include "devices/device.h"

#define BITS_PER_PIXEL 32
#define PAGE_BYTES     4096
#define NS_PER_S       UINT64_C(1000000000)

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

uint64_t framebuffer_vram_bytes(uint16_t width, uint16_t height)
{
	uint64_t bytes = (uint64_t)width * height * FRAMEBUFFER_BYTES_PER_PIXEL;

	return (bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

static int framebuffer_open(void *self, const struct device_host *host,
			    const struct device_config *config,
			    struct smudge_error *err)
{
	uint16_t width = config->framebuffer_width_pixels;
	uint16_t height = config->framebuffer_height_pixels;
	uint64_t vram_bytes = framebuffer_vram_bytes(width, height);
	uint8_t *vram;

	if (!vram_bytes)
		return DEVICE_ABSENT;
	vram = host->memory_at(host->opaque, FRAMEBUFFER_VRAM_GPA, vram_bytes);
	if (!vram)
		return smudge_error_set(err, -EFAULT, "framebuffer",
					"the machine has no memory for the "
					"framebuffer");
	*(struct framebuffer *)self = (struct framebuffer){
		.max_width = width,
		.max_height = height,
		.vram = vram,
		.vram_bytes = vram_bytes,
		.generation = 1,
		.host = host,
		.regs = {.xres = width,
			 .yres = height,
			 .bpp = BITS_PER_PIXEL,
			 .enable = ENABLE_ON | ENABLE_LINEAR,
			 .mode = {width, height, width, 0, 0}},
	};
	return 0;
}

static bool try_mode(struct framebuffer *fb,
		     const struct framebuffer_mode *mode)
{
	if (!framebuffer_mode_fits(mode, fb->vram_bytes))
		return false;
	if (memcmp(mode, &fb->regs.mode, sizeof(*mode)) != 0)
		fb->generation++;
	fb->regs.mode = *mode;
	return true;
}

/* A guest may ask for nonsense in a loop: at most one line per second. */
static void complain(struct framebuffer *fb)
{
	const struct framebuffer_regs *regs = &fb->regs;
	uint64_t now_ns = (uint64_t)host_now_ns();

	if (now_ns < fb->complain_ns)
		return;
	fb->complain_ns = now_ns + NS_PER_S;
	say("the guest asked for a display mode of %ux%u pixels of %u bits; "
	    "this display has 32 bits per pixel, at most %ux%u pixels and "
	    "%llu KiB: the mode stays as it was",
	    regs->xres, regs->yres, regs->bpp, FRAMEBUFFER_MAX_WIDTH,
	    FRAMEBUFFER_MAX_HEIGHT, (unsigned long long)(fb->vram_bytes >> 10));
}

/* As in Bochs, switching on clears the screen unless told to keep it. */
static void clear(struct framebuffer *fb)
{
	const struct framebuffer_mode *mode = &fb->regs.mode;
	uint64_t bytes = (uint64_t)mode->width * mode->height *
			 FRAMEBUFFER_BYTES_PER_PIXEL;

	memset(fb->vram, 0, bytes);
	/* no source sees the host's own stores */
	fb->host->memory_written(fb->host->opaque, FRAMEBUFFER_VRAM_GPA, bytes);
}

static bool enable(struct framebuffer *fb, uint16_t value)
{
	struct framebuffer_regs *regs = &fb->regs;
	const struct framebuffer_mode mode = {regs->xres, regs->yres,
					      regs->xres, 0, 0};
	bool was_on = regs->enable & ENABLE_ON;
	bool clears = false;

	value &= ENABLE_ON | ENABLE_MAXIMA | ENABLE_LINEAR | ENABLE_KEEP;
	if ((value & ENABLE_ON) && !was_on) {
		if (regs->bpp != BITS_PER_PIXEL || !try_mode(fb, &mode)) {
			complain(fb);
			regs->enable = 0;
			return false;
		}
		clears = !(value & ENABLE_KEEP);
	}
	if (clears)
		clear(fb);
	regs->enable = value;
	return clears;
}

static void set_place(struct framebuffer *fb, uint16_t value)
{
	struct framebuffer_mode mode = fb->regs.mode;

	if (!(fb->regs.enable & ENABLE_ON))
		return;
	if (fb->regs.index == INDEX_VIRT_WIDTH)
		mode.virt_width = value;
	else if (fb->regs.index == INDEX_X_OFFSET)
		mode.x_offset = value;
	else
		mode.y_offset = value;
	try_mode(fb, &mode);
}

/* True: it wrote to the framebuffer. */
static bool write_data(struct framebuffer *fb, uint16_t value)
{
	struct framebuffer_regs *regs = &fb->regs;
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
		return enable(fb, value);
	case INDEX_VIRT_WIDTH:
	case INDEX_X_OFFSET:
	case INDEX_Y_OFFSET:
		set_place(fb, value);
		break;
	default:
		break;
	}
	return false;
}

static uint16_t virt_height(const struct framebuffer *fb)
{
	uint64_t lines = fb->vram_bytes / (fb->regs.mode.virt_width *
					   FRAMEBUFFER_BYTES_PER_PIXEL);

	return lines > VIRT_HEIGHT_LIMIT ? VIRT_HEIGHT_LIMIT : (uint16_t)lines;
}

static uint16_t read_data(const struct framebuffer *fb)
{
	const struct framebuffer_regs *regs = &fb->regs;
	bool maxima = regs->enable & ENABLE_MAXIMA;

	switch (regs->index) {
	case INDEX_ID:
		return ID;
	case INDEX_XRES:
		return maxima ? fb->max_width : regs->xres;
	case INDEX_YRES:
		return maxima ? fb->max_height : regs->yres;
	case INDEX_BPP:
		return maxima ? BITS_PER_PIXEL : regs->bpp;
	case INDEX_ENABLE:
		return regs->enable;
	case INDEX_VIRT_WIDTH:
		return regs->mode.virt_width;
	case INDEX_VIRT_HEIGHT:
		return virt_height(fb);
	case INDEX_X_OFFSET:
		return regs->mode.x_offset;
	case INDEX_Y_OFFSET:
		return regs->mode.y_offset;
	case INDEX_MEMORY_64K:
		return (uint16_t)(fb->vram_bytes / BYTES_PER_64K);
	default:
		return 0;
	}
}

bool framebuffer_key(struct framebuffer *fb, uint32_t keysym, bool is_down)
{
	struct framebuffer_regs *regs = &fb->regs;

	if (regs->nkeys == FRAMEBUFFER_MAX_KEYS)
		return false;
	regs->keys[regs->nkeys++] =
		(keysym & KEYSYM_MASK) | (is_down ? KEY_DOWN : 0);
	return true;
}

static uint32_t take_key(struct framebuffer_regs *regs)
{
	uint32_t key = regs->keys[0];

	if (!regs->nkeys)
		return 0;
	regs->nkeys--;
	memmove(&regs->keys[0], &regs->keys[1],
		regs->nkeys * sizeof(regs->keys[0]));
	return key;
}

static bool framebuffer_has_port(const void *self, uint16_t port,
				 unsigned int size)
{
	return port == FRAMEBUFFER_PORT_INDEX ||
	       port == FRAMEBUFFER_PORT_DATA || port == FRAMEBUFFER_PORT_KEYS;
}

static uint32_t framebuffer_in(void *self, uint16_t port, unsigned int size)
{
	struct framebuffer *fb = self;

	if (port == FRAMEBUFFER_PORT_KEYS && size == 4)
		return take_key(&fb->regs);
	if (port == FRAMEBUFFER_PORT_INDEX && size == 2)
		return fb->regs.index;
	if (port == FRAMEBUFFER_PORT_DATA && size == 2)
		return read_data(fb);
	return UINT32_MAX;
}

static bool framebuffer_out(void *self, uint16_t port, unsigned int size,
			    uint32_t value)
{
	struct framebuffer *fb = self;

	if (size == 2 && port == FRAMEBUFFER_PORT_INDEX)
		fb->regs.index = (uint16_t)value;
	return size == 2 && port == FRAMEBUFFER_PORT_DATA &&
	       write_data(fb, (uint16_t)value);
}

static void framebuffer_apply(void *self, const void *loaded)
{
	const struct framebuffer_regs *regs = loaded;
	struct framebuffer *fb = self;

	fb->regs = *regs;
	fb->generation++;
}

const struct device_ops framebuffer_device = {
	.name = "display",
	.version = 1,
	.absence = "this machine has no display (--display)",
	.size = sizeof(struct framebuffer),
	.regs_size = sizeof(struct framebuffer_regs),
	.open = framebuffer_open,
	.has_port = framebuffer_has_port,
	.in = framebuffer_in,
	.out = framebuffer_out,
	.save = framebuffer_save,
	.load = framebuffer_load,
	.check = framebuffer_check,
	.apply = framebuffer_apply,
};
