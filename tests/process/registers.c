/* SPDX-License-Identifier: MIT */
/*
 * The same code for AVX and SSE, in which no register is left over.
 */
#include "registers.h"

#include <stddef.h>
#include <string.h>

#include <sys/rseq.h>

#define NGENERAL 14 /* all but rsp and the one that holds the address */
#define NVECTOR	 16
#define NRED	 13

struct state {
	uint64_t general[NGENERAL];
	uint64_t vector[NVECTOR][4];
	uint64_t red[NRED];
	uint64_t nspins;
};

_Static_assert(offsetof(struct state, vector) == 112, "the code below");
_Static_assert(offsetof(struct state, red) == 624, "the code below");
_Static_assert(offsetof(struct state, nspins) == 728, "the code below");

void registers_spin_avx(struct state *state);
void registers_spin_sse(struct state *state);

/* clang-format off */
#define SPIN(name, load, store, size, add)				\
__asm__(								\
"	.text\n"							\
"	.globl " #name "\n"						\
#name ":\n"								\
"	push %rbx\n	push %rbp\n	push %r12\n"			\
"	push %r13\n	push %r14\n	push %r15\n"			\
"	mov %rdi, -8(%rsp)\n"						\
"	mov 728(%rdi), %rax\n	mov %rax, -16(%rsp)\n"			\
"	.set i, 0\n"							\
"	.rept 13\n"							\
"	mov i*8(%rdi), %rax\n	mov %rax, -24-i*8(%rsp)\n"		\
"	.set i, i+1\n"							\
"	.endr\n"							\
"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"		\
"	" load " 112+32*\\n(%rdi), %" size "\\n\n"			\
"	.endr\n"							\
"	mov (%rdi), %rax\n	mov 8(%rdi), %rbx\n"			\
"	mov 16(%rdi), %rcx\n	mov 24(%rdi), %rdx\n"			\
"	mov 32(%rdi), %rsi\n	mov 40(%rdi), %rbp\n"			\
"	mov 48(%rdi), %r8\n	mov 56(%rdi), %r9\n"			\
"	mov 64(%rdi), %r10\n	mov 72(%rdi), %r11\n"			\
"	mov 80(%rdi), %r12\n	mov 88(%rdi), %r13\n"			\
"	mov 96(%rdi), %r14\n	mov 104(%rdi), %r15\n"			\
"1:	add $1, %rax\n	add $2, %rbx\n	add $3, %rcx\n"		\
"	add $4, %rdx\n	add $5, %rsi\n	add $6, %rbp\n"			\
"	add $7, %r8\n	add $8, %r9\n	add $9, %r10\n"			\
"	add $10, %r11\n	add $11, %r12\n	add $12, %r13\n"		\
"	add $13, %r14\n	add $14, %r15\n"				\
"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14\n"			\
"	" add "\n"							\
"	.endr\n"							\
"	decq -16(%rsp)\n"						\
"	jnz 1b\n"							\
"	mov -8(%rsp), %rdi\n"						\
"	mov %rax, (%rdi)\n	mov %rbx, 8(%rdi)\n"			\
"	mov %rcx, 16(%rdi)\n	mov %rdx, 24(%rdi)\n"			\
"	mov %rsi, 32(%rdi)\n	mov %rbp, 40(%rdi)\n"			\
"	mov %r8, 48(%rdi)\n	mov %r9, 56(%rdi)\n"			\
"	mov %r10, 64(%rdi)\n	mov %r11, 72(%rdi)\n"			\
"	mov %r12, 80(%rdi)\n	mov %r13, 88(%rdi)\n"			\
"	mov %r14, 96(%rdi)\n	mov %r15, 104(%rdi)\n"			\
"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"		\
"	" store " %" size "\\n, 112+32*\\n(%rdi)\n"			\
"	.endr\n"							\
"	.set i, 0\n"							\
"	.rept 13\n"							\
"	mov -24-i*8(%rsp), %rax\n	mov %rax, 624+i*8(%rdi)\n"	\
"	.set i, i+1\n"							\
"	.endr\n"							\
"	pop %r15\n	pop %r14\n	pop %r13\n"			\
"	pop %r12\n	pop %rbp\n	pop %rbx\n"			\
"	ret\n")

