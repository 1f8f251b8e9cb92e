/* SPDX-License-Identifier: MIT */
/*
 * A range is registered in pieces where another use of the shared userfaultfd
 * has a part of it. If the last piece is refused, none of them stays.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support.h"
#include "sys/uffd.h"
#include "sys/uffd_use.h"

#define PAGE_BYTES 4096
#define NPAGES	   64

/* Pages [first, end) for another userfaultfd. Return: it, or -errno. */
static int open_other(uint64_t ram, uint64_t first, uint64_t end)
{
	int uffd = smi_sys_uffd_open(true);
	uint64_t has;
	int ret;

	assert_int_equal(smi_sys_uffd_api(uffd, SMI_SYS_UFFD_FLAG_WP, &has), 0);
	ret = smi_sys_uffd_register(uffd, ram + first * PAGE_BYTES,
				    (end - first) * PAGE_BYTES,
				    SMI_SYS_UFFD_MODE_WP);
	if (ret == 0)
		return uffd;
	close(uffd);
	return ret;
}

static void test_last_piece_is_refused(void **state)
{
	struct smi_sys_uffd_use missing, writes;
	uint64_t ram, end;
	int first, last;

	test_need_uffd();
	ram = (uintptr_t)mmap(NULL, NPAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	end = ram + NPAGES * PAGE_BYTES;
	assert_int_equal(
		smi_sys_uffd_use_open(&missing, SMI_SYS_UFFD_MISSING, NULL), 0);
	assert_int_equal(smi_sys_uffd_use_register(&missing,
						   ram + 16 * PAGE_BYTES,
						   ram + 32 * PAGE_BYTES, NULL),
			 0);
	last = open_other(ram, 48, NPAGES);
	assert_true(last >= 0);
	assert_int_equal(
		smi_sys_uffd_use_open(&writes, SMI_SYS_UFFD_WRITES, NULL), 0);
	assert_int_equal(smi_sys_uffd_use_register(&writes, ram, end, NULL),
			 -EBUSY);
	first = open_other(ram, 0, 16);
	assert_true(first >= 0);
	/* The pages that are missing stay the other use's. */
	assert_int_equal(open_other(ram, 31, 32), -EBUSY);
	close(first);
	close(last);
	assert_int_equal(smi_sys_uffd_use_register(&writes, ram, end, NULL), 0);
	smi_sys_uffd_use_close(&writes);
	smi_sys_uffd_use_close(&missing);
	munmap((void *)(uintptr_t)ram, NPAGES * PAGE_BYTES);
}

TEST_MAIN(test_last_piece_is_refused)
