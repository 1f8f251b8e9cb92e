/* SPDX-License-Identifier: MIT */
/*
 * A device for new_device.c: a 32-bit register at port 0x7f0 that keeps
 * what was written, but never an odd number of a peer.
 */
#include "devices/device.h"

#include <errno.h>

#include <smudge/error.h>

#include "base/bytes.h"

#define PORT 0x7f0

struct scratch {
	uint32_t value;
};

static bool has_port(const void *self, uint16_t port, unsigned int size)
{
	return port == PORT && size == 4;
}

static uint32_t in(void *self, uint16_t port, unsigned int size)
{
	const struct scratch *scratch = self;

	return scratch->value;
}

static bool out(void *self, uint16_t port, unsigned int size, uint32_t value)
{
	struct scratch *scratch = self;

	scratch->value = value;
	return false;
}

static void save(const void *self, struct vm_buf *buf)
{
	const struct scratch *scratch = self;

	vm_buf_put32(buf, scratch->value);
}

static void load(struct vm_reader *reader, void *ret_regs)
{
	*(struct scratch *)ret_regs = (struct scratch){vm_read32(reader)};
}

static int check(const void *self, const void *regs, struct smudge_error *err)
{
	const struct scratch *loaded = regs;

	if (loaded->value % 2 == 0)
		return 0;
	return smudge_error_set(err, -EINVAL, "scratch", "%u is odd",
				loaded->value);
}

static void apply(void *self, const void *regs)
{
	const struct scratch *loaded = regs;

	*(struct scratch *)self = *loaded;
}

const struct device_ops scratch_device = {
	.name = "scratch",
	.version = 1,
	.size = sizeof(struct scratch),
	.regs_size = sizeof(struct scratch),
	.has_port = has_port,
	.in = in,
	.out = out,
	.save = save,
	.load = load,
	.check = check,
	.apply = apply,
};
