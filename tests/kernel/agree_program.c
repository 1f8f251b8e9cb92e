/* SPDX-License-Identifier: MIT */
/*
 * Seeded programs of writes, and the memory they run on: private anonymous
 * memory of this process, which may be the RAM of a tiny machine too.
 */
#include "agree.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/range.h"

#define RAM_BYTES ((size_t)AGREE_PAGES * AGREE_PAGE)
#define LONGEST	  (5 * AGREE_PAGE) /* of a copy, read or discard */

const char *const agree_names[AGREE_NKINDS] = {
	[AGREE_STORE] = "a store",	   [AGREE_COPY] = "a memcpy",
	[AGREE_READ] = "a read(2)",	   [AGREE_DISCARD] = "a discard",
	[AGREE_GUEST] = "a guest's store",
};

static enum agree_kind draw_kind(struct test_rng *rng, unsigned int kinds)
{
	enum agree_kind kind;

	do
		kind = (enum agree_kind)test_rng_below(rng, AGREE_NKINDS);
	while (!(kinds & AGREE_BIT(kind)));
	return kind;
}

/* Half of the events are where others were, so that pages meet again. */
static struct agree_event draw_event(struct test_rng *rng, unsigned int kinds)
{
	uint64_t span = test_rng_below(rng, 2) ? AGREE_PAGES : 16;
	struct agree_event e = {.kind = draw_kind(rng, kinds)};
	uint64_t page = test_rng_below(rng, span);

	e.offset = (size_t)(page * AGREE_PAGE);
	switch (e.kind) {
	case AGREE_STORE:
		e.offset += (size_t)test_rng_below(rng, AGREE_PAGE);
		e.length = 1;
		break;
	case AGREE_GUEST:
		e.length = 4;
		break;
	case AGREE_DISCARD:
		e.length = (size_t)(1 + test_rng_below(rng, 4)) * AGREE_PAGE;
		break;
	default:
		e.offset += (size_t)test_rng_below(rng, AGREE_PAGE);
		e.length = 1 + (size_t)test_rng_below(rng, LONGEST);
	}
	e.length = min_u64(e.length, RAM_BYTES - e.offset);
	e.first = e.offset / AGREE_PAGE;
	e.npages = (e.offset + e.length - 1) / AGREE_PAGE - e.first + 1;
	return e;
}

void agree_draw(struct test_rng *rng, unsigned int kinds,
		struct agree_program *ret)
{
	ret->nevents = (size_t)test_rng_below(rng, AGREE_EVENTS + 1);
	for (size_t i = 0; i < ret->nevents; i++)
		ret->events[i] = draw_event(rng, kinds);
}

/* read(2) has something to read. */
static int open_file(void)
{
	static const char text[LONGEST] = "what read(2) reads";
	int fd = memfd_create("agree", MFD_CLOEXEC);

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	return fd;
}

/* A mapping that never merges with a neighbour, which soft-dirty bits see. */
static void map_ram(struct agree_world *world)
{
	world->map = mmap(NULL, RAM_BYTES + 2 * AGREE_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(world->map, MAP_FAILED);
	world->ram = world->map + AGREE_PAGE;
	assert_return_code(
		mprotect(world->ram, RAM_BYTES, PROT_READ | PROT_WRITE), errno);
}

static void open_vm(struct agree_world *world, enum agree_vm vm)
{
	struct smudge_error err = {0};
	int ret;

	if (vm != AGREE_VM_RING) {
		tiny_vm_open(&world->vm, world->ram, AGREE_PAGES);
		return;
	}
	ret = tiny_vm_open_ring(&world->vm, world->ram, AGREE_PAGES, 0, &err);
	if (ret == -EOPNOTSUPP)
		test_skip_without("kvm", err.message);
	if (ret < 0)
		fail_msg("%s", err.message);
}

void agree_world_open(struct agree_world *world, enum agree_vm vm,
		      bool has_guest)
{
	memset(world, 0, sizeof(*world));
	world->has_vm = has_guest || vm != AGREE_VM_ANY;
	if (world->has_vm)
		test_need_kvm();
	map_ram(world);
	world->file = open_file();
	if (world->has_vm)
		open_vm(world, vm);
}

void agree_world_close(struct agree_world *world)
{
	close(world->file);
	if (world->has_vm)
		tiny_vm_close(&world->vm);
	munmap(world->map, RAM_BYTES + 2 * AGREE_PAGE);
}

void agree_play(struct agree_world *world, const struct agree_event *e)
{
	uint8_t *at = world->ram + e->offset;
	uint8_t buffer[LONGEST];

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
	case AGREE_DISCARD:
		assert_return_code(madvise(at, e->length, MADV_DONTNEED),
				   errno);
		break;
	default:
		tiny_vm_store(&world->vm, e->first, world->value);
	}
}
