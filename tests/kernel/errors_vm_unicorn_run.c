/* SPDX-License-Identifier: MIT */
/*
 * A guest that does what Unicorn 2.0.1 does not emulate ends with a sentence,
 * not with wrong memory or a lost call. Each case is a few instructions that
 * are put where scribble begins.
 */
#include "vm_cpu.h"

#include <string.h>

#include <smudge/error.h>

#define STATUS_ERROR 1
#define MAX_CODE     64

struct piece {
	const char *sentence; /* NULL: a triple fault */
	uint8_t len;
	uint8_t code[MAX_CODE];
};

/* Each ends in HLT, for an engine that does not refuse it. */
static const struct piece pieces[] = {
	/* mov eax, 0x11000; mov cr3, rax; nop; hlt */
	{"CR3 is 0x11000",
	 10,
	 {0xb8, 0, 0x10, 1, 0, 0x0f, 0x22, 0xd8, 0x90, 0xf4}},
	/* mov dword [0x12068], eax */
	{"writes its page tables, at 0x12068",
	 8,
	 {0x89, 4, 0x25, 0x68, 0x20, 1, 0, 0xf4}},
	/* the same value: mov rax, [0x12068]; mov [0x12068], rax */
	{"writes its page tables, at 0x12068",
	 17,
	 {0x48, 0x8b, 4, 0x25, 0x68, 0x20, 1, 0, 0x48, 0x89, 4, 0x25, 0x68,
	  0x20, 1, 0, 0xf4}},
	/* over the first byte of them: mov dword [0xfffe], eax */
	{"writes its page tables, at 0x1000",
	 8,
	 {0x89, 4, 0x25, 0xfe, 0xff, 0, 0, 0xf4}},
	/* into them: mov ecx, 4096; mov edi, 0xf800; mov al, 7; rep stosb */
	{"writes its page tables, at 0x10000",
	 15,
	 {0xb9, 0, 0x10, 0, 0, 0xbf, 0, 0xf8, 0, 0, 0xb0, 7, 0xf3, 0xaa, 0xf4}},
	/* lock xadd [0x12068], eax */
	{"writes its page tables, at 0x12068",
	 10,
	 {0xf0, 0x0f, 0xc1, 4, 0x25, 0x68, 0x20, 1, 0, 0xf4}},
	/* by DMA: mov dx, port; mov eax, value; out dx, eax, four times */
	{"entry at 0x12000 is 0x707070707070707",
	 43,
	 {0x66, 0xba, 0x08, 7, 0xb8, 0, 0x20, 1, 0, 0xef, /* target */
	  0x66, 0xba, 0x10, 7, 0xb8, 8, 0,    0, 0, 0xef, /* length */
	  0x66, 0xba, 0x14, 7, 0xb8, 7, 0,    0, 0, 0xef, /* byte */
	  0x66, 0xba, 0x18, 7, 0xb8, 2, 0,    0, 0, 0xef, /* fill */
	  0xeb, 0,    0xf4}},
	/* syscall */
	{"executed SYSCALL", 3, {0x0f, 5, 0xf4}},
	/* push 0; push 0xfff; lidt [rsp]; int3 */
	{"does not deliver to its handler",
	 13,
	 {0x6a, 0, 0x68, 0xff, 0x0f, 0, 0, 0x0f, 1, 0x1c, 0x24, 0xcc, 0xf4}},
	/* the same without handlers: int3 */
	{NULL, 2, {0xcc, 0xf4}},
};

static uint8_t *code_of(struct vm_guest *guest)
{
	struct vcpu_state cpu;
	struct vm_buf buf = {0};

	vm_cpu_save(guest, &buf, &cpu);
	vm_buf_free(&buf);
	return ram_at(machine_ram(guest->machine), cpu.rip, MAX_CODE);
}

static void check(const struct piece *piece)
{
	struct vm_guest guest;
	const char *said;
	int status;

	vm_guest_open(&guest, "unicorn", "auto", "working-set=64K");
	memcpy(code_of(&guest), piece->code, piece->len);
	assert_int_equal(machine_resume(guest.machine), 0);
	status = vm_guest_wait_end(&guest);
	said = machine_error(guest.machine);
	if (status != STATUS_ERROR)
		fail_msg("%s: status %d \"%s\"", piece->sentence, status, said);
	if (!piece->sentence) {
		assert_int_equal(machine_exit_reason(guest.machine, &status),
				 MACHINE_EXIT_TRIPLE_FAULT);
	} else {
		if (!strstr(said, piece->sentence) ||
		    !strstr(said, "--engine kvm"))
			fail_msg("%s: \"%s\"", piece->sentence, said);
		assert_int_equal(machine_exit_reason(guest.machine, &status),
				 MACHINE_EXIT_ERROR);
	}
	vm_guest_close(&guest);
}

static void test_pieces(void **state)
{
	vm_guest_need("unicorn");
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		check(&pieces[i]);
}

TEST_MAIN(test_pieces)
