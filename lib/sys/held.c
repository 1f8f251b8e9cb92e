/* SPDX-License-Identifier: MIT */
/*
 * By PAGEMAP_SCAN, which skips what has no page table, or by the words of all
 * pages before Linux 6.7.
 */
#include "sys/held.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/range.h"

/* One scan, and one read of words. */
#define RUN_PAGES   4096
#define WORDS_PAGES 512

/* Pages that are touched for a try: bit i is page i. */
#define TRIED	    UINT32_C(0x4232)
#define TRIED_PAGES 16
/*
 * The highest byte of a word, but for its lowest bit, is 0x80 for a page that
 * was just touched, and 0 for one that was not. In the other byte order it is a
 * part of the frame's number, which is 0x80 for two frames of 256.
 */
#define KIND (UINT64_C(0xfe) << 56)

static bool shows_touched(int pagemap, volatile char *at, uint64_t page_bytes)
{
	uint64_t words[TRIED_PAGES];
	uint32_t found = 0;

	for (unsigned int i = 0; i < TRIED_PAGES; i++)
		if (TRIED >> i & 1)
			at[i * page_bytes] = 1;
	if (smi_sys_pagemap_words(pagemap, (uintptr_t)at / page_bytes,
				  TRIED_PAGES, words) < 0)
		return false;
	for (unsigned int i = 0; i < TRIED_PAGES; i++)
		if ((words[i] & KIND) == SMI_SYS_PAGEMAP_PRESENT)
			found |= UINT32_C(1) << i;
		else if (words[i] & KIND)
			return false;
	return found == TRIED;
}

/*
 * Is it the page table of this process? In QEMU's user emulation it is the
 * emulator's: with other addresses, and in the host's byte order.
 * Return: 1 or 0, or -ENOMEM.
 */
static int is_ours(int pagemap)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	void *at = mmap(NULL, TRIED_PAGES * bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (at == MAP_FAILED)
		return -ENOMEM;
	madvise(at, TRIED_PAGES * bytes, MADV_NOHUGEPAGE);
	ret = shows_touched(pagemap, at, bytes);
	munmap(at, TRIED_PAGES * bytes);
	return ret;
}

int smi_sys_held_open(struct smi_sys_held *held)
{
	int pagemap = smi_sys_pagemap_open();
	int ret = pagemap < 0 ? 0 : is_ours(pagemap);

	*held = (struct smi_sys_held){.pagemap = ret > 0 ? pagemap : -1};
	if (pagemap >= 0 && ret <= 0)
		close(pagemap);
	return ret < 0 ? ret : 0;
}

void smi_sys_held_close(struct smi_sys_held *held)
{
	if (held->pagemap >= 0)
		close(held->pagemap);
	held->pagemap = -1;
}

static uint64_t host_page_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Only a word that looks like a marker's makes it worth to know one. */
static bool is_held(struct smi_sys_held *held, uint64_t word)
{
	if (word & SMI_SYS_PAGEMAP_PRESENT)
		return true;
	if (!(word & SMI_SYS_PAGEMAP_SWAPPED))
		return false;
	if (!held->knows_marker) {
		held->marker = smi_sys_marker_learn(held->pagemap);
		held->knows_marker = true;
	}
	return !smi_sys_marker_is(&held->marker, word);
}

/* As smi_sys_held_next, for at most WORDS_PAGES. */
static bool next_in_words(struct smi_sys_held *held, uint64_t start,
			  uint64_t end, struct smi_sys_page_run *ret_run)
{
	uint64_t bytes = host_page_bytes();
	uint64_t words[WORDS_PAGES];
	uint64_t n = (end - start) / bytes;
	uint64_t first = 0, last;

	if (smi_sys_pagemap_words(held->pagemap, start / bytes, n, words) < 0) {
		*ret_run = (struct smi_sys_page_run){start, end, 0};
		return true;
	}
	while (first < n && !is_held(held, words[first]))
		first++;
	for (last = first; last < n && is_held(held, words[last]);)
		last++;
	*ret_run = (struct smi_sys_page_run){start + first * bytes,
					     start + last * bytes, 0};
	return first < n;
}

static bool next_by_words(struct smi_sys_held *held, uint64_t start,
			  uint64_t end, struct smi_sys_page_run *ret_run)
{
	uint64_t step = WORDS_PAGES * host_page_bytes();

	for (; start<end; start = end - start> step ? start + step : end)
		if (next_in_words(held, start,
				  end - start > step ? start + step : end,
				  ret_run))
			return true;
	return false;
}

bool smi_sys_held_next(struct smi_sys_held *held, uint64_t start, uint64_t end,
		       struct smi_sys_page_run *ret_run)
{
	struct smi_sys_page_run run;
	int ret;

	if (held->pagemap < 0) {
		*ret_run = (struct smi_sys_page_run){start, end, 0};
		return start < end;
	}
	for (; start < end; start = run.end) {
		ret = smi_sys_pagemap_find_held(held->pagemap, start, end,
						RUN_PAGES, &run);
		if (ret < 0)
			return next_by_words(held, start, end, ret_run);
		if (ret == 0)
			return false;
		if (smi_sys_pagemap_is_mapped(&run)) {
			*ret_run = run;
			return true;
		}
		if (next_by_words(held, run.start, run.end, ret_run))
			return true;
	}
	return false;
}
