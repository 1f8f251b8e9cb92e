/* SPDX-License-Identifier: MIT */
/*
 * The timer: port 0x608 reads as a free-running 32-bit counter of 3.579545
 * MHz guest time. A vCPU that writes a value there stands still until the
 * counter has reached it, for DEVICE_MAX_REST_NS at most, so a guest that waits
 * leaves the host's processor to others. It reads the counter again after that.
 *
 * It migrates as its value: the destination's own clock starts anywhere, and
 * an offset makes up for the difference.
 */
#include "devices/device.h"

#include "base/bytes.h"
#include "devices/clock.h"

#define PORT	 0x608
#define TIMER_HZ UINT64_C(3579545)
#define NS_PER_S UINT64_C(1000000000)

struct timer {
	const struct vm_clock *clock;
	uint32_t offset; /* added to the ticks of guest time */
};

struct timer_regs {
	uint32_t value;
};

/* Split, so that no product overflows. */
static uint32_t ticks(const struct vm_clock *clock)
{
	uint64_t ns = vm_clock_ns(clock);

	return (uint32_t)(ns / NS_PER_S * TIMER_HZ +
			  ns % NS_PER_S * TIMER_HZ / NS_PER_S);
}

static int timer_open(void *self, const struct device_host *host,
		      const struct device_config *config,
		      struct smudge_error *err)
{
	struct timer *timer = self;

	timer->clock = host->clock;
	return 0;
}

static bool timer_has_port(const void *self, uint16_t port, unsigned int size)
{
	return port == PORT;
}

static uint32_t value(const struct timer *timer)
{
	return ticks(timer->clock) + timer->offset;
}

static uint32_t timer_in(void *self, uint16_t port, unsigned int size)
{
	return value(self);
}

/* A value behind the counter, by less than half of its range, is reached. */
static uint64_t timer_rest_ns(const void *self, uint32_t wanted)
{
	int32_t left = (int32_t)(wanted - value(self));

	return left <= 0 ? 0 : (uint64_t)left * NS_PER_S / TIMER_HZ;
}

static void timer_save(const void *self, struct vm_buf *buf)
{
	vm_buf_put32(buf, value(self));
}

static void timer_load(struct vm_reader *reader, void *ret_regs)
{
	struct timer_regs *regs = ret_regs;

	regs->value = vm_read32(reader);
}

static void timer_apply(void *self, const void *loaded)
{
	const struct timer_regs *regs = loaded;
	struct timer *timer = self;

	timer->offset = regs->value - ticks(timer->clock);
}

const struct device_ops timer_device = {
	.name = "timer",
	.version = 1,
	.size = sizeof(struct timer),
	.regs_size = sizeof(struct timer_regs),
	.open = timer_open,
	.has_port = timer_has_port,
	.in = timer_in,
	.rest_ns = timer_rest_ns,
	.save = timer_save,
	.load = timer_load,
	.apply = timer_apply,
};
