/* SPDX-License-Identifier: MIT */
/*
 * A pass collects taken pages in a work space, one chunk at a time. It keeps
 * those that are pending, trims the chunk to the words that are left, and
 * clears them by one call. A bit leaves `words` only after the kernel has
 * cleared it.
 */
#include "source/kvm_pending.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_BYTES (SMI_KVM_CHUNK_PAGES / 8)

int smi_kvm_pending_open(struct smi_kvm_pending *pending, uint64_t npages)
{
	size_t size = (npages + 63) / 64 * sizeof(uint64_t);
	char *map = mmap(NULL, CHUNK_BYTES + size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return -ENOMEM;
	pending->chunk = (uint64_t *)map;
	pending->words = (uint64_t *)(map + CHUNK_BYTES);
	pending->npages = npages;
	pending->words_size = size;
	return 0;
}

void smi_kvm_pending_close(struct smi_kvm_pending *pending)
{
	if (pending->chunk)
		munmap(pending->chunk, CHUNK_BYTES + pending->words_size);
	memset(pending, 0, sizeof(*pending));
}

void smi_kvm_pass_begin(struct smi_kvm_pass *pass,
			struct smi_kvm_pending *pending,
			const struct smi_kvm_clear *clear)
{
	pass->pending = pending;
	pass->clear = clear;
	pass->base = pass->lo = pass->hi = 0;
}

/* Bits [first, end) of an array of little-endian words; first < end. */
static void set_bits(uint64_t *words, uint64_t first, uint64_t end)
{
	uint64_t last = (end - 1) / 64;
	uint64_t head = ~UINT64_C(0) << (first % 64);
	uint64_t tail = ~UINT64_C(0) >> (63 - (end - 1) % 64);
	uint64_t at = first / 64;

	if (at == last) {
		words[at] |= htole64(head & tail);
		return;
	}
	words[at++] |= htole64(head);
	while (at < last)
		words[at++] = ~UINT64_C(0);
	words[at] |= htole64(tail);
}

/* Keep the pending bits; shrink [*lo, *hi) to the words that are not zero. */
static void mask_and_trim(uint64_t *chunk, const uint64_t *pending,
			  uint64_t *lo, uint64_t *hi)
{
	for (uint64_t i = *lo; i < *hi; i++)
		chunk[i] &= pending[i];
	while (*lo < *hi && !chunk[*lo])
		(*lo)++;
	while (*lo < *hi && !chunk[*hi - 1])
		(*hi)--;
}

int smi_kvm_pass_flush(struct smi_kvm_pass *pass)
{
	struct smi_kvm_pending *pending = pass->pending;
	uint64_t *words = pending->words + pass->base / 64;
	uint64_t *chunk = pending->chunk;
	uint64_t first, npages;
	int ret = 0;

	mask_and_trim(chunk, words, &pass->lo, &pass->hi);
	if (pass->lo < pass->hi) {
		first = pass->base + pass->lo * 64;
		npages = (pass->hi - pass->lo) * 64;
		if (npages > pending->npages - first)
			npages = pending->npages - first;
		ret = pass->clear->call(pass->clear->opaque, first, npages,
					chunk + pass->lo);
	}
	for (uint64_t i = pass->lo; i < pass->hi; i++) {
		if (!ret)
			words[i] &= ~chunk[i];
		chunk[i] = 0;
	}
	pass->lo = pass->hi = 0;
	return ret;
}

int smi_kvm_pass_add(struct smi_kvm_pass *pass, uint64_t first, uint64_t end)
{
	while (first < end) {
		uint64_t base = first & ~(SMI_KVM_CHUNK_PAGES - 1);
		uint64_t stop = base + SMI_KVM_CHUNK_PAGES;
		int ret;

		if (base != pass->base) {
			ret = smi_kvm_pass_flush(pass);
			if (ret < 0)
				return ret;
			pass->base = base;
		}
		if (stop > end)
			stop = end;
		set_bits(pass->pending->chunk, first - base, stop - base);
		if (pass->hi == 0)
			pass->lo = (first - base) / 64;
		pass->hi = (stop - base + 63) / 64;
		first = stop;
	}
	return 0;
}
