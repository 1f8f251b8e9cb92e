/* SPDX-License-Identifier: MIT */
/*
 * Prepares each kind of memory. Pages of the four classes are far from each
 * other, because the kernel also maps the neighbours of a page of a file that
 * is read (16 pages, aligned).
 */
#include "kinds.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define HUGE_BYTES ((size_t)2 << 20)

const struct kind kinds[] = {
	{"private anonymous", false, ANONYMOUS},
	{"with huge pages", false, HUGE_ANONYMOUS},
	{"private file", false, FILE_ON_DISK},
	{"private memfd", false, MEMFD},
	{"shared memfd", true, MEMFD},
	{"shared file", true, FILE_ON_DISK},
	{"shared anonymous", true, ANONYMOUS},
	{"private hugetlbfs", false, HUGETLB_ANONYMOUS},
	{"private hugetlbfs file", false, HUGETLB_MEMFD},
	{"shared hugetlbfs file", true, HUGETLB_MEMFD},
};
const size_t nkinds = sizeof(kinds) / sizeof(kinds[0]);

bool kind_is_hugetlb(const struct kind *kind)
{
	return kind->backing == HUGETLB_ANONYMOUS ||
	       kind->backing == HUGETLB_MEMFD;
}

static int make_file(enum backing backing)
{
	char path[] = "/var/tmp/smudge-kinds-XXXXXX";
	int fd;

	if (backing == MEMFD)
		return memfd_create("kinds", MFD_CLOEXEC);
	if (backing == HUGETLB_MEMFD)
		return memfd_create("kinds",
				    MFD_CLOEXEC | MFD_HUGETLB | 21 << 26);
	if (backing != FILE_ON_DISK)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* Through a mapping of its own: hugetlbfs has no write(2). */
static bool fill_file(const struct kind_memory *m)
{
	uint8_t *all;

	if (ftruncate(m->fd, (off_t)m->bytes) < 0)
		return false;
	all = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd,
		   0);
	if (all == MAP_FAILED)
		return false;
	for (int i = OWN; i < HOLE; i++)
		memset(all + m->at[i], 'f', m->page_bytes);
	return munmap(all, m->bytes) == 0;
}

static void lay_out(struct kind_memory *m)
{
	size_t stride = 32 * 4096;

	if (m->kind->backing == HUGE_ANONYMOUS || kind_is_hugetlb(m->kind))
		stride = HUGE_BYTES;
	m->page_bytes = kind_is_hugetlb(m->kind) ? HUGE_BYTES : 4096;
	m->bytes = NCLASSES * stride;
	for (size_t i = 0; i < NCLASSES; i++)
		m->at[i] = i * stride +
			   (m->page_bytes == 4096 ? 8 * (size_t)4096 : 0);
}

static bool map_memory(struct kind_memory *m)
{
	int flags = m->kind->is_shared ? MAP_SHARED : MAP_PRIVATE;

	if (m->fd < 0)
		flags |= MAP_ANONYMOUS;
	if (m->kind->backing == HUGETLB_ANONYMOUS)
		flags |= MAP_HUGETLB | 21 << 26;
	m->map_bytes = m->bytes;
	if (m->kind->backing == HUGE_ANONYMOUS)
		m->map_bytes += HUGE_BYTES;
	m->map = mmap(NULL, m->map_bytes, PROT_READ | PROT_WRITE, flags, m->fd,
		      0);
	if (m->map == MAP_FAILED)
		return false;
	m->ram = m->map;
	if (m->kind->backing == HUGE_ANONYMOUS) {
		m->ram += HUGE_BYTES - (uintptr_t)m->map % HUGE_BYTES;
		madvise(m->ram, m->bytes, MADV_HUGEPAGE);
	}
	return true;
}

bool kind_open(struct kind_memory *m, const struct kind *kind)
{
	bool has_file = kind->backing == FILE_ON_DISK ||
			kind->backing == MEMFD ||
			kind->backing == HUGETLB_MEMFD;

	*m = (struct kind_memory){.kind = kind};
	lay_out(m);
	m->fd = make_file(kind->backing);
	if (has_file && (m->fd < 0 || !fill_file(m))) {
		if (m->fd >= 0)
			close(m->fd);
		return false;
	}
	if (!map_memory(m)) {
		if (m->fd >= 0)
			close(m->fd);
		return false;
	}
	m->ram[m->at[OWN]] = 'W';
	(void)*(volatile uint8_t *)(m->ram + m->at[SEEN]);
	return true;
}

void kind_close(struct kind_memory *m)
{
	munmap(m->map, m->map_bytes);
	if (m->fd >= 0)
		close(m->fd);
}

uint8_t kind_content(const struct kind_memory *m, enum page_class class)
{
	if (class == OWN)
		return 'W';
	return class == HOLE || m->fd < 0 ? 0 : 'f';
}

bool become_nobody(void)
{
	return setgid(65534) == 0 && setuid(65534) == 0 &&
	       prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

void run_as(bool nobody, bool (*body)(void *opaque), void *opaque)
{
	int status = 0;
	pid_t child;

	if (geteuid() != 0)
		test_skip_without("root", "this user cannot become another");
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit((nobody && !become_nobody()) || !body(opaque));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}
