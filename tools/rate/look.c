/* SPDX-License-Identifier: MIT */
/*
 * Looks, by /proc/PID/pagemap.
 *
 * The masks of the scan are those for which the kernel counts an unpopulated
 * page (after MADV_DONTNEED) as written.
 */
#include "rate/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/pagemap_scan.h"
#include "common/range.h"
#include "rate/report.h"

#define MAX_RUNS  1024 /* of a call */
#define MAX_WORDS 4096

struct run {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

/* of a word of the file */
#define SOFT_DIRTY (UINT64_C(1) << 55)
#define SWAPPED	   (UINT64_C(1) << 62)
#define PRESENT	   (UINT64_C(1) << 63)

int rate_look_open(struct rate_look *ret_look, pid_t pid,
		   enum rate_look_kind kind)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_look = (struct rate_look){fd, kind};
	return 0;
}

void rate_look_close(struct rate_look *look)
{
	if (look->pagemap >= 0)
		close(look->pagemap);
	look->pagemap = -1;
}

static int scan(int pagemap, uint64_t start, uint64_t end, struct run *runs)
{
	struct pagemap_scan arg = {
		.size = sizeof(arg),
		.flags = PAGEMAP_SCAN_CHECK_WPASYNC,
		.start = start,
		.end = end,
		.vec = (uintptr_t)runs,
		.vec_len = MAX_RUNS,
		.category_mask = PAGEMAP_IS_WRITTEN,
		.return_mask = PAGEMAP_IS_WRITTEN,
	};
	int ret;

	do {
		ret = ioctl(pagemap, PAGEMAP_SCAN_IOCTL, &arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

/* Fewer runs than there is room for: the scan has reached the end. */
static int each_armed(int pagemap, uint64_t start, uint64_t end,
		      void (*each)(void *opaque, uint64_t address,
				   uint64_t npages),
		      void *opaque)
{
	struct run runs[MAX_RUNS];
	int n = MAX_RUNS;

	while (n == MAX_RUNS && start < end) {
		n = scan(pagemap, start, end, runs);
		for (int i = 0; i < n; i++)
			each(opaque, runs[i].start,
			     (runs[i].end - runs[i].start) / RATE_PAGE_BYTES);
		if (n > 0)
			start = runs[n - 1].end;
	}
	return n < 0 ? n : 0;
}

static bool is_soft_dirty(uint64_t word)
{
	return word & SOFT_DIRTY && word & (PRESENT | SWAPPED);
}

static int each_soft_dirty(int pagemap, uint64_t start, uint64_t end,
			   void (*each)(void *opaque, uint64_t address,
					uint64_t npages),
			   void *opaque)
{
	uint64_t words[MAX_WORDS];
	uint64_t page = start / RATE_PAGE_BYTES;
	uint64_t end_page = end / RATE_PAGE_BYTES;

	while (page < end_page) {
		uint64_t n = min_u64(end_page - page, MAX_WORDS);
		ssize_t got = pread(pagemap, words, n * sizeof(*words),
				    (off_t)(page * sizeof(*words)));

		if (got < (ssize_t)sizeof(*words))
			return got < 0 ? -errno : -ESRCH;
		n = (uint64_t)got / sizeof(*words);
		for (uint64_t i = 0; i < n; i++) {
			if (is_soft_dirty(words[i]))
				each(opaque, (page + i) * RATE_PAGE_BYTES, 1);
		}
		page += n;
	}
	return 0;
}

int rate_look_each(const struct rate_look *look, uint64_t address,
		   uint64_t size_bytes,
		   void (*each)(void *opaque, uint64_t address,
				uint64_t npages),
		   void *opaque)
{
	return (look->kind == RATE_LOOK_ARMED ? each_armed : each_soft_dirty)(
		look->pagemap, address, address + size_bytes, each, opaque);
}

static void note(void *opaque, uint64_t address, uint64_t npages)
{
	*(bool *)opaque = npages == 1 && address;
}

/* A page that was just touched has the bit. */
bool rate_look_has_soft_dirty(void)
{
	unsigned char *page =
		mmap(NULL, RATE_PAGE_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rate_look look;
	bool has = false;

	if (page == MAP_FAILED)
		return false;
	*(volatile unsigned char *)page = 1;
	if (rate_look_open(&look, getpid(), RATE_LOOK_SOFT_DIRTY) == 0) {
		(void)rate_look_each(&look, (uintptr_t)page, RATE_PAGE_BYTES,
				     note, &has);
		rate_look_close(&look);
	}
	munmap(page, RATE_PAGE_BYTES);
	return has;
}
