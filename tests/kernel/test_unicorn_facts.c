/* SPDX-License-Identifier: MIT */
/*
 * What the Unicorn library itself does, which smudge-vm's engine is built on
 * (docs/decisions/0010). Where a newer Unicorn does better, a test here fails,
 * and what the engine refuses can be allowed.
 */
#include "support.h"

#include <string.h>
#include <sys/mman.h>
#include <unicorn/unicorn.h>
#include <x86intrin.h>

#define RAM_BYTES  (UINT64_C(64) << 20)
#define CODE_GPA   UINT64_C(0x100000)
#define TABLES_GPA UINT64_C(0x10000)
#define MSR_TSC	   0x10
#define MSR_EFER   0xc0000080
#define LARGE(n)   ((uint64_t)(n) << 21)
#define PAGE	   0xe3
#define TABLE	   0x23

struct rig {
	uc_engine *uc;
	uint8_t *ram;
	uint64_t *pd; /* the page directory in it */
};

static void put(const struct rig *rig, int id, uint64_t value)
{
	assert_int_equal(uc_reg_write(rig->uc, id, &value), UC_ERR_OK);
}

static uint64_t get(const struct rig *rig, int id)
{
	uint64_t value = 0;

	uc_reg_read(rig->uc, id, &value);
	return value;
}

static void put_msr(const struct rig *rig, uint32_t index, uint64_t value)
{
	uc_x86_msr msr = {.rid = index, .value = value};

	uc_reg_write(rig->uc, UC_X86_REG_MSR, &msr);
}

static uint64_t get_msr(const struct rig *rig, uint32_t index)
{
	uc_x86_msr msr = {.rid = index};

	uc_reg_read(rig->uc, UC_X86_REG_MSR, &msr);
	return msr.value;
}

static uint64_t *word_at(const struct rig *rig, uint64_t gpa)
{
	return (uint64_t *)(rig->ram + gpa);
}

/* 64-bit mode, RAM one to one, with 2 MiB pages. */
static void open_rig(struct rig *rig)
{
	rig->ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(rig->ram != MAP_FAILED);
	*word_at(rig, TABLES_GPA) = (TABLES_GPA + 0x1000) | TABLE;
	*word_at(rig, TABLES_GPA + 0x1000) = (TABLES_GPA + 0x2000) | TABLE;
	rig->pd = word_at(rig, TABLES_GPA + 0x2000);
	for (unsigned int i = 0; i < RAM_BYTES >> 21; i++)
		rig->pd[i] = LARGE(i) | PAGE;
	assert_int_equal(uc_open(UC_ARCH_X86, UC_MODE_64, &rig->uc), UC_ERR_OK);
	assert_int_equal(
		uc_mem_map_ptr(rig->uc, 0, RAM_BYTES, UC_PROT_ALL, rig->ram),
		UC_ERR_OK);
	put_msr(rig, MSR_EFER, 0x500);
	put(rig, UC_X86_REG_CR4, 0x20);
	put(rig, UC_X86_REG_CR3, TABLES_GPA);
	put(rig, UC_X86_REG_CR0, 0x80010031);
}

static void close_rig(struct rig *rig)
{
	uc_close(rig->uc);
	munmap(rig->ram, RAM_BYTES);
}

/* Up to the HLT that is added; until == 0: no end address. */
static uc_err run(const struct rig *rig, const void *code, size_t len,
		  uint64_t until)
{
	memcpy(rig->ram + CODE_GPA, code, len);
	rig->ram[CODE_GPA + len] = 0xf4;
	if (!until)
		assert_int_equal(uc_ctl_exits_enable(rig->uc), UC_ERR_OK);
	return uc_emu_start(rig->uc, CODE_GPA, until, 0, 0);
}

#define RUN(rig, until, ...)                     \
	run(rig, (const uint8_t[]){__VA_ARGS__}, \
	    sizeof((const uint8_t[]){__VA_ARGS__}), until)

static void test_addresses_are_not_translated(void **state)
{
	struct rig rig;

	open_rig(&rig);
	rig.pd[13] = LARGE(12) | PAGE;
	*word_at(&rig, LARGE(12)) = 12;
	*word_at(&rig, LARGE(13)) = 13;
	/* mov rax, [26 MiB]; a processor reads 12 */
	assert_int_equal(RUN(&rig, 0, 0x48, 0x8b, 4, 0x25, 0, 0, 0xa0, 1),
			 UC_ERR_OK);
	assert_int_equal(get(&rig, UC_X86_REG_RAX), 13);
	close_rig(&rig);
}

static void test_pages_must_be_present(void **state)
{
	struct rig rig;

	open_rig(&rig);
	rig.pd[13] = 0;
	assert_int_equal(RUN(&rig, 0, 0x48, 0x8b, 4, 0x25, 0, 0, 0xa0, 1),
			 UC_ERR_EXCEPTION);
	assert_int_equal(get(&rig, UC_X86_REG_CR2), LARGE(13));
	close_rig(&rig);
}

