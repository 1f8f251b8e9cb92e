/* SPDX-License-Identifier: MIT */
/*
 * The memory that is saved, and what is in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench_program.h"
#include "checkpoint.h"

static uint64_t random_next(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void checkpoint_fill_random(uint8_t *bytes, uint64_t npages, uint64_t seed)
{
	for (uint64_t at = 0; at < npages * CHECKPOINT_PAGE; at += 8) {
		uint64_t value = random_next(&seed);

		memcpy(bytes + at, &value, sizeof(value));
	}
}

/* As the heap of a program: small numbers, pointers into one area, text. */
void checkpoint_fill_words(uint8_t *bytes, uint64_t npages, uint64_t seed)
{
	static const char text[] = "the quick brown fox jumps over a lazy dog ";

	for (uint64_t at = 0; at < npages * CHECKPOINT_PAGE; at += 32) {
		uint64_t value = random_next(&seed);
		uint64_t words[4] = {value & 0xff,
				     UINT64_C(0x7f1234000000) |
					     (value >> 8 & 0xfffff0),
				     0, value >> 32 & 0xffff};

		memcpy(words + 2, text + (value >> 48) % (sizeof(text) - 9), 8);
		memcpy(bytes + at, words, sizeof(words));
	}
}

uint64_t *checkpoint_choose(uint64_t n, uint64_t npages, uint64_t seed)
{
	uint64_t *chosen = calloc(n, sizeof(*chosen));
	uint8_t *is_used = calloc(npages, 1);

	bench_must(chosen && is_used ? 0 : -ENOMEM, "memory");
	for (uint64_t i = 0; i < n;) {
		uint64_t page = random_next(&seed) % npages;

		if (!is_used[page])
			chosen[i++] = page;
		is_used[page] = 1;
	}
	free(is_used);
	return chosen;
}

static void attach(struct checkpoint_ram *ram)
{
	struct smudge_error err = {0};

	ram->detects = "marks";
	if (smudge_uffd_create(&ram->source, &err) < 0) {
		ram->source = NULL;
		return;
	}
	bench_must(smudge_region_attach(ram->region, ram->source, 0, 0, &err),
		   err.message);
	ram->detects = "userfaultfd";
}

void checkpoint_ram_open(struct checkpoint_ram *ram, uint64_t npages)
{
	struct smudge_error err = {0};
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram"};

	ram->npages = npages;
	ram->bytes =
		mmap(NULL, npages * CHECKPOINT_PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bench_must(ram->bytes == MAP_FAILED ? -errno : 0, "the memory");
	/* so that what is touched is what was written */
	madvise(ram->bytes, npages * CHECKPOINT_PAGE, MADV_NOHUGEPAGE);
	bench_must(smudge_memory_create(&ram->memory), "a memory");
	options.hva = ram->bytes;
	options.size_bytes = npages * CHECKPOINT_PAGE;
	bench_must(smudge_region_add(ram->memory, &options, &ram->region, &err),
		   err.message);
	attach(ram);
}

void checkpoint_ram_close(struct checkpoint_ram *ram)
{
	bench_must(smudge_memory_destroy(ram->memory, NULL), "a memory's end");
	if (ram->source)
		smudge_source_destroy(ram->source);
	munmap(ram->bytes, ram->npages * CHECKPOINT_PAGE);
}

void checkpoint_ram_written(struct checkpoint_ram *ram, uint64_t first_page,
			    uint64_t npages)
{
	if (!ram->source)
		smudge_region_mark(ram->region, first_page, npages);
}

uint64_t checkpoint_ram_resident_pages(const struct checkpoint_ram *ram)
{
	unsigned char *is_there = calloc(ram->npages, 1);
	uint64_t n = 0;

	bench_must(is_there ? 0 : -ENOMEM, "memory");
	bench_must(mincore(ram->bytes, ram->npages * CHECKPOINT_PAGE, is_there)
			   ? -errno
			   : 0,
		   "mincore");
	for (uint64_t i = 0; i < ram->npages; i++)
		n += is_there[i] & 1;
	free(is_there);
	return n;
}

bool checkpoint_has_memory(const char *name, uint64_t bytes)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	if (kib * 1024 >= bytes)
		return true;
	checkpoint_skip(name, "too little memory is available");
	return false;
}
