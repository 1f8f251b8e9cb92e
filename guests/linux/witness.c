/* SPDX-License-Identifier: MIT */
/*
 * A Linux program that is the witness of its own memory: 64 MiB of pages, each
 * written whole from its number and its version, and the versions once more
 * beside them. A page that is older or newer than the rest of the memory, of
 * another place, or torn, is an error. Each tick writes some pages, checks
 * others, and prints a line.
 *
 * It calls the kernel itself, so that it needs no library in its initramfs.
 */
#include "call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES	       16384
#define PAGE_WORDS     512
#define WRITTEN_A_TICK 512
#define CHECKED_A_TICK 4096
#define TICK_NS	       200000000
/* What the machine's clock does while this program sees nothing of it. */
#define AWAY_S 2

struct page {
	uint64_t number;
	uint64_t version;
	uint64_t words[PAGE_WORDS - 2];
} __attribute__((aligned(4096)));

struct witness {
	uint64_t ticks;
	uint64_t written; /* pages: the sum of all versions */
	uint64_t checked;
	uint64_t errors;
	uint64_t next_check;
	uint64_t random;
};

static struct page pages[PAGES];
static uint32_t versions[PAGES];

static uint64_t first_word(uint64_t number, uint64_t version)
{
	return (number << 32 ^ version) * UINT64_C(0x9e3779b97f4a7c15);
}

static void write_page(uint64_t number)
{
	struct page *page = &pages[number];
	uint64_t version = ++versions[number];
	uint64_t word = first_word(number, version);

	page->number = number;
	page->version = version;
	for (size_t i = 0; i < PAGE_WORDS - 2; i++)
		page->words[i] = word + i;
}

static bool is_right(uint64_t number)
{
	const struct page *page = &pages[number];
	uint64_t version = versions[number];
	uint64_t word = first_word(number, version);
	uint64_t differs = (page->number ^ number) | (page->version ^ version);

	for (size_t i = 0; i < PAGE_WORDS - 2; i++)
		differs |= page->words[i] ^ (word + i);
	return !differs;
}

static void print_error(const char *what, uint64_t expected, uint64_t found)
{
	struct line line;

	line_begin(&line, "witness: error: ");
	line_add(&line, what);
	line_add_number(&line, expected);
	line_add(&line, ", found ");
	line_add_number(&line, found);
	line_print(&line);
}

static void check_page(struct witness *witness, uint64_t number)
{
	if (is_right(number))
		return;
	witness->errors++;
	print_error("page's version is ", versions[number],
		    pages[number].version);
}

/* Pages are written by this program's count, and by that of the memory. */
static void check_sum(struct witness *witness)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < PAGES; i++)
		sum += versions[i];
	if (sum == witness->written)
		return;
	witness->errors++;
	print_error("pages written are ", witness->written, sum);
}

static void write_some(struct witness *witness)
{
	for (size_t i = 0; i < WRITTEN_A_TICK; i++) {
		witness->random *= UINT64_C(6364136223846793005);
		witness->random += UINT64_C(1442695040888963407);
		write_page(witness->random >> 32 & (PAGES - 1));
	}
	witness->written += WRITTEN_A_TICK;
}

static void check_some(struct witness *witness)
{
	for (size_t i = 0; i < CHECKED_A_TICK; i++)
		check_page(witness, (witness->next_check + i) % PAGES);
	witness->next_check = (witness->next_check + CHECKED_A_TICK) % PAGES;
	witness->checked += CHECKED_A_TICK;
	check_sum(witness);
}

static void print_tick(const struct witness *witness)
{
	struct line line;

	line_begin(&line, "witness: tick ");
	line_add_number(&line, witness->ticks);
	line_add(&line, ": pages written ");
	line_add_number(&line, witness->written);
	line_add(&line, ", checked ");
	line_add_number(&line, witness->checked);
	line_add(&line, ", errors ");
	line_add_number(&line, witness->errors);
	line_print(&line);
}

/*
 * The battery-backed clock is the world's, the kernel's own is this machine's:
 * when the first went ahead of the second, this machine was not there, and was
 * restored. @ahead_s is by how much it is ahead, as last seen.
 */
static void print_absence(const struct witness *witness, int64_t *ahead_s)
{
	int64_t now = clock_world_s() - clock_own_s();
	struct line line;

	if (now - *ahead_s >= AWAY_S) {
		line_begin(&line, "witness: restored: the world went ");
		line_add_number(&line, (uint64_t)(now - *ahead_s));
		line_add(&line, " s ahead; I continue after tick ");
		line_add_number(&line, witness->ticks);
		line_print(&line);
	}
	*ahead_s = now;
}

__attribute__((noreturn)) void witness_run(void);
void witness_run(void)
{
	struct witness witness = {.random = 1};
	int64_t ahead_s;

	for (size_t i = 0; i < PAGES; i++)
		write_page(i);
	witness.written = PAGES;
	ahead_s = clock_world_s() - clock_own_s();
	for (;;) {
		print_absence(&witness, &ahead_s);
		write_some(&witness);
		check_some(&witness);
		witness.ticks++;
		print_tick(&witness);
		clock_rest(TICK_NS);
	}
}

/* The stack is aligned there as a call wants it. */
__asm__(".globl _start\n_start: xor %ebp, %ebp\n\tcall witness_run");
