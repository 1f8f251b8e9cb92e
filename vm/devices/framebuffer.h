/* SPDX-License-Identifier: MIT */
/*
 * The framebuffer of --display: 32 bits per pixel, linear, with its mode
 * registers and a queue of keys. (Clients of dirty memory that look at it are
 * displays: smudge/display.h.)
 *
 * Its pixels are a piece of guest memory of its own ("vram" at
 * FRAMEBUFFER_VRAM_GPA) that the guest writes like RAM; a pixel is
 * 0x00rrggbb, little-endian. The registers are the Bochs display interface
 * (VBE dispi): a 16-bit index at port 0x1ce, 16-bit data at 0x1cf.
 *
 *   0 ID (0xb0c5)     4 ENABLE: 1 on, 2 XRES, YRES and BPP read as the
 *   1 XRES              largest ones, 0x40 linear (always), 0x80 do not
 *   2 YRES              clear the screen when it is switched on
 *   3 BPP (32 only)   6 VIRT_WIDTH        8 X_OFFSET
 *                     7 VIRT_HEIGHT       9 Y_OFFSET
 *
 * XRES, YRES and BPP take effect when ENABLE is written with bit 0 set. A mode
 * that makes no sense or does not fit is refused: ENABLE then reads as 0 and
 * the screen stays as it was. A virtual width or an offset that does not fit
 * is ignored. At start the mode of --display is on, all black.
 *
 * Keys: a 32-bit read of port 0x1e0 takes one event off the queue, bit 31 set
 * for a press and clear for a release, the rest an X11 keysym; 0 when the
 * queue is empty. Events beyond FRAMEBUFFER_MAX_KEYS are lost.
 *
 * Everything here is called under the devices' lock.
 */
#ifndef VM_DEVICES_FRAMEBUFFER_H
#define VM_DEVICES_FRAMEBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device_host;
struct smudge_error;
struct vm_buf;
struct vm_reader;

#define FRAMEBUFFER_VRAM_GPA	    UINT64_C(0xe0000000)
#define FRAMEBUFFER_BYTES_PER_PIXEL 4
#define FRAMEBUFFER_MAX_WIDTH	    3840
#define FRAMEBUFFER_MAX_HEIGHT	    2160
#define FRAMEBUFFER_MAX_KEYS	    64

#define FRAMEBUFFER_PORT_INDEX 0x1ce
#define FRAMEBUFFER_PORT_DATA  0x1cf
#define FRAMEBUFFER_PORT_KEYS  0x1e0

/* What is shown, in pixels; lines are virt_width apart. */
struct framebuffer_mode {
	uint16_t width;
	uint16_t height;
	uint16_t virt_width;
	uint16_t x_offset;
	uint16_t y_offset;
};

/* The registers and the keys not yet read. */
struct framebuffer_regs {
	uint16_t index;
	uint16_t xres;
	uint16_t yres;
	uint16_t bpp;
	uint16_t enable;
	struct framebuffer_mode mode;
	uint8_t nkeys;
	uint32_t keys[FRAMEBUFFER_MAX_KEYS]; /* oldest first */
};

struct framebuffer {
	struct framebuffer_regs regs;
	uint16_t max_width; /* of --display */
	uint16_t max_height;
	uint8_t *vram; /* borrowed */
	uint64_t vram_bytes;
	uint64_t generation;  /* changes with the mode */
	uint64_t complain_ns; /* no complaint before this time */
	const struct device_host *host;
};

/* Bytes of framebuffer for a mode of --display, whole pages. */
uint64_t framebuffer_vram_bytes(uint16_t width, uint16_t height);

/* False when the queue is full: the event is lost. */
bool framebuffer_key(struct framebuffer *fb, uint32_t keysym, bool is_down);

/* framebuffer_mode.c: the byte of the framebuffer with the first pixel. */
uint64_t framebuffer_first_byte(const struct framebuffer_mode *mode);
/* Not empty, no line longer than the stride, all within the framebuffer. */
bool framebuffer_mode_fits(const struct framebuffer_mode *mode,
			   uint64_t vram_bytes);

/* framebuffer_state.c, as in device_ops. */
void framebuffer_save(const void *self, struct vm_buf *buf);
void framebuffer_load(struct vm_reader *reader, void *ret_regs);
int framebuffer_check(const void *self, const void *loaded,
		      struct smudge_error *err);

#endif
