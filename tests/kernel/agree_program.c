/* SPDX-License-Identifier: MIT */
/*
 * Seeded programs of writes, and the world they run in: memory of this process,
 * which may be the RAM of a tiny machine too.
 */
#include "agree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/range.h"

#define SMALL 4096

const char *const agree_names[AGREE_NKINDS] = {
	[AGREE_STORE] = "a store",     [AGREE_COPY] = "a memcpy",
	[AGREE_READ] = "a read(2)",    [AGREE_PINNED] = "a call that pins",
	[AGREE_DISCARD] = "a discard", [AGREE_GUEST] = "a guest's store",
};

/* ---- draws -------------------------------------------------------------- */

static enum agree_kind draw_kind(struct test_rng *rng, unsigned int kinds)
{
	enum agree_kind kind;

	do
		kind = (enum agree_kind)test_rng_below(rng, AGREE_NKINDS);
	while (!(kinds & AGREE_BIT(kind)));
	return kind;
}

/* A byte of a page; where pages are large, half of them are near the end. */
static size_t draw_byte(struct test_rng *rng, size_t page_bytes)
{
	size_t span = page_bytes;

	if (page_bytes > AGREE_LONGEST && test_rng_below(rng, 2))
		span = AGREE_LONGEST;
	return page_bytes - 1 - (size_t)test_rng_below(rng, span);
}

static size_t draw_call(struct test_rng *rng)
{
	size_t call;

	do
		call = (size_t)test_rng_below(rng, npinned_calls);
	while (pinned_calls[call].stays_pinned);
	return call;
}

/* In whole small pages, or a whole transparent huge page. */
static void draw_discard(struct test_rng *rng,
			 const struct agree_memory *memory,
			 struct agree_event *e)
{
	e->length = (size_t)(1 + test_rng_below(rng, 4)) * SMALL;
	if (memory == &agree_memories[AGREE_THP] && !test_rng_below(rng, 4)) {
		e->length = AGREE_HUGE_BYTES;
		e->offset &= ~(AGREE_HUGE_BYTES - 1);
	}
}

static void draw_bytes(struct test_rng *rng, const struct agree_memory *memory,
		       struct agree_event *e)
{
	size_t byte = draw_byte(rng, (size_t)1 << memory->page_shift);

	switch (e->kind) {
	case AGREE_STORE:
		e->offset += byte;
		e->length = 1;
		break;
	case AGREE_GUEST:
		e->offset += byte & ~(size_t)(SMALL - 1);
		e->length = 4;
		break;
	case AGREE_PINNED:
		e->call = draw_call(rng);
		e->offset += byte & ~(size_t)(SMALL - 1);
		e->length = (size_t)(1 + test_rng_below(rng, 4)) * SMALL;
		break;
	case AGREE_DISCARD:
		draw_discard(rng, memory, e);
		break;
	default:
		e->offset += byte;
		e->length = 1 + (size_t)test_rng_below(rng, AGREE_LONGEST);
	}
}

/* Half of the events are where others were, so that pages meet again. */
static struct agree_event draw_event(struct test_rng *rng,
				     const struct agree_memory *memory,
				     unsigned int kinds)
{
	uint64_t span = min_u64(test_rng_below(rng, 2) ? UINT64_MAX : 16,
				memory->npages);
	struct agree_event e = {.kind = draw_kind(rng, kinds)};
	unsigned int shift = memory->page_shift;

	e.offset = (size_t)test_rng_below(rng, span) << shift;
	draw_bytes(rng, memory, &e);
	e.length = min_u64(e.length, (memory->npages << shift) - e.offset);
	e.first = e.offset >> shift;
	e.npages = ((e.offset + e.length - 1) >> shift) - e.first + 1;
	return e;
}

void agree_draw(struct test_rng *rng, const struct agree_memory *memory,
		unsigned int kinds, struct agree_program *ret)
{
	ret->nevents = (size_t)test_rng_below(rng, AGREE_EVENTS + 1);
	for (size_t i = 0; i < ret->nevents; i++)
		ret->events[i] = draw_event(rng, memory, kinds);
	ret->end = (enum agree_end)test_rng_below(rng, AGREE_NENDS);
}

