/* SPDX-License-Identifier: MIT */
/*
 * The display's migrated state: its registers and the keys not yet read.
 * The framebuffer itself migrates as memory.
 */
#include "devices/framebuffer.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"

void display_encode(const struct display_regs *regs, struct vm_buf *buf)
{
	unsigned int i;

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
	for (i = 0; i < DISPLAY_MAX_KEYS; i++)
		vm_buf_put32(buf, i < regs->nkeys ? regs->keys[i] : 0);
}

static void read_regs(struct vm_reader *reader, struct display_regs *regs)
{
	unsigned int i;

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
	for (i = 0; i < DISPLAY_MAX_KEYS; i++)
		regs->keys[i] = vm_read32(reader);
}

int display_decode(const uint8_t *bytes, size_t len, uint64_t vram_bytes,
		   struct display_regs *ret, struct smudge_error *err)
{
	struct vm_reader reader = {.bytes = bytes, .len = len};
	struct display_regs regs;

	read_regs(&reader, &regs);
	if (reader.failed || reader.pos != len)
		return smudge_error_set(err, -EINVAL, "state",
					"The display's state has a wrong "
					"length.");
	if (regs.nkeys > DISPLAY_MAX_KEYS)
		return smudge_error_set(err, -EINVAL, "state",
					"The display's state claims %u keys in "
					"a queue of %u.",
					regs.nkeys, DISPLAY_MAX_KEYS);
	if (!display_mode_fits(&regs.mode, vram_bytes))
		return smudge_error_set(err, -EINVAL, "state",
					"The display's state has a mode of "
					"%ux%u pixels, lines of %u, from "
					"%u,%u on, outside the %llu KiB of "
					"this machine's framebuffer.",
					regs.mode.width, regs.mode.height,
					regs.mode.virt_width,
					regs.mode.x_offset, regs.mode.y_offset,
					(unsigned long long)(vram_bytes >> 10));
	*ret = regs;
	return 0;
}
