/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program under test: one allocation of the whole process
 * fails, its libraries' included.
 *
 * When the file that SMUDGE_FAIL_ALLOC names appears, the number in it is
 * read and the file removed: so many allocations later one fails, or none for
 * 0; the number of them since the last time goes to the file of that name with
 * ".counted". Which one failed is written to the file of that name with
 * ".failed": its kind, its size, and the callers, nearest first, as
 * LIBRARY+OFFSET.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FRAMES 40
#define MAX_PATH   256

/* What glibc has behind its own malloc and the others. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static const char *control; /* NULL: nothing fails */
/* relaxed everywhere: which one of two racing allocations fails is no matter */
static atomic_long countdown;
static atomic_long counted;
static atomic_flag is_reading = ATOMIC_FLAG_INIT;
static _Thread_local bool is_inside;

__attribute__((constructor)) static void start(void)
{
	void *frames[MAX_FRAMES];

	is_inside = true;
	backtrace(frames, MAX_FRAMES); /* the first call allocates */
	is_inside = false;
	control = getenv("SMUDGE_FAIL_ALLOC");
}

static int open_report(const char *suffix, int flags)
{
	char path[MAX_PATH];

	snprintf(path, sizeof(path), "%s.%s", control, suffix);
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
}

static void write_count(void)
{
	int fd = open_report("counted", O_TRUNC);

	if (fd < 0)
		return;
	dprintf(fd, "%ld\n",
		atomic_exchange_explicit(&counted, 0, memory_order_relaxed));
	close(fd);
}

/*
 * It is taken by its name at once: were it read first and removed then, one
 * that has come in between would be removed unread.
 */
static bool take_control(char *text, size_t size)
{
	char taken[MAX_PATH];
	ssize_t n = -1;
	int fd;

	snprintf(taken, sizeof(taken), "%s.taken", control);
	if (rename(control, taken) < 0)
		return false;
	fd = open(taken, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	return n > 0;
}

static void read_control(void)
{
	char text[32] = {0};

	if (access(control, F_OK) < 0 ||
	    atomic_flag_test_and_set_explicit(&is_reading,
					      memory_order_relaxed))
		return;
	if (take_control(text, sizeof(text))) {
		write_count();
		atomic_store_explicit(&countdown, atol(text),
				      memory_order_relaxed);
	}
	atomic_flag_clear_explicit(&is_reading, memory_order_relaxed);
}

static void write_frame(int fd, void *frame)
{
	const char *name;
	Dl_info info;

	if (!dladdr(frame, &info) || !info.dli_fname)
		return;
	name = strrchr(info.dli_fname, '/');
	dprintf(fd, " %s+0x%lx", name ? name + 1 : info.dli_fname,
		(unsigned long)((char *)frame - (char *)info.dli_fbase));
}

static void write_report(const char *kind, size_t size)
{
	void *frames[MAX_FRAMES];
	int n = backtrace(frames, MAX_FRAMES);
	int fd = open_report("failed", O_APPEND);

	if (fd < 0)
		return;
	dprintf(fd, "%s %zu", kind, size);
	for (int i = 3; i < n; i++)
		write_frame(fd, frames[i]);
	dprintf(fd, "\n");
	close(fd);
}

static __attribute__((noinline)) bool fails(const char *kind, size_t size)
{
	int saved = errno;
	bool is_it;

	if (!control || is_inside)
		return false;
	is_inside = true;
	read_control();
	atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed);
	is_it = atomic_load_explicit(&countdown, memory_order_relaxed) > 0 &&
		atomic_fetch_sub_explicit(&countdown, 1,
					  memory_order_relaxed) == 1;
	if (is_it)
		write_report(kind, size);
	is_inside = false;
	errno = is_it ? ENOMEM : saved;
	return is_it;
}

void *malloc(size_t size)
{
	return fails("malloc", size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails("calloc", n * size) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return fails("realloc", size) ? NULL : __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size)
{
	if (fails("memalign", size))
		return NULL;
	return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	void *memory = memalign(alignment, size);

	if (!memory)
		return ENOMEM;
	*ret = memory;
	return 0;
}

void *mmap(void *at, size_t length, int prot, int flags, int fd, off_t offset)
{
	if (fails("mmap", length))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, length, prot, flags, fd, offset);
}

/* The build's 64-bit offsets call the one above mmap64. */
void *plain_mmap(void *at, size_t length, int prot, int flags, int fd,
		 off_t offset) __asm__("mmap");

void *plain_mmap(void *at, size_t length, int prot, int flags, int fd,
		 off_t offset)
{
	return mmap(at, length, prot, flags, fd, offset);
}
