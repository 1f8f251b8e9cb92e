/* SPDX-License-Identifier: MIT */
/*
 * Entry, ports and serial output shared by the guests.
 *
 * The serial port is polled: the machine has no interrupt controller. memset
 * and memcpy are here because compilers may call them in freestanding code.
 */
#include "machine.h"

#include "ports.h"

#define PORT_DEBUG_EXIT	  0xf4
#define PORT_TIMER	  0x608
#define PORT_SERIAL_DATA  0x3f8
#define PORT_SERIAL_LSR	  0x3fd
#define LSR_TRANSMIT_FREE 0x20

/* Keeps the compiler from turning the loop into a call of the function. */
#define BARRIER() __asm__ volatile("" : : : "memory")

void *memset(void *dest, int value, size_t len);
void *memcpy(void *dest, const void *src, size_t len);
_Noreturn void guest_start(void);

uint32_t guest_nvcpus;

__attribute__((section(".text.start"), naked)) void guest_start(void)
{
	__asm__("test %edx, %edx\n"
		"jnz 2f\n"
		"mov %ecx, guest_nvcpus(%rip)\n"
		"call guest_main\n"
		"1: hlt\n"
		"jmp 1b\n"
		"2: mov %edx, %edi\n"
		"call guest_secondary\n"
		"jmp 1b\n");
}

/* Guests that use one vCPU let the others halt. */
__attribute__((weak)) void guest_secondary(__attribute__((unused))
					   uint32_t vcpu)
{
}

uint32_t guest_timer(void)
{
	return in32(PORT_TIMER);
}

void guest_timer_wait(uint32_t value)
{
	while ((int32_t)(guest_timer() - value) < 0)
		out32(PORT_TIMER, value);
}

static _Noreturn void halt(void)
{
	for (;;)
		__asm__ volatile("hlt");
}

_Noreturn void guest_exit(uint8_t value)
{
	out8(PORT_DEBUG_EXIT, value);
	halt();
}

_Noreturn void guest_finish(uint64_t nerrors)
{
	if (nerrors)
		guest_exit(GUEST_EXIT_ERRORS);
	halt();
}

static void put_char(char c)
{
	while ((in8(PORT_SERIAL_LSR) & LSR_TRANSMIT_FREE) == 0)
		__asm__ volatile("pause");
	out8(PORT_SERIAL_DATA, (uint8_t)c);
}

void guest_put_text(const char *text)
{
	for (; *text; text++)
		put_char(*text);
}

void guest_put_bytes(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put_char(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
}

void guest_put_number(uint64_t value)
{
	char digits[20];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (n)
		put_char(digits[--n]);
}

void *memset(void *dest, int value, size_t len)
{
	unsigned char *d = dest;

	while (len--) {
		*d++ = (unsigned char)value;
		BARRIER();
	}
	return dest;
}

void *memcpy(void *dest, const void *src, size_t len)
{
	unsigned char *d = dest;
	const unsigned char *s = src;

	while (len--) {
		*d++ = *s++;
		BARRIER();
	}
	return dest;
}
