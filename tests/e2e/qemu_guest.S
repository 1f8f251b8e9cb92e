/* SPDX-License-Identifier: MIT */
/*
 * A guest for a stock QEMU: a floppy's boot sector, in real mode.
 *
 * Each pass it checks that 128 pages, from 64 KiB on, and a sector of its first
 * disk, if it has one, have the number of the pass before; writes the next
 * number into all of them; and says "pass N" on COM1, N in eight hexadecimal
 * digits. "wrong" is a page that has another number, and the end; "disk" is a
 * sector that has another one.
 */
	.code16
	.globl	_start
_start:
	ljmp	$0, $begin
begin:
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	sti
	cld
pass:
	movw	$0x1000, %bx
page:
	movw	%bx, %fs
	movl	%fs:0, %eax
	cmpl	number, %eax
	jne	wrong
	cmpl	%eax, %fs:4092
	jne	wrong
	incl	%eax
	movl	%eax, %fs:0
	movl	%eax, %fs:4092
	addw	$0x100, %bx
	cmpw	$0x9000, %bx
	jne	page
	call	check_disk	/* so that few moments are behind it */
	incl	number
	call	write_disk
	movw	$said, %si
	call	print
	movl	number, %eax
	call	print_number
	hlt			/* until the timer's next tick, 18 per second */
	jmp	pass
wrong:
	movw	$bad, %si
	call	print
1:	hlt
	jmp	1b

check_disk:
	movb	$0x42, %ah	/* read by block number */
	call	disk
	jc	1f		/* there is none */
	movl	0x600, %eax
	cmpl	number, %eax
	je	1f
	movw	$other, %si
	call	print
1:	ret

write_disk:
	movl	number, %eax
	movl	%eax, 0x600
	movb	$0x43, %ah
/* Sector 8 at 0x600; the carry is set if that failed. */
disk:
	movb	$0, %al
	movb	$0x80, %dl
	movw	$packet, %si
	int	$0x13
	ret

print_number:
	movw	$8, %cx
1:	roll	$4, %eax
	pushl	%eax
	andb	$15, %al
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	2f
	addb	$39, %al
2:	call	put
	popl	%eax
	loop	1b
	movw	$line, %si
print:
	lodsb
	testb	%al, %al
	jz	1f
	call	put
	jmp	print
1:	ret

put:
	movb	%al, %ah
	movw	$0x3fd, %dx
1:	inb	%dx, %al
	testb	$0x20, %al
	jz	1b
	movb	%ah, %al
	movw	$0x3f8, %dx
	outb	%al, %dx
	ret

said:	.asciz	"pass "
line:	.asciz	"\n"
bad:	.asciz	"wrong\n"
other:	.asciz	"disk\n"
	.balign	4
number:	.long	0
packet:	.byte	16, 0
	.word	1, 0x600, 0
	.quad	8
	.org	510
	.word	0xaa55
	.org	1474560
