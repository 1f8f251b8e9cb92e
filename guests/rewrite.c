/* SPDX-License-Identifier: MIT */
/*
 * The rewriting and the checks.
 *
 * The last routine of a place is `return`: if it is stale, a call only returns
 * an old constant. So a host that misses a write is reported and does not crash
 * the guest.
 */
#include "rewrite.h"

#include "dma.h"

#define NPLACES	     4
#define SUM_TERMS    16
#define MAX_BYTES    96
#define RETURN_VALUE 1	/* where the constant of `return` is */
#define NEXT_VALUE   7	/* and of `next` */
#define ASK_VALUE    17 /* and of `ask` */

typedef uint32_t (*routine)(uint32_t first, uint32_t second);

/* One attempt: the code in memory, and how it was written. */
struct code {
	bool by_dma;
	size_t offset;
	const char *name;
	uint8_t bytes[MAX_BYTES];
	size_t length;
};

static _Alignas(4096) uint8_t area[3 * 4096];
static const size_t places[NPLACES] = {0x200, 0x1000 - 3, 0x1800, 0x2000 - 40};

static uint32_t next_value(struct rewrite *rewrite)
{
	rewrite->random = rewrite->random * 1664525 + 1013904223;
	return rewrite->random;
}

static void put32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void put_bytes(struct code *code, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		code->bytes[code->length++] = bytes[i];
}

static void complain(struct rewrite *rewrite)
{
	if (rewrite->errors++ == 0)
		guest_tell_error("the DMA engine refuses");
}

/* Write bytes of the routine to their place. */
static void install(struct rewrite *rewrite, const struct code *code,
		    size_t first, size_t length)
{
	volatile uint8_t *target = area + code->offset + first;

	if (code->by_dma) {
		dma_prepare(code->bytes + first, target, (uint32_t)length);
		if (!dma_command(DMA_COPY))
			complain(rewrite);
		return;
	}
	for (size_t i = 0; i < length; i++)
		target[i] = code->bytes[first + i];
}

static __attribute__((noinline)) void report(struct rewrite *rewrite,
					     const struct code *code,
					     uint32_t expected, uint32_t found)
{
	if (rewrite->errors++ >= GUEST_ERRORS_SHOWN)
		return;
	guest_begin_error("by ");
	guest_put_text(code->by_dma ? "dma" : "stores");
	guest_put_text(" at ");
	guest_put_number(code->offset);
	guest_put_text(" routine ");
	guest_put_text(code->name);
	guest_end_error(" expected ", expected, found);
}

static void check(struct rewrite *rewrite, const struct code *code,
		  uint32_t argument, uint32_t expected)
{
	routine call = (routine)(uintptr_t)(area + code->offset);
	uint32_t found;

	__asm__ volatile("" : : : "memory");
	found = call(0, argument);
	rewrite->checks++;
	if (found != expected)
		report(rewrite, code, expected, found);
}

/* xor eax, eax; sixteen times add eax, constant; ret */
static void do_sum(struct rewrite *rewrite, struct code *code)
{
	static const uint8_t clear[] = {0x31, 0xc0};
	static const uint8_t add[] = {0x05, 0, 0, 0, 0};
	static const uint8_t ret[] = {0xc3};
	uint32_t sum = 0;

	code->name = "sum";
	code->length = 0;
	put_bytes(code, clear, sizeof(clear));
	for (unsigned int i = 0; i < SUM_TERMS; i++) {
		uint32_t value = next_value(rewrite);

		put_bytes(code, add, sizeof(add));
		put32(code->bytes + code->length - 4, value);
		sum += value;
	}
	put_bytes(code, ret, sizeof(ret));
	install(rewrite, code, 0, code->length);
	check(rewrite, code, 0, sum);
	check(rewrite, code, 0, sum);
}

