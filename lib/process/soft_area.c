/* SPDX-License-Identifier: MIT */
/*
 * Soft-dirty bits and dropped content.
 *
 * A page's bit goes with its entry: a page that was written and then dropped
 * (MADV_DONTNEED) has no bit. So which pages have content of the process's own
 * is remembered, and which a client has read since. Such a page is one that is
 * in swap; or that is mapped, is not the file's, and is mapped once. A page of
 * zeros, which a read maps, is mapped more than once; so is a page that a child
 * of fork shares, which looks the same. Private anonymous pages of that kind
 * are reported by each harvest: too often, never too seldom.
 */
#include "process/soft_area.h"

#include <errno.h>
#include <string.h>

#include "common/range.h"
#include "sys/pagemap.h"

/* Mapped once, by this process (Linux 4.2). */
#define EXCLUSIVE (UINT64_C(1) << 56)

struct verdict {
	bool is_own;
	bool is_unsure; /* shared with a child, or a page of zeros */
};

static struct verdict judge(enum smi_soft_kind kind, uint64_t word)
{
	struct verdict v = {false, false};

	if (word & SMI_SYS_PAGEMAP_SWAPPED) {
		v.is_own = true;
	} else if (word & SMI_SYS_PAGEMAP_PRESENT &&
		   !(word & SMI_SYS_PAGEMAP_FILE)) {
		v.is_unsure = kind == SMI_SOFT_ANONYMOUS && !(word & EXCLUSIVE);
		v.is_own = !v.is_unsure;
	}
	return v;
}

static void put(uint64_t *bits, uint64_t page, bool is_set)
{
	uint64_t bit = UINT64_C(1) << page % 64;

	bits[page / 64] =
		is_set ? bits[page / 64] | bit : bits[page / 64] & ~bit;
}

static bool get(const uint64_t *bits, uint64_t page)
{
	return bits[page / 64] >> page % 64 & 1;
}

static void take_word(struct smi_soft_area *area, uint64_t page, uint64_t word,
		      uint64_t *into, bool is_look)
{
	struct verdict v = judge(area->kind, word);
	bool was_own = get(area->own, page);

	if (word & SMI_SYS_PAGEMAP_SOFT_DIRTY || v.is_unsure ||
	    (was_own && !v.is_own))
		put(into, page, true);
	if (!is_look || v.is_own)
		put(area->own, page, v.is_own);
}

void smi_soft_area_was_read(struct smi_soft_area *area, uint64_t first_page,
			    uint64_t end_page)
{
	uint64_t end = min_u64(end_page, area->first_page + area->npages);

	for (uint64_t page = max_u64(first_page, area->first_page); page < end;
	     page++)
		put(area->own, page - area->first_page, true);
}

void smi_soft_area_fill(const struct smi_soft_area *area, uint64_t *into)
{
	memset(into, 0xff, smi_soft_area_nwords(area) * sizeof(*into));
}

int smi_soft_area_read(struct smi_soft_area *area, int pagemap, uint64_t *words,
		       uint64_t *into, bool is_look)
{
	if (area->kind == SMI_SOFT_UNKNOWN) {
		smi_soft_area_fill(area, into);
		return 0;
	}
	for (uint64_t at = 0; at < area->npages; at += SMI_SOFT_WORDS) {
		uint64_t n = min_u64(area->npages - at, SMI_SOFT_WORDS);
		int ret = smi_sys_pagemap_words(pagemap, area->first_page + at,
						n, words);

		if (ret < 0) {
			smi_soft_area_fill(area, into);
			return ret;
		}
		for (uint64_t i = 0; i < n; i++)
			take_word(area, at + i, words[i], into, is_look);
	}
	return 0;
}
