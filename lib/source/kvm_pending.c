/* SPDX-License-Identifier: MIT */
/*
 * A pass collects taken pages word by word. Those that are pending go into a
 * work space, one chunk at a time, and are cleared by one call. A bit leaves
 * `words` only after the kernel has cleared it. Only words with such pages are
 * touched: a take of a few pages must not read the whole chunk.
 */
#include "source/kvm_pending.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_WORDS (SMI_KVM_CHUNK_PAGES / 64)
#define CHUNK_BYTES (CHUNK_WORDS * sizeof(uint64_t))
#define USED_BYTES  (CHUNK_WORDS * sizeof(uint16_t))
#define WORK_BYTES  (CHUNK_BYTES + USED_BYTES)

_Static_assert(CHUNK_WORDS <= UINT16_MAX + 1, "16 bits for a word's index");

int smi_kvm_pending_open(struct smi_kvm_pending *pending, uint64_t npages)
{
	size_t size = (npages + 63) / 64 * sizeof(uint64_t);
	char *map = mmap(NULL, WORK_BYTES + size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return -ENOMEM;
	pending->chunk = (uint64_t *)map;
	pending->used = (uint16_t *)(map + CHUNK_BYTES);
	pending->words = (uint64_t *)(map + WORK_BYTES);
	pending->npages = npages;
	pending->words_size = size;
	return 0;
}

void smi_kvm_pending_close(struct smi_kvm_pending *pending)
{
	if (pending->chunk)
		munmap(pending->chunk, WORK_BYTES + pending->words_size);
	memset(pending, 0, sizeof(*pending));
}

void smi_kvm_pass_begin(struct smi_kvm_pass *pass,
			struct smi_kvm_pending *pending,
			const struct smi_kvm_clear *clear)
{
	pass->pending = pending;
	pass->clear = clear;
	pass->word = SMI_KVM_PASS_NONE;
	pass->bits = 0;
	pass->nused = 0;
}

/* Pages of a word were taken: the pending ones go into the chunk. */
static void keep_word(struct smi_kvm_pass *pass, uint64_t word, uint64_t bits)
{
	struct smi_kvm_pending *pending = pass->pending;
	uint64_t kept = htole64(bits) & pending->words[word];

	if (!kept)
		return;
	pending->chunk[word % CHUNK_WORDS] = kept;
	pending->used[pass->nused++] = (uint16_t)(word % CHUNK_WORDS);
}

/* Clear the chunk, which begins at word @base and has pages. */
static int clear_chunk(const struct smi_kvm_pass *pass, uint64_t base)
{
	struct smi_kvm_pending *pending = pass->pending;
	uint64_t *words = pending->words + base;
	uint64_t *chunk = pending->chunk;
	uint64_t lo = pending->used[0];
	uint64_t hi = pending->used[pass->nused - 1] + UINT64_C(1);
	uint64_t first = (base + lo) * 64;
	uint64_t npages = (hi - lo) * 64;
	int ret;

	if (npages > pending->npages - first)
		npages = pending->npages - first;
	ret = pass->clear->call(pass->clear->opaque, first, npages, chunk + lo);
	for (size_t i = 0; i < pass->nused; i++) {
		uint16_t at = pending->used[i];

		if (!ret)
			words[at] &= ~chunk[at];
		chunk[at] = 0;
	}
	return ret;
}

int smi_kvm_pass_flush(struct smi_kvm_pass *pass)
{
	uint64_t word = pass->word;
	int ret = 0;

	if (word == SMI_KVM_PASS_NONE)
		return 0;
	keep_word(pass, word, pass->bits);
	if (pass->nused)
		ret = clear_chunk(pass, word / CHUNK_WORDS * CHUNK_WORDS);
	smi_kvm_pass_begin(pass, pass->pending, pass->clear);
	return ret;
}

/* The next word to collect. */
static int begin_word(struct smi_kvm_pass *pass, uint64_t word)
{
	int ret = 0;

	if (pass->word / CHUNK_WORDS == word / CHUNK_WORDS)
		keep_word(pass, pass->word, pass->bits);
	else
		ret = smi_kvm_pass_flush(pass);
	pass->word = word;
	pass->bits = 0;
	return ret;
}

/* Pages [first, end) of one word; first < end. */
static uint64_t word_bits(uint64_t first, uint64_t end)
{
	return ~UINT64_C(0) << first % 64 &
	       ~UINT64_C(0) >> (63 - (end - 1) % 64);
}

int smi_kvm_pass_add(struct smi_kvm_pass *pass, uint64_t first, uint64_t end)
{
	while (first < end) {
		uint64_t word = first / 64;
		uint64_t stop = (word + 1) * 64;
		int ret;

		if (word != pass->word) {
			ret = begin_word(pass, word);
			if (ret < 0)
				return ret;
		}
		if (stop > end)
			stop = end;
		pass->bits |= word_bits(first, stop);
		first = stop;
	}
	return 0;
}

/* Runs within one word are collected in a register: 1 ns each. */
int smi_kvm_pass_add_runs(struct smi_kvm_pass *pass,
			  const struct smudge_run *runs, size_t n,
			  uint64_t base_page)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t first = runs[i].first_page - base_page;
		uint64_t end = first + runs[i].npages;
		int ret;

		if (first / 64 == pass->word && (end - 1) / 64 == pass->word) {
			bits |= word_bits(first, end);
			continue;
		}
		pass->bits |= bits;
		bits = 0;
		ret = smi_kvm_pass_add(pass, first, end);
		if (ret < 0)
			return ret;
	}
	pass->bits |= bits;
	return 0;
}
