/* SPDX-License-Identifier: MIT */
/*
 * A page whose content was dropped, and a store to it that ends with its page
 * fault: a signal comes as the fault returns, and its handler does not return
 * to the store.
 *
 * In a private mapping of a file the kernel (6.18) resolves such a fault in two
 * steps: it copies the file's page, still write-protected, and only the second
 * fault of the same store ends the protection. In between a drop is not seen,
 * which docs/kernel-support.md says. It is seen at the latest when the store is
 * made again; in all other memory at once.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support.h"
#include "track.h"

#define NPAGES 8
#define PAGE   4096
#define STORED 3 /* the page that it is about */

static struct track track;
static struct smudge_source *source;
static struct smudge_client *client;
static volatile uint8_t *ram;

static int faults = -1; /* an event of perf: page faults of this thread */
static sigjmp_buf before_store;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)ram;

	if (offset / PAGE == STORED)
		siglongjmp(before_store, 1);
}

static void open_faults(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_ADDR,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.remove_on_exec = 1,
		.sigtrap = 1,
	};
	struct sigaction action = {.sa_sigaction = on_fault,
				   .sa_flags = SA_SIGINFO};

	faults = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (faults < 0)
		test_skip_without("perf_event_open(2)", strerror(errno));
	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
}

/* Return: false if the store was made. */
static bool interrupt_store(void)
{
	bool is_interrupted = sigsetjmp(before_store, 1) != 0;

	if (!is_interrupted) {
		ioctl(faults, PERF_EVENT_IOC_ENABLE, 0);
		ram[STORED * PAGE] = 2;
	}
	ioctl(faults, PERF_EVENT_IOC_DISABLE, 0);
	return is_interrupted;
}

static bool is_reported(void)
{
	bool is_dirty;

	track_harvest(&track);
	is_dirty = smudge_client_test(client, track.region, STORED);
	track_clean(&track, client);
	return is_dirty;
}

static void open_rig(int flags, int fd)
{
	struct smudge_error err = {0};

	ram = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	assert_ptr_not_equal(ram, MAP_FAILED);
	track_open(&track, (void *)ram, 0, NPAGES, 12);
	assert_int_equal(smudge_uffd_create(&source, &err), 0);
	track_attach(&track, source, 0, 0);
	client = track_client(&track, "test");
	ram[STORED * PAGE] = 1;
	assert_true(is_reported());
	assert_false(is_reported());
}

static void close_rig(void)
{
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	track_close(&track);
	munmap((void *)ram, NPAGES * PAGE);
	close(faults);
}

/* Return: whether the drop is reported before the store is made again. */
static bool drop_and_store(int flags, int fd)
{
	bool is_at_once;

	test_need_uffd();
	open_faults();
	open_rig(flags, fd);
	assert_int_equal(
		madvise((void *)(ram + STORED * PAGE), PAGE, MADV_DONTNEED), 0);
	assert_true(interrupt_store());
	is_at_once = is_reported();
	assert_int_equal(ram[STORED * PAGE], 0);
	ram[STORED * PAGE] = 2;
	assert_true(is_reported());
	assert_false(is_reported());
	close_rig();
	return is_at_once;
}

static void in_anonymous_memory(void **state)
{
	assert_true(drop_and_store(MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

static void in_a_private_file(void **state)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, NPAGES * PAGE), 0);
	printf("# a private file's drop is reported %s\n",
	       drop_and_store(MAP_PRIVATE, fd) ? "at once"
					       : "with the store only");
	close(fd);
}

TEST_MAIN(in_anonymous_memory, in_a_private_file)
