/* SPDX-License-Identifier: MIT */
/*
 * The framebuffer's section of the machine's state: the registers and the keys
 * not yet read. The pixels migrate as memory.
 */
#include "devices/framebuffer.h"

#include <errno.h>

#include <smudge/error.h>

#include "base/bytes.h"

#define WHERE "framebuffer"

void framebuffer_save(const void *self, struct vm_buf *buf)
{
	const struct framebuffer *fb = self;
	const struct framebuffer_regs *regs = &fb->regs;

	vm_buf_put16(buf, regs->index);
	vm_buf_put16(buf, regs->xres);
	vm_buf_put16(buf, regs->yres);
	vm_buf_put16(buf, regs->bpp);
	vm_buf_put16(buf, regs->enable);
	vm_buf_put16(buf, regs->mode.width);
	vm_buf_put16(buf, regs->mode.height);
	vm_buf_put16(buf, regs->mode.virt_width);
	vm_buf_put16(buf, regs->mode.x_offset);
	vm_buf_put16(buf, regs->mode.y_offset);
	vm_buf_put8(buf, regs->nkeys);
	for (unsigned int i = 0; i < FRAMEBUFFER_MAX_KEYS; i++)
		vm_buf_put32(buf, i < regs->nkeys ? regs->keys[i] : 0);
}

void framebuffer_load(struct vm_reader *reader, void *ret_regs)
{
	struct framebuffer_regs *regs = ret_regs;

	regs->index = vm_read16(reader);
	regs->xres = vm_read16(reader);
	regs->yres = vm_read16(reader);
	regs->bpp = vm_read16(reader);
	regs->enable = vm_read16(reader);
	regs->mode.width = vm_read16(reader);
	regs->mode.height = vm_read16(reader);
	regs->mode.virt_width = vm_read16(reader);
	regs->mode.x_offset = vm_read16(reader);
	regs->mode.y_offset = vm_read16(reader);
	regs->nkeys = vm_read8(reader);
	for (unsigned int i = 0; i < FRAMEBUFFER_MAX_KEYS; i++)
		regs->keys[i] = vm_read32(reader);
}

int framebuffer_check(const void *self, const void *loaded,
		      struct smudge_error *err)
{
	const struct framebuffer_regs *regs = loaded;
	const struct framebuffer *fb = self;
	const struct framebuffer_mode *mode = &regs->mode;

	if (regs->nkeys > FRAMEBUFFER_MAX_KEYS)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the display's state claims %u keys in "
					"a queue of %u",
					regs->nkeys, FRAMEBUFFER_MAX_KEYS);
	if (framebuffer_mode_fits(mode, fb->vram_bytes))
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"the display's state has a mode of %ux%u "
				"pixels, lines of %u, from %u,%u on, outside "
				"the %llu KiB of this machine's framebuffer",
				mode->width, mode->height, mode->virt_width,
				mode->x_offset, mode->y_offset,
				(unsigned long long)(fb->vram_bytes >> 10));
}
