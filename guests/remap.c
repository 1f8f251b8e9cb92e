/* SPDX-License-Identifier: MIT */
/*
 * remap: a guest that maps one address to the memory of another, and checks the
 * mapping with every write. An engine that does not translate addresses fails
 * this check.
 *
 * Command line: by=store (it changes the loader's tables) or by=cr3 (it loads
 * tables of its own), passes=N (0: for ever), rate=N passes per second (0: no
 * limit). It needs 28 MiB.
 *
 * Serial output, one line each (errors is the total so far):
 *   remap: pass P writes N errors E
 *   remap: done passes P errors E
 */
#include "pace.h"
#include "words.h"

#define ENTRIES	    512
#define LARGE_SHIFT 21
#define TABLE_MASK  UINT64_C(0xffffffffff000)
#define ENTRY_FLAGS UINT64_C(0xfff)
#define ENTRY_TABLE UINT64_C(0x23)
#define TARGET_GPA  UINT64_C(0x1800000)
#define ALIAS	    UINT64_C(0x1a00000)
#define WRITES	    1000
#define MAX_RATE    UINT64_C(100000)
#define RAM_BYTES   (ALIAS + (UINT64_C(1) << LARGE_SHIFT))

const char guest_name[] = "remap";

struct remap {
	bool has_own_tables;
	uint64_t passes;
	uint64_t rate_ps;
	uint64_t written;
	uint64_t errors;
};

static uint64_t own_tables[3][ENTRIES] __attribute__((aligned(4096)));

static uint64_t read_cr3(void)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	return cr3;
}

static void load_cr3(uint64_t cr3)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
}

static uint64_t *table_at(uint64_t entry)
{
	return (uint64_t *)(entry & TABLE_MASK);
}

/* Copy the tables of the first GiB. Returns the root of the copy. */
static uint64_t copy_tables(uint64_t root)
{
	for (unsigned int level = 0; level < 3; level++) {
		const uint64_t *table = table_at(root);

		for (unsigned int i = 0; i < ENTRIES; i++)
			own_tables[level][i] = table[i];
		root = table[0];
	}
	own_tables[0][0] = (uint64_t)own_tables[1] | ENTRY_TABLE;
	own_tables[1][0] = (uint64_t)own_tables[2] | ENTRY_TABLE;
	return (uint64_t)own_tables[0];
}

static void map_alias(const struct remap *remap)
{
	uint64_t root = read_cr3();
	uint64_t *entry;

	if (remap->has_own_tables)
		root = copy_tables(root);
	entry = table_at(table_at(table_at(root)[0])[0]) +
		(ALIAS >> LARGE_SHIFT);
	*(volatile uint64_t *)entry = TARGET_GPA | (*entry & ENTRY_FLAGS);
	load_cr3(root);
}

static void configure(const char *cmdline, struct remap *remap)
{
	struct guest_word word;

	*remap = (struct remap){0};
	while (guest_next_word(&cmdline, &word)) {
		if (guest_is(word.key, word.key_len, "passes"))
			remap->passes = guest_number(&word, false);
		else if (guest_is(word.key, word.key_len, "rate"))
			remap->rate_ps = guest_number(&word, false);
		else if (!guest_is(word.key, word.key_len, "by"))
			guest_refuse("unknown parameter", word.key,
				     word.key_len);
		else if (guest_is(word.value, word.value_len, "cr3"))
			remap->has_own_tables = true;
		else if (!guest_is(word.value, word.value_len, "store"))
			guest_refuse("by is store or cr3, not", word.value,
				     word.value_len);
		if (remap->rate_ps > MAX_RATE)
			guest_refuse("rate is at most 100000, not", word.value,
				     word.value_len);
	}
}

static void run_pass(struct remap *remap, uint64_t pass)
{
	volatile uint64_t *target = (volatile uint64_t *)TARGET_GPA;
	const volatile uint64_t *alias = (const volatile uint64_t *)ALIAS;

	for (unsigned int i = 0; i < WRITES; i++) {
		*target = ++remap->written;
		if (*alias == remap->written)
			continue;
		if (remap->errors++ < GUEST_ERRORS_SHOWN)
			guest_tell_error("an alias has other memory");
	}
	guest_tell((struct guest_count[]){{"pass", pass},
					  {"writes", remap->written},
					  {"errors", remap->errors},
					  {0}});
}

void guest_main(const char *cmdline, uint64_t ram_bytes)
{
	struct guest_pace pace;
	struct remap remap;
	uint64_t pass = 0;

	configure(cmdline, &remap);
	if (ram_bytes < RAM_BYTES)
		guest_refuse("it needs 28 MiB of memory", "", 0);
	map_alias(&remap);
	guest_pace_start(&pace, remap.rate_ps, 1);
	for (;;) {
		run_pass(&remap, ++pass);
		if (pass == remap.passes)
			break;
		guest_pace_step(&pace);
	}
	guest_tell((struct guest_count[]){
		{"done passes", pass}, {"errors", remap.errors}, {0}});
	guest_finish(remap.errors);
}
