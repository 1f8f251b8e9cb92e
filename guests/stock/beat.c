/* SPDX-License-Identifier: MIT */
/*
 * A guest for any monitor that writes memory as it is told, and beats: a byte
 * to the port 0xe9 (QEMU's isa-debugcon), so that the time between two beats is
 * how long it stood.
 *
 * Command line: write N, or copy N, or idle.
 *
 * write N: N different pages per second, in random order over all memory, and a
 * beat per millisecond. copy N: as fast as it can, from N bytes of memory to
 * others; a beat per 64 KiB. idle: it halts, but for a timer a hundred times
 * per second, each a beat. The first beat is 'r', when all memory was touched,
 * the others are '.'.
 */
#include <stdbool.h>
#include <stdint.h>

#define PAGE	  4096u
#define FIRST	  (16u << 20) /* what is below is not touched */
#define TIMER_HZ  1193182u
#define BEAT	  0xe9
#define COPY_ONCE (64u << 10)

struct multiboot {
	uint32_t flags;
	uint32_t low_kib;
	uint32_t high_kib; /* from 1 MiB on, up to the first hole */
	uint32_t boot_device;
	uint32_t command_line;
};

struct gate {
	uint16_t low, selector, type, high;
};

extern char beat_timer[];

static struct gate idt[256];
static uint32_t first_page, npages; /* that are written */

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

/* Interrupts from the timer, @hz per second, at vector 32. */
static void start_timer(uint32_t hz)
{
	static const struct {
		uint16_t port;
		uint8_t value;
	} setup[] = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 32},  {0xa1, 40},
		     {0x21, 4},	   {0xa1, 2},	 {0x21, 1},   {0xa1, 1},
		     {0x21, 0xfe}, {0xa1, 0xff}, {0x43, 0x34}};
	const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) at = {sizeof(idt) - 1, (uint32_t)idt};
	uint32_t handler = (uint32_t)beat_timer;

	for (int i = 0; i < 256; i++)
		idt[i] = (struct gate){handler & 0xffff, 8, 0x8e00,
				       handler >> 16};
	__asm__ volatile("lidt %0" : : "m"(at));
	for (uint32_t i = 0; i < sizeof(setup) / sizeof(setup[0]); i++)
		out8(setup[i].port, setup[i].value);
	out8(0x40, (TIMER_HZ / hz) & 0xff);
	out8(0x40, TIMER_HZ / hz >> 8);
}

static void wait_for_timer(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

static volatile uint32_t *page_at(uint32_t page)
{
	return (volatile uint32_t *)((first_page + page) * PAGE);
}

/* Words of few bytes, as programs have them. */
static void touch_all(void)
{
	for (uint32_t page = 0; page < npages; page++) {
		volatile uint32_t *words = page_at(page);

		for (uint32_t i = 0; i < PAGE / 4; i += 2)
			words[i] = page * 7919 + (i * 2654435761u >> 20);
	}
}

/*
 * The next page of a walk over all pages in random order: a generator of full
 * period over a power of two, without what is too large.
 */
static uint32_t next_page(void)
{
	static uint32_t state;
	uint32_t mask = 1;

	while (mask < npages)
		mask = mask << 1 | 1;
	do {
		state = state * 1664525u + 1013904223u;
	} while ((state & mask) >= npages);
	return state & mask;
}

static void write_pages(uint32_t pages_ps)
{
	uint32_t due = 0;

	start_timer(1000);
	for (;;) {
		for (due += pages_ps; due >= 1000; due -= 1000)
			page_at(next_page())[17]++;
		out8(BEAT, '.');
		wait_for_timer();
	}
}

static void copy(uint32_t nbytes)
{
	uint32_t from = first_page * PAGE;
	uint32_t to = from + nbytes;

	for (uint32_t at = 0;;
	     at = at + COPY_ONCE < nbytes ? at + COPY_ONCE : 0) {
		void *source = (void *)(from + at);
		void *target = (void *)(to + at);
		uint32_t n = COPY_ONCE / 4;

		__asm__ volatile("rep movsl"
				 : "+S"(source), "+D"(target), "+c"(n)
				 :
				 : "memory");
		out8(BEAT, '.');
	}
}

static void idle(void)
{
	start_timer(100);
	for (;;) {
		out8(BEAT, '.');
		wait_for_timer();
	}
}

/* The last word of the command line, behind the program's name. */
static const char *find(const char *line, const char *word)
{
	for (; *line; line++) {
		uint32_t n = 0;

		while (word[n] && line[n] == word[n])
			n++;
		if (!word[n])
			return line + n;
	}
	return 0;
}

static uint32_t number(const char *text)
{
	uint32_t value = 0;

	while (*text == ' ')
		text++;
	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (uint32_t)(*text - '0');
	return value;
}

void beat_main(const struct multiboot *loader);

void beat_main(const struct multiboot *loader)
{
	const char *line = (const char *)loader->command_line;
	const char *behind;

	first_page = FIRST / PAGE;
	npages = (loader->high_kib + 1024) / 4 - first_page;
	touch_all();
	out8(BEAT, 'r');
	if ((behind = find(line, " write ")))
		write_pages(number(behind));
	if ((behind = find(line, " copy ")))
		copy(number(behind));
	idle();
}