/* mov [rip + 1], esi; mov eax, constant; ret: the constant is the argument */
static void do_next(struct rewrite *rewrite, struct code *code)
{
	static const uint8_t bytes[] = {0x89, 0x35, 1, 0, 0, 0,
					0xb8, 0,    0, 0, 0, 0xc3};

	code->name = "next";
	code->length = 0;
	put_bytes(code, bytes, sizeof(bytes));
	install(rewrite, code, 0, code->length);
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t value = next_value(rewrite);

		check(rewrite, code, value, value);
	}
}

/*
 * mov edx, port; mov eax, copy; out dx, eax; 1: in eax, dx; test al, busy;
 * jnz 1b; mov eax, constant; ret: the constant is what the DMA engine wrote
 */
static void do_ask(struct rewrite *rewrite, struct code *code)
{
	static const uint8_t bytes[] = {
		0xba, 0x18, 0x07, 0,	0,    0xb8, DMA_COPY, 0, 0, 0, 0xef,
		0xed, 0xa8, 0x01, 0x75, 0xfb, 0xb8, 0,	      0, 0, 0, 0xc3};
	uint8_t constant[4];

	code->name = "ask";
	code->length = 0;
	put_bytes(code, bytes, sizeof(bytes));
	install(rewrite, code, 0, code->length);
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t value = next_value(rewrite);

		put32(constant, value);
		dma_prepare(constant, area + code->offset + ASK_VALUE, 4);
		check(rewrite, code, 0, value);
	}
}

/* Fill the constant by DMA: one byte, repeated. */
static void do_fill(struct rewrite *rewrite, struct code *code)
{
	uint8_t byte = (uint8_t)(next_value(rewrite) >> 24);

	dma_prepare(area, area + code->offset + RETURN_VALUE, 4);
	dma_set_value(byte);
	if (!dma_command(DMA_FILL))
		complain(rewrite);
	check(rewrite, code, 0, byte * UINT32_C(0x01010101));
}

/* mov eax, constant; ret */
static void do_return(struct rewrite *rewrite, struct code *code)
{
	static const uint8_t bytes[] = {0xb8, 0, 0, 0, 0, 0xc3};

	code->name = "return";
	code->length = 0;
	put_bytes(code, bytes, sizeof(bytes));
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t value = next_value(rewrite);

		put32(code->bytes + RETURN_VALUE, value);
		if (i == 0)
			install(rewrite, code, 0, code->length);
		else
			install(rewrite, code, RETURN_VALUE, 4);
		check(rewrite, code, 0, value);
		check(rewrite, code, 0, value);
	}
	if (code->by_dma)
		do_fill(rewrite, code);
}

static void run_place(struct rewrite *rewrite, size_t offset, bool by_dma)
{
	struct code code = {.offset = offset, .by_dma = by_dma};

	do_sum(rewrite, &code);
	if (by_dma)
		do_ask(rewrite, &code);
	else
		do_next(rewrite, &code);
	do_return(rewrite, &code);
}

void rewrite_init(struct rewrite *rewrite)
{
	*rewrite = (struct rewrite){.by_stores = true, .by_dma = true};
}

bool rewrite_apply(struct rewrite *rewrite, const struct guest_word *word)
{
	if (!guest_is(word->key, word->key_len, "by"))
		return false;
	rewrite->by_dma = !guest_is(word->value, word->value_len, "stores");
	rewrite->by_stores = !guest_is(word->value, word->value_len, "dma");
	if (rewrite->by_dma && rewrite->by_stores &&
	    !guest_is(word->value, word->value_len, "both"))
		guest_refuse("by is none of stores, dma, both:", word->value,
			     word->value_len);
	return true;
}

void rewrite_round(struct rewrite *rewrite)
{
	for (unsigned int place = 0; place < NPLACES; place++) {
		if (rewrite->by_stores)
			run_place(rewrite, places[place], false);
		if (rewrite->by_dma)
			run_place(rewrite, places[place], true);
	}
}
