/* SPDX-License-Identifier: MIT */
/*
 * From the multiboot loader (32-bit, flat, interrupts off, EBX: what it says)
 * to C, with a GDT of our own; and the timer's interrupt, which does nothing
 * but end a hlt.
 */
	.section .multiboot, "a"
	.align 4
	.long 0x1badb002
	.long 0x00000002		/* memory sizes, please */
	.long -(0x1badb002 + 0x00000002)

	.text
	.globl start
start:
	lgdt gdt_at
	ljmp $8, $1f
1:	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $stack_end, %esp
	push %ebx
	call beat_main
2:	hlt
	jmp 2b

	.globl beat_timer
beat_timer:
	push %eax
	mov $0x20, %al			/* end of the interrupt */
	out %al, $0x20
	pop %eax
	iret

	.section .rodata
	.align 8
gdt:	.quad 0
	.quad 0x00cf9a000000ffff
	.quad 0x00cf92000000ffff
gdt_at:	.word gdt_at - gdt - 1
	.long gdt

	.bss
	.align 16
	.skip 16384
stack_end:

	.section .note.GNU-stack, "", @progbits
