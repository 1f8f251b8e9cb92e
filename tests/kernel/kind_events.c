/* SPDX-License-Identifier: MIT */
/*
 * The events and what is expected of this kernel, L included:
 * docs/kernel-support.md lists the events that no source can detect.
 */
#include "kind_events.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/falloc.h>

/* Linux 5.4 */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static bool store(struct cell *c, uint8_t *page)
{
	*(volatile uint8_t *)page = 'n';
	return true;
}

static bool read_into(struct cell *c, uint8_t *page)
{
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	bool ok = read(fd, page, 1) == 1;

	close(fd);
	return ok;
}

/* A file that is read around the page cache; -1: not on this file system. */
static int open_direct(void)
{
	char path[] = "/var/tmp/smudge-direct-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	int direct = -1;
	uint8_t page[4096];

	memset(page, 'n', sizeof(page));
	if (fd >= 0 && write(fd, page, sizeof(page)) == sizeof(page) &&
	    fsync(fd) == 0)
		direct = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	return direct;
}

static bool direct_exists(void)
{
	int fd = open_direct();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* It has ended when the call returns. */
static bool read_direct(struct cell *c, uint8_t *page)
{
	int fd = open_direct();
	bool ok = fd >= 0 && read(fd, page, 4096) == 4096;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool vm_writev(struct cell *c, uint8_t *page)
{
	struct iovec local = {(void *)"n", 1}, remote = {page, 1};

	return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == 1;
}

static bool proc_mem(struct cell *c, uint8_t *page)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	bool ok = pwrite(fd, "n", 1, (off_t)(uintptr_t)page) == 1;

	close(fd);
	return ok;
}

static bool nothing_but_read(struct cell *c, uint8_t *page)
{
	(void)*(volatile uint8_t *)page;
	return true;
}

static bool protect_cycle(struct cell *c, uint8_t *page)
{
	return mprotect(page, c->m.page_bytes, PROT_READ) == 0 &&
	       mprotect(page, c->m.page_bytes, PROT_READ | PROT_WRITE) == 0;
}

static bool write_in_child(struct cell *c, uint8_t *page)
{
	pid_t child;

	if (c->m.kind->is_shared)
		return false; /* that is another mapping's write */
	child = fork();
	if (!child) {
		*(volatile uint8_t *)page = 'c';
		_exit(0);
	}
	return waitpid(child, NULL, 0) == child;
}

static bool dontneed(struct cell *c, uint8_t *page)
{
	return madvise(page, c->m.page_bytes, MADV_DONTNEED) == 0;
}

static bool dontneed_and_read(struct cell *c, uint8_t *page)
{
	return dontneed(c, page) && nothing_but_read(c, page);
}

static bool store_and_dontneed(struct cell *c, uint8_t *page)
{
	return store(c, page) && dontneed(c, page);
}

static bool pageout(struct cell *c, uint8_t *page)
{
	if (c->m.fd >= 0)
		fsync(c->m.fd);
	return madvise(page, c->m.page_bytes, MADV_PAGEOUT) == 0;
}

/* Reclaim is when the content goes. */
static bool free_and_pageout(struct cell *c, uint8_t *page)
{
	return madvise(page, c->m.page_bytes, MADV_FREE) == 0 &&
	       pageout(c, page);
}

static bool remove_pages(struct cell *c, uint8_t *page)
{
	return madvise(page, c->m.page_bytes, MADV_REMOVE) == 0;
}

static bool punch(struct cell *c, uint8_t *page)
{
	return c->m.fd >= 0 &&
	       fallocate(c->m.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 page - c->m.ram, (off_t)c->m.page_bytes) == 0;
}

static bool punch_and_read(struct cell *c, uint8_t *page)
{
	return punch(c, page) && nothing_but_read(c, page);
}

/* Down to the first page of the four, hence all of them. */
static bool truncate_and_grow(struct cell *c, uint8_t *page)
{
	if (c->m.fd < 0)
		return false;
	return page != c->m.ram + c->m.at[OWN] ||
	       (ftruncate(c->m.fd, (off_t)c->m.at[OWN]) == 0 &&
		ftruncate(c->m.fd, (off_t)c->m.bytes) == 0);
}

static bool other_mapping(struct cell *c, uint8_t *page)
{
	uint8_t *other;

	if (c->m.fd < 0)
		return false;
	other = mmap(NULL, c->m.bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		     c->m.fd, 0);
	if (other == MAP_FAILED)
		return false;
	*(volatile uint8_t *)(other + (page - c->m.ram)) = 'o';
	munmap(other, c->m.bytes);
	return true;
}

/* Shared anonymous memory has no other mapping but a child's. */
static bool other_process(struct cell *c, uint8_t *page)
{
	pid_t child;

	if (!c->m.kind->is_shared)
		return false;
	child = fork();
	if (!child) {
		*(volatile uint8_t *)page = 'o';
		_exit(0);
	}
	return waitpid(child, NULL, 0) == child;
}

static bool write_to_file(struct cell *c, uint8_t *page)
{
	return c->m.fd >= 0 && !kind_is_hugetlb(c->m.kind) &&
	       pwrite(c->m.fd, "o", 1, page - c->m.ram) == 1;
}

/* Moving a part of hugetlbfs memory costs the machine reservations (6.18). */
static bool move_away(struct cell *c, uint8_t *page)
{
	return !kind_is_hugetlb(c->m.kind) && page == c->m.ram + c->m.at[OWN] &&
	       mremap(page, c->m.page_bytes, c->m.page_bytes,
		      MREMAP_MAYMOVE | MREMAP_FIXED,
		      mmap(NULL, c->m.page_bytes, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED &&
	       mmap(page, c->m.page_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page;
}

static bool map_over(struct cell *c, uint8_t *page)
{
	return mmap(page, c->m.page_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page;
}

static bool discard(struct cell *c, uint8_t *page)
{
	return smudge_region_discard(
		       c->region, (uint64_t)(page - c->m.ram) / 4096,
		       c->m.page_bytes / 4096, c->m.fd, NULL) == 0;
}

const struct event events[] = {
	{.name = "a thread stores",
	 .happen = store,
	 .expected = {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx",
		      "xxxx", "xxxx", "xxxx"}},
	{.name = "read(2)",
	 .happen = read_into,
	 .expected = {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx",
		      "xxxx", "xxxx", "xxxx"}},
	{.name = "read(2) with O_DIRECT, ended",
	 .happen = read_direct,
	 .exists = direct_exists,
	 .expected = {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx",
		      "xxxx", "xxxx", "xxxx"}},
	{.name = "process_vm_writev(2)",
	 .happen = vm_writev,
	 .expected = {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx",
		      "xxxx", "xxxx", "xxxx"}},
	{.name = "/proc/PID/mem",
	 .happen = proc_mem,
	 .expected = {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx",
		      "xxxx", "xxxx", "xxxx"},
	 .older = {[7] = "F", [8] = "F"}},
	{.name = "a thread reads",
	 .happen = nothing_but_read,
	 .expected = {"....", "....", "....", "....", "....", "....", "....",
		      "....", "....", "...."}},
	{.name = "mprotect(2), and back",
	 .happen = protect_cycle,
	 .expected = {"....", "....", "....", "....", "....", "....", "....",
		      "....", "....", "...."}},
	{.name = "a child stores to its copy",
	 .happen = write_in_child,
	 .expected = {"....", "....", "....", "....", "-", "-", "-", "....",
		      "....", "-"}},
	{.name = "MADV_DONTNEED",
	 .happen = dontneed,
	 .expected = {"xooo", "xooo", "x...", "x...", "oo..", "oo..", "oo..",
		      "xo..", "x...", "oo.."}},
	{.name = "MADV_DONTNEED, then a read",
	 .happen = dontneed_and_read,
	 .expected = {"xooo", "xooo", "x...", "x...", "....", "....", "....",
		      "L...", "x...", "...."}},
	{.name = "a store, then MADV_DONTNEED",
	 .happen = store_and_dontneed,
	 .expected = {"xooo", "xooo", "xooo", "xooo", "xxxx", "xxxx", "xxxx",
		      "xooo", "xooo", "xxxx"}},
	{.name = "MADV_PAGEOUT, reclaim",
	 .happen = pageout,
	 .expected = {"....", "....", "....", "....", "oo..", "oo..", "oo..",
		      "-", "-", "-"},
	 .with_swap = true,
	 .for_nobody = {[2] = "o...", [3] = "o..."}},
	{.name = "MADV_FREE, reclaim",
	 .happen = free_and_pageout,
	 .expected = {"x...", "x...", "-", "-", "-", "-", "-", "-", "-", "-"}},
	{.name = "MADV_REMOVE",
	 .happen = remove_pages,
	 .expected = {"-", "-", "-", "-", "xxx.", "xxxo", "xo..", "-", "-",
		      "xxL."},
	 .older = {[5] = "xxx."}},
	{.name = "FALLOC_FL_PUNCH_HOLE",
	 .happen = punch,
	 .expected = {"-", "-", ".LL.", ".LL.", "xxx.", "xxxo", "-", "-",
		      "xLL.", "xxL."},
	 .older = {[5] = "xxx."}},
	{.name = "FALLOC_FL_PUNCH_HOLE, then a read",
	 .happen = punch_and_read,
	 .expected = {"-", "-", ".LL.", ".LL.", "LLL.", "LLL.", "-", "-",
		      "LLL.", "LLL."}},
	{.name = "MADV_DONTNEED, a harvest, then a hole",
	 .before = dontneed,
	 .changes_own = true,
	 .happen = punch,
	 .expected = {"-", "-", "LLL.", "LLL.", "xxx.", "xxxo", "-", "-",
		      "LLL.", "LLL."},
	 .for_nobody = {[2] = "xLL.", [3] = "xLL."},
	 .older = {[5] = "xxx."}},
	{.name = "ftruncate(2) to less and more",
	 .happen = truncate_and_grow,
	 .is_wide = true,
	 .expected = {"-", "-", "xLL.", "xLL.", "xxx.", "xxxo", "-", "-",
		      "xxxo", "xxxo"},
	 .older = {[5] = "xxx."}},
	{.name = "another mapping of the file stores",
	 .happen = other_mapping,
	 .expected = {"-", "-", ".LLL", ".LLL", "LLLL", "LLLL", "-", "-",
		      ".LLL", "LLLL"}},
	{.name = "another process stores",
	 .happen = other_process,
	 .expected = {"-", "-", "-", "-", "LLLL", "LLLL", "LLLL", "-", "-",
		      "LLLL"}},
	{.name = "write(2) to the file",
	 .happen = write_to_file,
	 .expected = {"-", "-", ".LLL", ".LLL", "LLLL", "LLLL", "-", "-", "-",
		      "-"}},
	{.name = "mremap(2) away, mmap(2) in its place",
	 .happen = move_away,
	 .expected = {"E", "E", "E", "E", "E", "E", "E", "-", "-", "-"}},
	{.name = "mmap(2) over it",
	 .happen = map_over,
	 .expected = {"E", "E", "E", "E", "E", "E", "E", "E", "E", "E"}},
	{.name = "smudge_region_discard",
	 .happen = discard,
	 .is_marked = true,
	 .expected = {"xooo", "xooo", "xooo", "xooo", "xxxo", "xxxo", "xooo",
		      "xooo", "xooo", "xxxo"}},
};
const size_t nevents = sizeof(events) / sizeof(events[0]);