/* Why the engine passes no end address. */
static void test_the_end_address_comes_into_cr2(void **state)
{
	const uint64_t until = UINT64_C(0xfffffffffffff000);
	struct rig rig;

	open_rig(&rig);
	put(&rig, UC_X86_REG_CR2, 0x1234);
	assert_int_equal(RUN(&rig, until, 0x90), UC_ERR_OK);
	assert_int_equal(get(&rig, UC_X86_REG_CR2), until - 1);
	put(&rig, UC_X86_REG_CR2, 0x1234);
	assert_int_equal(RUN(&rig, 0, 0x90), UC_ERR_OK);
	assert_int_equal(get(&rig, UC_X86_REG_CR2), 0x1234);
	close_rig(&rig);
}

static void test_cr8_and_efer_bits_are_not_kept(void **state)
{
	struct rig rig;

	open_rig(&rig);
	/* mov eax, 7; mov cr8, rax; xor eax, eax; mov rax, cr8 */
	assert_int_equal(RUN(&rig, 0, 0xb8, 7, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc0,
			     0x31, 0xc0, 0x44, 0x0f, 0x20, 0xc0),
			 UC_ERR_OK);
	assert_int_equal(get(&rig, UC_X86_REG_RAX), 0);
	put_msr(&rig, MSR_EFER, 0x500 | 1 | 0x800);
	assert_int_equal(get_msr(&rig, MSR_EFER), 0x500);
	close_rig(&rig);
}

static void test_sse_is_never_refused(void **state)
{
	struct rig rig;

	open_rig(&rig);
	/* movaps xmm0, xmm1, with CR0.TS and without CR4.OSFXSR */
	put(&rig, UC_X86_REG_CR0, 0x80010039);
	assert_int_equal(RUN(&rig, 0, 0x0f, 0x28, 0xc1), UC_ERR_OK);
	close_rig(&rig);
}

static void test_the_time_stamp_counter_is_the_hosts(void **state)
{
	struct rig rig;
	uint64_t before;
	uint64_t found;

	open_rig(&rig);
	put_msr(&rig, MSR_TSC, 1);
	before = __rdtsc();
	assert_int_equal(RUN(&rig, 0, 0x0f, 0x31), UC_ERR_OK);
	found = get(&rig, UC_X86_REG_RDX) << 32 | get(&rig, UC_X86_REG_RAX);
	assert_true(found >= before && found <= __rdtsc());
	close_rig(&rig);
}

static void count_call(uc_engine *uc, void *opaque)
{
	(void)uc;
	++*(unsigned int *)opaque;
}

static void test_syscall_does_nothing(void **state)
{
	unsigned int calls = 0;
	struct rig rig;
	uc_hook hook;

	open_rig(&rig);
	put_msr(&rig, 0xc0000082, CODE_GPA + 0x1000);
	assert_int_equal(uc_hook_add(rig.uc, &hook, UC_HOOK_INSN,
				     (void *)count_call, &calls, 1, 0,
				     UC_X86_INS_SYSCALL),
			 UC_ERR_OK);
	assert_int_equal(RUN(&rig, 0, 0x0f, 5), UC_ERR_OK);
	assert_int_equal(calls, 1);
	assert_int_equal(get(&rig, UC_X86_REG_RIP), CODE_GPA + 3);
	close_rig(&rig);
}

#define DATA_GPA (CODE_GPA + 0x2000)

static void count_store(uc_engine *uc, uc_mem_type type, uint64_t address,
			int size, int64_t value, void *opaque)
{
	*(unsigned int *)opaque += address == DATA_GPA;
}

/* Why the engine ends the run after a store to code. */
static void test_a_block_that_changes_itself_ends_the_store_hook(void **state)
{
	unsigned int calls = 0;
	struct rig rig;
	uc_hook hook;

	open_rig(&rig);
	put(&rig, UC_X86_REG_RDI, DATA_GPA);
	put(&rig, UC_X86_REG_RSI, 7);
	assert_int_equal(uc_hook_add(rig.uc, &hook, UC_HOOK_MEM_WRITE,
				     (void *)count_store, &calls, 1, 0),
			 UC_ERR_OK);
	/* mov [rip + 1], esi; mov eax, constant; mov [rdi], eax */
	assert_int_equal(RUN(&rig, 0, 0x89, 0x35, 1, 0, 0, 0, 0xb8, 0, 0, 0, 0,
			     0x89, 0x07),
			 UC_ERR_OK);
	assert_int_equal(*word_at(&rig, DATA_GPA), 7);
	assert_int_equal(calls, 0);
	/* mov [rdi], eax */
	assert_int_equal(RUN(&rig, 0, 0x89, 0x07), UC_ERR_OK);
	assert_int_equal(calls, 1);
	close_rig(&rig);
}

TEST_MAIN(test_addresses_are_not_translated, test_pages_must_be_present,
	  test_the_end_address_comes_into_cr2,
	  test_cr8_and_efer_bits_are_not_kept, test_sse_is_never_refused,
	  test_the_time_stamp_counter_is_the_hosts, test_syscall_does_nothing,
	  test_a_block_that_changes_itself_ends_the_store_hook)
