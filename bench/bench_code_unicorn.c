/* SPDX-License-Identifier: MIT */
/*
 * A guest of NPAGES pages of code, with BLOCKS blocks in each, that runs
 * through all of them while a DMA writes one of the pages between two runs.
 * What must be translated again, and the cost of a run with that: by
 * smudge_code; by dropping all translations at each DMA; and if nothing had to
 * be dropped.
 */
#include "bench_code_unicorn.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unicorn/unicorn.h>

#include <smudge/smudge.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"
#include "bench_values.h"

#define RAM_BYTES  (UINT64_C(64) << 20)
#define CODE_GPA   UINT64_C(0x400000)
#define NPAGES	   200
#define BLOCKS	   20
#define BLOCK_SIZE 200
#define NRUNS	   100
#define NO_UNTIL   UINT64_C(0xfffffffffffff000)

enum way {
	NOTHING,
	BY_SMUDGE,
	ALL,
};

struct guest {
	uc_engine *uc;
	uint8_t *ram;
	uint64_t ntranslated;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_code *code;
};

static void translated(uc_engine *uc, uc_tb *block, uc_tb *from, void *opaque)
{
	struct guest *guest = opaque;

	(void)uc;
	(void)from;
	guest->ntranslated++;
	/* nothing is written between the translation and this */
	bench_must(smudge_code_add(guest->code, block->pc, block->size,
				   UINT64_MAX, NULL),
		   "add");
}

/* Twenty adds and a jump to the next block; the last one halts. */
static void write_code(uint8_t *code)
{
	for (size_t n = 0; n < NPAGES * BLOCKS; n++) {
		size_t at = n / BLOCKS * 4096 + n % BLOCKS * BLOCK_SIZE;
		size_t next =
			(n + 1) / BLOCKS * 4096 + (n + 1) % BLOCKS * BLOCK_SIZE;
		uint8_t *p = code + at;
		int32_t distance;

		for (int i = 0; i < 20; i++) {
			memcpy(p, "\x05\x01\x00\x00\x00", 5);
			p += 5;
		}
		distance = (int32_t)(next - (size_t)(p + 5 - code));
		*p = 0xe9;
		memcpy(p + 1, &distance, 4);
		if (n + 1 == NPAGES * BLOCKS)
			*p = 0xf4;
	}
}

static void open_guest(struct guest *guest)
{
	struct smudge_region_options ram = {
		.size = sizeof(ram), .name = "ram", .size_bytes = RAM_BYTES};
	struct smudge_code_options how = {.size = sizeof(how),
					  .marks_only = true};
	uc_hook hook;

	*guest = (struct guest){0};
	guest->ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bench_must(guest->ram == MAP_FAILED ? -1 : 0, "ram");
	ram.hva = guest->ram;
	bench_must(smudge_memory_create(&guest->memory), "memory");
	bench_must(smudge_region_add(guest->memory, &ram, &guest->region, NULL),
		   "region");
	bench_must(smudge_code_open(guest->memory, &how, &guest->code, NULL),
		   "open");
	write_code(guest->ram + CODE_GPA);
	bench_must(-(int)uc_open(UC_ARCH_X86, UC_MODE_64, &guest->uc),
		   "Unicorn");
	uc_mem_map_ptr(guest->uc, 0, RAM_BYTES, UC_PROT_ALL, guest->ram);
	uc_hook_add(guest->uc, &hook, UC_HOOK_EDGE_GENERATED,
		    (void *)translated, guest, 1, 0);
}

static void close_guest(struct guest *guest)
{
	uc_close(guest->uc);
	smudge_code_close(guest->code);
	smudge_memory_destroy(guest->memory, NULL);
	munmap(guest->ram, RAM_BYTES);
}

static void run(struct guest *guest)
{
	uint64_t rax = 0;

	uc_reg_write(guest->uc, UC_X86_REG_RAX, &rax);
	uc_emu_start(guest->uc, CODE_GPA, NO_UNTIL, 0, 0);
	uc_reg_read(guest->uc, UC_X86_REG_RAX, &rax);
	bench_must(rax == NPAGES * BLOCKS * 20 ? 0 : -1, "the guest's sum");
}

static void dma(struct guest *guest, size_t page, enum way way)
{
	uint64_t gpa = CODE_GPA + page * 4096;
	struct smudge_code_range ranges[16];
	size_t n;

	/* the same bytes: the write alone counts */
	memmove(guest->ram + gpa, guest->ram + gpa, 4096);
	if (way == ALL)
		uc_ctl_remove_cache(guest->uc, (uint64_t)0, RAM_BYTES);
	if (way != BY_SMUDGE)
		return;
	smudge_region_mark(guest->region, gpa >> 12, 1);
	while ((n = smudge_code_stale(guest->code, ranges, 16)))
		for (size_t i = 0; i < n; i++)
			uc_ctl_remove_cache(guest->uc, ranges[i].gpa,
					    ranges[i].gpa +
						    ranges[i].length_bytes);
}

static void measure(enum way way, const char *blocks, const char *time)
{
	struct smudge_code_stats stats = {.size = sizeof(stats)};
	unsigned int nruns = bench_settings.scope == BENCH_QUICK ? 2 : NRUNS;
	double samples[NRUNS];
	struct guest guest;

	if (bench_interrupted)
		return;
	bench_progress_case("%s", time);
	open_guest(&guest);
	run(&guest);
	run(&guest);
	guest.ntranslated = 0;
	for (size_t i = 0; i < nruns; i++) {
		uint64_t began = bench_now_ns();

		dma(&guest, i * 7 % NPAGES, way);
		run(&guest);
		samples[i] = (double)(bench_now_ns() - began) / 1000;
	}
	bench_value(blocks, (double)guest.ntranslated / nruns, "blocks");
	if (way == BY_SMUDGE) {
		smudge_code_stats(guest.code, &stats);
		bench_value("blocks known to be stale, a stale page",
			    (double)stats.stale_blocks /
				    (double)stats.stale_pages,
			    "blocks");
	}
	bench_value(time, bench_median(samples, nruns), "us");
	close_guest(&guest);
}

void bench_code_unicorn(void)
{
	measure(BY_SMUDGE, "translated again after a DMA to a page, smudge",
		"DMA and run of 4000 blocks in 200 pages, smudge");
	measure(ALL, "translated again after a DMA to a page, all dropped",
		"DMA and run of 4000 blocks in 200 pages, all dropped");
	measure(NOTHING, "translated again after a DMA to a page, none dropped",
		"DMA and run of 4000 blocks in 200 pages, none dropped");
}
