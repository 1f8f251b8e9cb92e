/* SPDX-License-Identifier: MIT */
/*
 * Code that is changed and marked while the machine is stopped, as by a
 * debugger, runs in its new form when the machine continues: in one page,
 * across two, and in so many pages that the engine's lists overflow. So does
 * code that a display clears while the machine runs.
 */
#include "vm_guest.h"

#include <string.h>
#include <unistd.h>

#include <smudge/code.h>
#include <smudge/error.h>
#include <smudge/memory.h>

#include "base/bytes.h"
#include "devices/framebuffer.h"

#define RIP_OFFSET (19 + 16 * 8) /* in the state: behind 16 registers */
#define TARGET_GPA UINT64_C(0x6000)
#define CODE_GPA   UINT64_C(0x1000000)
#define STORE_LEN  11
#define VALUE_AT   7 /* of the store */
#define NLINKS	   1300
#define NVALUES	   20

static uint8_t *at(struct vm_guest *guest, uint64_t gpa)
{
	return ram_at(machine_ram(guest->machine), gpa, 16);
}

static void put32(uint8_t *p, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

/* jmp to @to at @from; returns its length. */
static uint64_t put_jump(struct vm_guest *guest, uint64_t from, uint64_t to)
{
	uint8_t *p = at(guest, from);

	p[0] = 0xe9;
	put32(p + 1, (uint32_t)(to - (from + 5)));
	return 5;
}

/* mov dword [@target_gpa], 0 at @gpa, and a jump to @next */
static void put_store_to(struct vm_guest *guest, uint64_t gpa,
			 uint32_t target_gpa, uint64_t next)
{
	static const uint8_t store[] = {0xc7, 0x04, 0x25};
	uint8_t *p = at(guest, gpa);

	memcpy(p, store, sizeof(store));
	put32(p + 3, target_gpa);
	put32(p + VALUE_AT, 0);
	put_jump(guest, gpa + STORE_LEN, next);
}

static void put_store(struct vm_guest *guest, uint64_t gpa, uint64_t next)
{
	put_store_to(guest, gpa, TARGET_GPA, next);
}

static void jump_there(struct vm_guest *guest, uint64_t gpa)
{
	struct smudge_error err = {0};
	struct vm_buf buf = {0};
	int ret = machine_save_state(guest->machine, &buf, &err);

	assert_int_equal(ret, 0);
	vm_buf_patch32(&buf, RIP_OFFSET, (uint32_t)gpa);
	ret = machine_load_state(guest->machine, buf.bytes, buf.len, &err);
	if (ret < 0)
		fail_msg("%s", err.message);
	vm_buf_free(&buf);
}

static void start(struct vm_guest *guest, const char *engine)
{
	vm_guest_need(engine);
	vm_guest_open(guest, engine, "auto", "working-set=64K");
}

/* The guest stores @value there, or the test's time is over. */
static void run_until_at(struct vm_guest *guest, uint64_t gpa, uint32_t value)
{
	const volatile uint8_t *target = at(guest, gpa);

	assert_int_equal(machine_resume(guest->machine), 0);
	while ((uint32_t)(target[0] | target[1] << 8) != value)
		usleep(100);
	machine_pause(guest->machine, MACHINE_PAUSED);
}

static void run_until(struct vm_guest *guest, uint32_t value)
{
	run_until_at(guest, TARGET_GPA, value);
}

static void change(struct vm_guest *guest, uint64_t gpa, uint32_t value)
{
	put32(at(guest, gpa), value);
	smudge_memory_mark_gpa(machine_memory(guest->machine), gpa, 4);
}

static void patched(const char *engine, uint64_t gpa)
{
	struct vm_guest guest;

	start(&guest, engine);
	put_store(&guest, gpa, gpa);
	jump_there(&guest, gpa);
	for (uint32_t value = 0; value < 100; value++) {
		run_until(&guest, value);
		change(&guest, gpa + VALUE_AT, value + 1);
	}
	vm_guest_close(&guest);
}

/* One block in every second page, round and round. */
static void chain(const char *engine)
{
	uint64_t end = CODE_GPA + NLINKS * UINT64_C(8192);
	uint32_t nvalues = test_rounds(NVALUES);
	struct vm_guest guest;

	start(&guest, engine);
	for (uint64_t gpa = CODE_GPA; gpa < end; gpa += 8192)
		put_jump(&guest, gpa, gpa + 8192);
	put_store(&guest, end, CODE_GPA);
	jump_there(&guest, CODE_GPA);
	for (uint32_t value = 0; value < nvalues; value++) {
		run_until(&guest, value);
		if (value % 2)
			smudge_memory_mark_gpa(machine_memory(guest.machine),
					       CODE_GPA, end - CODE_GPA);
		change(&guest, end + VALUE_AT, value + 1);
	}
	vm_guest_close(&guest);
}

/*
 * Unicorn does not report the first block of a new engine. The engine counts it
 * all the same: a block that begins in the page before and ends in the first
 * block's page is invalidated, and the page stays watched.
 */
static void first_block(const char *engine)
{
	uint64_t second = CODE_GPA - STORE_LEN; /* its jump is in CODE_GPA */
	uint64_t first = CODE_GPA + 256;
	uint64_t links = CODE_GPA + 8192;
	uint64_t gpa = links;
	struct vm_guest guest;

	start(&guest, engine);
	put_store(&guest, first, second);
	put_store_to(&guest, second, TARGET_GPA + 4, links);
	for (; gpa < links + 32 * UINT64_C(8192); gpa += 8192)
		put_jump(&guest, gpa, gpa + 8192);
	put_jump(&guest, gpa, first);
	for (uint32_t value = 1; value < 60; value += 2) {
		change(&guest, first + VALUE_AT, value);
		jump_there(&guest, first);
		run_until(&guest, value);
		change(&guest, second + VALUE_AT, value);
		run_until_at(&guest, TARGET_GPA + 4, value);
		change(&guest, first + VALUE_AT, value + 1);
		run_until(&guest, value + 1);
	}
	vm_guest_close(&guest);
}

static void test_first_block_unicorn(void **state)
{
	first_block("unicorn");
}

static uint64_t blocks(struct vm_guest *guest)
{
	struct smudge_code_stats stats = {.size = sizeof(stats)};

	assert_int_equal(
		smudge_code_stats(machine_code(guest->machine), &stats), 0);
	return stats.blocks;
}

/* A new engine has no blocks: those of the one before are not watched for. */
static void test_reopened_unicorn(void **state)
{
	uint64_t end = CODE_GPA + 32 * UINT64_C(8192);
	struct vm_guest guest;
	uint32_t value = 1;

	start(&guest, "unicorn");
	for (uint64_t gpa = CODE_GPA; gpa < end; gpa += 8192)
		put_jump(&guest, gpa, gpa + 8192);
	put_store(&guest, end, CODE_GPA);
	jump_there(&guest, CODE_GPA);
	for (; value < 5; value++) {
		change(&guest, end + VALUE_AT, value);
		run_until(&guest, value);
	}
	assert_in_range(blocks(&guest), 32, 64);
	put_store(&guest, CODE_GPA, CODE_GPA);
	jump_there(&guest, CODE_GPA);
	for (; value < 9; value++) {
		change(&guest, CODE_GPA + VALUE_AT, value);
		run_until(&guest, value);
	}
	assert_in_range(blocks(&guest), 0, 4);
	vm_guest_close(&guest);
}

/* mov @reg, @value: eax 0, ecx 1, edx 2, ebx 3 */
static uint8_t *put_mov(uint8_t *p, unsigned int reg, uint32_t value)
{
	p[0] = (uint8_t)(0xb8 + reg);
	put32(p + 1, value);
	return p + 5;
}

static uint8_t *put_bytes(uint8_t *p, const char *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

/* out @port, ax */
static uint8_t *put_out(uint8_t *p, uint16_t port, uint16_t value)
{
	p = put_mov(put_mov(p, 2, port), 0, value);
	return put_bytes(p, "\x66\xef", 2);
}

static uint8_t *put_display(uint8_t *p, uint16_t index, uint16_t value)
{
	return put_out(put_out(p, FRAMEBUFFER_PORT_INDEX, index),
		       FRAMEBUFFER_PORT_DATA, value);
}

/* Run the code in the framebuffer, and come back to what follows. */
static uint8_t *put_visit(uint8_t *p, uint64_t gpa)
{
	p = put_mov(p, 0, TARGET_GPA + 8); /* what cleared code writes to */
	p = put_mov(p, 1, (uint32_t)FRAMEBUFFER_VRAM_GPA);
	p = put_mov(p, 3, (uint32_t)gpa + 17);
	return put_bytes(p, "\xff\xe1", 2); /* jmp rcx */
}

/*
 * A display that clears its screen writes memory while the guest runs. Code
 * was in the first 64 bytes of it; zeros, which it runs then, change nothing.
 */
static void cleared(const char *engine)
{
	static const char come_back[] = "\xff\xe3"; /* jmp rbx */
	struct vm_guest guest;
	uint8_t *p;

	vm_guest_need(engine);
	vm_guest_open_everything(&guest, engine, "");
	p = at(&guest, FRAMEBUFFER_VRAM_GPA);
	memset(p, 0, 128);
	put_store(&guest, FRAMEBUFFER_VRAM_GPA, FRAMEBUFFER_VRAM_GPA + 64);
	p[VALUE_AT] = 1;
	memcpy(p + 64, come_back, 2);
	p = put_visit(at(&guest, CODE_GPA), CODE_GPA);
	p = put_display(p, 4, 0); /* off */
	p = put_display(p, 1, 16);
	p = put_display(p, 2, 1);
	/* mov dword [TARGET_GPA], 0 */
	p = put_bytes(p, "\xc7\x04\x25\x00\x60\x00\x00\x00\x00\x00\x00", 11);
	p = put_display(p, 4, 0x41); /* on: 16 x 1 pixels are cleared */
	p = put_visit(p, CODE_GPA + (uint64_t)(p - at(&guest, CODE_GPA)));
	/* mov eax, [TARGET_GPA]; or eax, 0x100; mov [TARGET_GPA + 4], eax */
	p = put_bytes(p,
		      "\x8b\x04\x25\x00\x60\x00\x00\x0d\x00\x01\x00\x00"
		      "\x89\x04\x25\x04\x60\x00\x00",
		      19);
	put_bytes(p, "\xeb\xfe", 2); /* stays here */
	jump_there(&guest, CODE_GPA);
	run_until_at(&guest, TARGET_GPA + 4, 0x100);
	vm_guest_close(&guest);
}

static void test_cleared_kvm(void **state)
{
	cleared("kvm");
}

static void test_cleared_unicorn(void **state)
{
	cleared("unicorn");
}

static void test_patched_kvm(void **state)
{
	patched("kvm", CODE_GPA);
}

static void test_patched_unicorn(void **state)
{
	patched("unicorn", CODE_GPA);
	/* the constant alone in the second page; in the middle of it */
	patched("unicorn", CODE_GPA - VALUE_AT);
	patched("unicorn", CODE_GPA - VALUE_AT - 2);
}

static void test_chain_kvm(void **state)
{
	chain("kvm");
}

static void test_chain_unicorn(void **state)
{
	chain("unicorn");
}

TEST_MAIN(test_patched_kvm, test_patched_unicorn, test_first_block_unicorn,
	  test_reopened_unicorn, test_cleared_kvm, test_cleared_unicorn,
	  test_chain_kvm, test_chain_unicorn)
