/* SPDX-License-Identifier: MIT */
/*
 * A translator that never runs stale code. Its guest's code is bytes to be
 * added up; the "translation" of a block is their sum. Exits 1 if a stale sum
 * is used.
 */
#include <errno.h>
#include <stdio.h>

#include <smudge/smudge.h>

enum {
	NPAGES = 256,
	PER_PAGE = 32, /* blocks of 128 bytes */
};

static _Alignas(4096) unsigned char ram[NPAGES * 4096];
static int cache[NPAGES * PER_PAGE], ntranslated;
static struct smudge_code *code;

static int translate(int block)
{
	uint64_t gpa = (uint64_t)block * 128, since;
	int ret;

	ntranslated++;
	do {
		since = smudge_code_now(code);
		cache[block] = 0;
		for (int i = 0; i < 128; i++)
			cache[block] += ram[gpa + (uint64_t)i];
		ret = smudge_code_add(code, gpa, 128, since, NULL);
	} while (ret == -EAGAIN); /* the page was not watched before */
	return ret;
}

/* Before guest code runs: translate again what other writers changed. */
static int drop_stale(void)
{
	struct smudge_code_range range;
	int ret = 0;

	while (ret == 0 && smudge_code_stale(code, &range, 1)) {
		int end = (int)((range.gpa + range.length_bytes) / 128);

		for (int b = (int)(range.gpa / 128); b < end && ret == 0; b++)
			ret = translate(b);
	}
	return ret;
}

int main(void)
{
	struct smudge_region_options memory_of = {.size = sizeof(memory_of),
						  .name = "ram",
						  .hva = ram,
						  .size_bytes = sizeof(ram)};
	struct smudge_code_options how = {.size = sizeof(how)};
	struct smudge_memory *memory;
	struct smudge_region *region;
	int ret = 0;

	if (smudge_memory_create(&memory) ||
	    smudge_region_add(memory, &memory_of, &region, NULL) ||
	    smudge_code_open(memory, &how, &code, NULL))
		return 1;
	for (int block = 0; block < NPAGES * PER_PAGE && ret == 0; block++)
		ret = translate(block);
	ntranslated = 0;
	ram[5 * 4096 + 7] = 42; /* a device writes, then marks */
	smudge_region_mark(region, 5, 1);
	ret |= drop_stale();
	printf("%d of %d blocks translated again\n", ntranslated,
	       NPAGES * PER_PAGE);
	ret |= cache[5 * PER_PAGE] != 42 || ntranslated != PER_PAGE;
	smudge_code_close(code);
	smudge_memory_destroy(memory, NULL);
	return ret != 0;
}