/* ---- the world ---------------------------------------------------------- */

/* read(2) has something to read. */
static int open_file(void)
{
	static const char text[AGREE_LONGEST] = "what read(2) reads";
	int fd = memfd_create("agree", MFD_CLOEXEC);

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	return fd;
}

/* Where a file system has no O_DIRECT, the kernel copies instead. */
static void open_calls(struct agree_world *world)
{
	static uint8_t filled[AGREE_LONGEST] = "what is written";

	world->target.filled = filled;
	world->target.fd = pinned_open_file(AGREE_LONGEST);
	if (world->target.fd < 0) {
		printf("# no O_DIRECT here: %s\n", strerror(-world->target.fd));
		world->target.fd = open_file();
	}
	for (size_t i = 0; i < npinned_calls; i++) {
		if (!pinned_calls[i].stays_pinned &&
		    pinned_calls[i].open(&world->target) == 0)
			world->calls |= AGREE_BIT(i);
	}
}

static void close_calls(struct agree_world *world)
{
	for (size_t i = 0; i < npinned_calls; i++) {
		if (world->calls & AGREE_BIT(i))
			pinned_calls[i].close(&world->target);
	}
	close(world->target.fd);
}

static void open_vm(struct agree_world *world, enum agree_vm vm)
{
	uint64_t npages =
		(world->memory->npages << world->memory->page_shift) / SMALL;
	struct smudge_error err = {0};
	int ret;

	if (vm != AGREE_VM_RING) {
		tiny_vm_open(&world->vm, world->ram.bytes, npages);
		return;
	}
	ret = tiny_vm_open_ring(&world->vm, world->ram.bytes, npages, 0, &err);
	if (ret == -EOPNOTSUPP)
		test_skip_without("kvm", err.message);
	if (ret < 0)
		fail_msg("%s", err.message);
}

void agree_world_open(struct agree_world *world,
		      const struct agree_memory *memory, enum agree_vm vm,
		      unsigned int kinds)
{
	memset(world, 0, sizeof(*world));
	world->memory = memory;
	world->target.fd = -1;
	world->has_vm = kinds & AGREE_BIT(AGREE_GUEST) || vm != AGREE_VM_ANY;
	if (world->has_vm)
		test_need_kvm();
	agree_ram_open(&world->ram, memory);
	world->file = open_file();
	if (kinds & AGREE_BIT(AGREE_PINNED))
		open_calls(world);
	if (world->has_vm)
		open_vm(world, vm);
}

void agree_world_close(struct agree_world *world)
{
	close(world->file);
	if (world->target.fd >= 0)
		close_calls(world);
	if (world->has_vm)
		tiny_vm_close(&world->vm);
	agree_ram_close(&world->ram);
}

/* A call that this kernel lacks is replaced by the first one, which all have.
 */
static void play_call(struct agree_world *world, const struct agree_event *e)
{
	size_t call = world->calls & AGREE_BIT(e->call) ? e->call : 0;

	world->target.ram = world->ram.bytes + e->offset;
	world->target.size_bytes = e->length;
	assert_int_equal(pinned_calls[call].transfer(&world->target), 0);
}

void agree_play(struct agree_world *world, const struct agree_event *e)
{
	uint8_t *at = world->ram.bytes + e->offset;
	uint8_t buffer[AGREE_LONGEST];

	world->value++;
	switch (e->kind) {
	case AGREE_STORE:
		*(volatile uint8_t *)at = (uint8_t)world->value;
		break;
	case AGREE_COPY:
		memset(buffer, (int)(world->value & 0xff), e->length);
		memcpy(at, buffer, e->length);
		break;
	case AGREE_READ:
		assert_int_equal(pread(world->file, at, e->length, 0),
				 e->length);
		break;
	case AGREE_PINNED:
		play_call(world, e);
		break;
	case AGREE_DISCARD:
		assert_return_code(madvise(at, e->length, MADV_DONTNEED),
				   errno);
		break;
	default:
		tiny_vm_store(&world->vm, e->offset / SMALL, world->value);
	}
}
