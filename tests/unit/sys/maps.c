/* SPDX-License-Identifier: MIT */
/*
 * Kinds of memory found by the ioctl of /proc/self/maps and out of its text:
 * the same, also where a range begins and ends within mappings, has a hole, or
 * changes meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "deny.h"
#include "support.h"
#include "sys/maps.h"

#define PAGE  UINT64_C(4096)
#define QUERY 0xc0686611 /* PROCMAP_QUERY */
#define MAX   8

struct list {
	uint64_t base;
	size_t n;
	int stop_at; /* mappings, then the walk is ended */
	struct smi_sys_mapping m[MAX];
	struct stat file;
};

static int add(void *opaque, const struct smi_sys_mapping *m)
{
	struct list *list = opaque;

	if (list->n < MAX)
		list->m[list->n++] = *m;
	return (int)list->n == list->stop_at ? 77 : 0;
}

/* Ten pages: 2 anonymous, 3 private file, 1 hole, 2 shared file, 2 shared. */
static bool map_pages(struct list *list)
{
	const int rw = PROT_READ | PROT_WRITE;
	int fd = memfd_create("maps", MFD_CLOEXEC);
	char *at;

	if (fd < 0 || ftruncate(fd, 20 * 4096) < 0 || fstat(fd, &list->file))
		return false;
	at = mmap(NULL, 10 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	list->base = (uintptr_t)at;
	return at != MAP_FAILED &&
	       mmap(at + 2 * PAGE, 3 * PAGE, rw, MAP_PRIVATE | MAP_FIXED, fd,
		    4 * 4096) != MAP_FAILED &&
	       mmap(at + 6 * PAGE, 2 * PAGE, rw, MAP_SHARED | MAP_FIXED, fd,
		    9 * 4096) != MAP_FAILED &&
	       mmap(at + 8 * PAGE, 2 * PAGE, rw,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
		    0) != MAP_FAILED &&
	       munmap(at + 5 * PAGE, PAGE) == 0 && close(fd) == 0;
}

static bool is(const struct list *list, size_t i, uint64_t first, uint64_t end,
	       bool is_shared, bool has_file)
{
	const struct smi_sys_mapping *m = &list->m[i];

	return i < list->n && m->start == list->base + first * PAGE &&
	       m->end == list->base + end * PAGE && m->is_shared == is_shared &&
	       m->has_file == has_file;
}

static bool is_file(const struct list *list, size_t i, uint64_t file_page)
{
	const struct smi_sys_mapping *m = &list->m[i];

	return m->file_off == file_page * PAGE &&
	       m->inode == list->file.st_ino &&
	       m->dev_major == major(list->file.st_dev) &&
	       m->dev_minor == minor(list->file.st_dev);
}

static bool finds_kinds(void *opaque)
{
	struct list list = {0};
	uint64_t base;

	if (!map_pages(&list))
		return false;
	base = list.base;
	if (smi_sys_maps_each(base + PAGE, base + 9 * PAGE, add, &list) != 0 ||
	    list.n != 4 || !is(&list, 0, 1, 2, false, false) ||
	    !is(&list, 1, 2, 5, false, true) || !is_file(&list, 1, 4) ||
	    !is(&list, 2, 6, 8, true, true) || !is_file(&list, 2, 9) ||
	    !is(&list, 3, 8, 9, true, true))
		return false;
	list.n = 0; /* the file's page moves with the start */
	if (smi_sys_maps_each(base + 7 * PAGE, base + 8 * PAGE, add, &list) ||
	    list.n != 1 || !is_file(&list, 0, 10))
		return false;
	list.n = 0;
	if (smi_sys_maps_each(base + 5 * PAGE, base + 6 * PAGE, add, &list) ||
	    list.n != 0)
		return false;
	list.stop_at = 2;
	return smi_sys_maps_each(base, base + 9 * PAGE, add, &list) == 77 &&
	       list.n == 2 && munmap((void *)base, 10 * PAGE) == 0;
}

static void test_as_it_is(void **state)
{
	assert_true(finds_kinds(NULL));
}

/* Older kernels, emulators of system calls, filters. */
static void test_text(void **state)
{
	static const int answers[] = {ENOTTY, ENOSYS, EPERM, EINVAL};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const struct deny_rule rule = {
			.call = SYS_ioctl, .arg1 = QUERY, .answer = answers[i]};

		deny_and_run(&rule, 1, finds_kinds, NULL);
	}
}

/* Two mappings become one while the walk is between them. */
static int merge(void *opaque, const struct smi_sys_mapping *m)
{
	struct list *list = opaque;

	if (list->n == 0 && mprotect((void *)list->base, 4 * PAGE, PROT_READ))
		return -1;
	return add(opaque, m);
}

static void test_merged_meanwhile(void **state)
{
	struct list list = {0};
	char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at, 2 * PAGE, PROT_READ), 0);
	list.base = (uintptr_t)at;
	assert_int_equal(smi_sys_maps_each(list.base, list.base + 4 * PAGE,
					   merge, &list),
			 0);
	assert_int_equal(list.n, 2);
	assert_true(is(&list, 0, 0, 2, false, false));
	assert_true(is(&list, 1, 2, 4, false, false));
	munmap(at, 4 * PAGE);
}

TEST_MAIN(test_as_it_is, test_text, test_merged_meanwhile)