SPIN(registers_spin_avx, "vmovdqu", "vmovdqu", "ymm",
     "vpaddq %ymm15, %ymm\\n, %ymm\\n");
SPIN(registers_spin_sse, "movdqu", "movdqu", "xmm",
     "paddq %xmm15, %xmm\\n");
/* clang-format on */

static void fill(struct state *state, uint64_t seed, uint64_t nspins)
{
	for (unsigned int i = 0; i < NGENERAL; i++)
		state->general[i] = seed * (2 * i + 1);
	for (unsigned int i = 0; i < NVECTOR; i++)
		for (unsigned int j = 0; j < 4; j++)
			state->vector[i][j] = ~seed * (8 * i + j + 1);
	state->nspins = nspins;
}

static bool is_vector_right(const struct state *now, const struct state *was,
			    unsigned int i, unsigned int nlanes)
{
	for (unsigned int j = 0; j < nlanes; j++) {
		uint64_t step =
			i < NVECTOR - 1 ? was->vector[NVECTOR - 1][j] : 0;

		if (now->vector[i][j] != was->vector[i][j] + was->nspins * step)
			return false;
	}
	return true;
}

const char *registers_compute(uint64_t seed, uint64_t nspins)
{
	bool has_avx = __builtin_cpu_supports("avx2");
	struct state was, now;

	fill(&was, seed, nspins);
	now = was;
	if (has_avx)
		registers_spin_avx(&now);
	else
		registers_spin_sse(&now);
	for (unsigned int i = 0; i < NGENERAL; i++)
		if (now.general[i] != was.general[i] + nspins * (i + 1))
			return "a general register is wrong";
	for (unsigned int i = 0; i < NVECTOR; i++)
		if (!is_vector_right(&now, &was, i, has_avx ? 4 : 2))
			return "a vector register is wrong";
	for (unsigned int i = 0; i < NRED; i++)
		if (now.red[i] != was.general[i])
			return "the red zone is wrong";
	return NULL;
}

bool sequence_is_possible(void)
{
	return __rseq_size != 0;
}

static struct rseq *own_rseq(void)
{
	return (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* Return: was it added? Otherwise the sequence was interrupted. */
static bool try_to_add(struct rseq *rseq, uint64_t *counter, uint32_t cpu)
{
	/* clang-format off */
	__asm__ __volatile__ goto(
		".pushsection __rseq_cs, \"aw\"\n\t"
		".balign 32\n"
		"3:	.long 0, 0\n\t"
		".quad 1f, (2f - 1f), 4f\n\t"
		".popsection\n\t"
		"leaq 3b(%%rip), %%rax\n\t"
		"movq %%rax, 8(%[rseq])\n"
		"1:	cmpl %[cpu], 4(%[rseq])\n\t"
		"jnz 4f\n\t"
		"movq (%[counter]), %%rax\n\t"
		"movl $3000, %%ecx\n"
		"5:	decl %%ecx\n\t"
		"jnz 5b\n\t"
		"incq %%rax\n\t"
		"movq %%rax, (%[counter])\n"
		"2:\n\t"
		".pushsection __rseq_failure, \"ax\"\n\t"
		".byte 0x0f, 0xb9, 0x3d\n\t"
		".long 0x53053053\n"
		"4:	jmp %l[interrupted]\n\t"
		".popsection\n"
		:
		: [rseq] "r"(rseq), [cpu] "r"(cpu), [counter] "r"(counter)
		: "memory", "cc", "rax", "rcx"
		: interrupted);
	/* clang-format on */
	return true;
interrupted:
	return false;
}

void sequence_add(struct sequence_counter *counters)
{
	struct rseq *rseq = own_rseq();
	bool is_added = false;

	while (!is_added) {
		uint32_t cpu = *(volatile uint32_t *)&rseq->cpu_id_start;

		is_added = try_to_add(
			rseq, &counters[cpu % SEQUENCE_MAX_CPUS].value, cpu);
	}
}
