/* SPDX-License-Identifier: MIT */
/*
 * The display device: a linear framebuffer of 32 bits a pixel, its mode
 * registers, and a queue of keys.
 *
 * The framebuffer is a piece of guest memory of its own ("vram" at
 * DISPLAY_VRAM_GPA) that the guest writes like RAM; a pixel is
 * 0x00rrggbb, little-endian. The registers are the Bochs display interface
 * (VBE dispi): a 16-bit index at port 0x1ce, 16-bit data at 0x1cf.
 *
 *   0 ID (0xb0c5)     4 ENABLE: 1 on, 2 XRES, YRES and BPP read as the
 *   1 XRES              largest ones, 0x40 linear (always), 0x80 do not
 *   2 YRES              clear the screen when it is switched on
 *   3 BPP (32 only)   6 VIRT_WIDTH        8 X_OFFSET
 *                     7 VIRT_HEIGHT       9 Y_OFFSET
 *
 * XRES, YRES and BPP are taken when ENABLE is written with bit 0 set. A mode
 * that makes no sense or does not fit is refused: ENABLE then reads as 0 and
 * the screen stays as it was. A virtual width or an offset that does not fit
 * is ignored. At start the mode of --display is on, all black.
 *
 * Keys: a 32-bit read of port 0x1e0 takes one event off the queue, bit 31 set
 * for a press and clear for a release, the rest an X11 keysym; 0 when the
 * queue is empty. Events beyond DISPLAY_MAX_KEYS are lost.
 *
 * Everything here is called under the devices' lock.
 */
#ifndef VM_DEVICES_FRAMEBUFFER_H
#define VM_DEVICES_FRAMEBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smudge_error;
struct vm_buf;

#define DISPLAY_VRAM_GPA   UINT64_C(0xe0000000)
#define DISPLAY_MAX_WIDTH  3840
#define DISPLAY_MAX_HEIGHT 2160
#define DISPLAY_MAX_KEYS   64

#define DISPLAY_PORT_INDEX 0x1ce
#define DISPLAY_PORT_DATA  0x1cf
#define DISPLAY_PORT_KEYS  0x1e0

/* What is shown, in pixels; lines are virt_width apart. */
struct display_mode {
	uint16_t width;
	uint16_t height;
	uint16_t virt_width;
	uint16_t x_offset;
	uint16_t y_offset;
};

/* The registers: what migrates. */
struct display_regs {
	uint16_t index;
	uint16_t xres;
	uint16_t yres;
	uint16_t bpp;
	uint16_t enable;
	struct display_mode mode;
	uint8_t nkeys;
	uint32_t keys[DISPLAY_MAX_KEYS]; /* oldest first */
};

/* vram_bytes 0: the machine has no display. */
struct display {
	struct display_regs regs;
	uint16_t max_width; /* of --display */
	uint16_t max_height;
	uint8_t *vram; /* borrowed */
	uint64_t vram_bytes;
	uint64_t generation;  /* counts changes of the mode */
	uint64_t complain_ns; /* no complaint before this time */
	void *opaque;
	/* The device itself wrote bytes of the framebuffer. */
	void (*wrote)(void *opaque, uint64_t offset_bytes,
		      uint64_t length_bytes);
};

/* Bytes of framebuffer for a mode of --display, whole pages. */
uint64_t display_vram_bytes(uint16_t width, uint16_t height);

/* Begin with --display's mode. @vram is borrowed, zeros. */
void display_init(struct display *display, uint16_t width, uint16_t height,
		  uint8_t *vram);

/* Is it one of the display's ports, in a machine that has a display? */
bool display_has_port(const struct display *display, uint16_t port);
uint32_t display_in(struct display *display, uint16_t port, unsigned int size);
/* True: it wrote to the framebuffer. */
bool display_out(struct display *display, uint16_t port, unsigned int size,
		 uint32_t value);

/* False when the queue is full: the event is lost. */
bool display_key(struct display *display, uint32_t keysym, bool is_down);

/* The byte of the framebuffer where a mode's first pixel is. */
uint64_t display_first_byte(const struct display_mode *mode);
/* Not empty, no line longer than the stride, all within the framebuffer. */
bool display_mode_fits(const struct display_mode *mode, uint64_t vram_bytes);

#define DISPLAY_STATE_VERSION 1u
void display_encode(const struct display_regs *regs, struct vm_buf *buf);
/*
 * display_decode - check and decode what another process encoded
 * @vram_bytes: size of this machine's framebuffer
 * @ret: written only on success
 * Return: 0, or -EINVAL with one sentence.
 */
int display_decode(const uint8_t *bytes, size_t len, uint64_t vram_bytes,
		   struct display_regs *ret, struct smudge_error *err);
void display_set_regs(struct display *display, const struct display_regs *regs);

#endif
