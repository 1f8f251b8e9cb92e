/* SPDX-License-Identifier: MIT */
/*
 * One function per call of userfaultfd that the library makes, without policy.
 * errno becomes a return value on the line after the call.
 */
#include "sys/uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

/* Linux 5.11 and 6.1 */
#define UFFD_FLAG_USER_MODE_ONLY 1
#define DEV_USERFAULTFD_NEW	 _IO(0xAA, 0x00)

static int call(int uffd, unsigned long request, void *arg)
{
	return ioctl(uffd, request, arg) < 0 ? -errno : 0;
}

/* Container run-times filter the system call, but may offer the device. */
static int open_by_device(int flags)
{
	int dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	int uffd;

	if (dev < 0)
		return -errno;
	uffd = ioctl(dev, DEV_USERFAULTFD_NEW, flags);
	if (uffd < 0)
		uffd = -errno;
	close(dev);
	return uffd;
}

int smi_sys_uffd_open(bool user_only)
{
	int flags = O_CLOEXEC | O_NONBLOCK |
		    (user_only ? UFFD_FLAG_USER_MODE_ONLY : 0);
	long uffd = syscall(SYS_userfaultfd, flags);
	int ret = uffd < 0 ? -errno : (int)uffd;
	int by_device;

	if (ret != -EPERM && ret != -ENOSYS)
		return ret;
	by_device = open_by_device(flags);
	return by_device < 0 ? ret : by_device;
}

int smi_sys_uffd_api(int uffd, uint64_t features, uint64_t *ret_features)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	int ret = call(uffd, UFFDIO_API, &api);

	if (!ret)
		*ret_features = api.features;
	return ret;
}

int smi_sys_uffd_register(int uffd, uint64_t start, uint64_t length_bytes,
			  unsigned int modes)
{
	struct uffdio_register reg = {
		.range = {.start = start, .len = length_bytes},
		.mode = modes,
	};

	return call(uffd, UFFDIO_REGISTER, &reg);
}

/* Only hugetlbfs cannot have a page of zeros. */
int smi_sys_uffd_is_hugetlb(int uffd, uint64_t start, uint64_t length_bytes)
{
	struct uffdio_register reg = {
		.range = {.start = start, .len = length_bytes},
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	int ret = call(uffd, UFFDIO_REGISTER, &reg);

	if (ret < 0)
		return ret;
	return !(reg.ioctls & (UINT64_C(1) << _UFFDIO_ZEROPAGE));
}

int smi_sys_uffd_unregister(int uffd, uint64_t start, uint64_t length_bytes)
{
	struct uffdio_range range = {.start = start, .len = length_bytes};

	return call(uffd, UFFDIO_UNREGISTER, &range);
}

int smi_sys_uffd_protect(int uffd, uint64_t start, uint64_t length_bytes)
{
	struct uffdio_writeprotect wp = {
		.range = {.start = start, .len = length_bytes},
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	return call(uffd, UFFDIO_WRITEPROTECT, &wp);
}

/*
 * The kernel looks for a registration first (-ENOENT: there is none), and
 * copies last.
 */
int smi_sys_uffd_is_registered(int uffd, uint64_t at, uint64_t page_bytes,
			       uint64_t unreadable)
{
	struct uffdio_copy copy = {
		.dst = at,
		.src = unreadable,
		.len = page_bytes,
	};
	int ret = call(uffd, UFFDIO_COPY, &copy);

	if (ret == -ENOENT)
		return 0;
	/* The last is that of a huge page, which this is a part of. */
	return ret == -EFAULT || ret == -EEXIST || ret == -EINVAL ? 1 : ret;
}

static int ask_calls(int uffd, uint64_t start, uint64_t length_bytes,
		     unsigned int modes, uint64_t *ret_calls)
{
	struct uffdio_register reg = {
		.range = {.start = start, .len = length_bytes},
		.mode = modes,
	};
	int ret = call(uffd, UFFDIO_REGISTER, &reg);

	*ret_calls = reg.ioctls;
	return ret;
}

static bool has_zeropage(uint64_t calls)
{
	return calls & (UINT64_C(1) << _UFFDIO_ZEROPAGE);
}

/* The kernel refuses to register a part of a huge page. */
int smi_sys_uffd_page_bytes(int uffd, uint64_t start, uint64_t length_bytes,
			    unsigned int modes, uint64_t *ret_page_bytes)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t calls;
	int ret = ask_calls(uffd, start, length_bytes, modes, &calls);

	*ret_page_bytes = bytes;
	if (ret < 0 || has_zeropage(calls))
		return ret;
	do {
		ret = ask_calls(uffd, start, bytes, modes, &calls);
		if (ret == 0)
			break;
		bytes *= 2;
	} while (ret == -EINVAL && bytes <= length_bytes);
	*ret_page_bytes = bytes;
	if (ret == 0 && (has_zeropage(calls) || length_bytes % bytes))
		return -EINVAL;
	return ret;
}

/* @done is the kernel's: what it did, or -errno. */
static bool goes_on(int ret, int64_t done, uint64_t length_bytes,
		    uint64_t *ret_bytes)
{
	if (done > 0)
		*ret_bytes += (uint64_t)done;
	return *ret_bytes < length_bytes && (ret == -EAGAIN || ret == -EINTR);
}

int smi_sys_uffd_copy(int uffd, uint64_t to, const void *from,
		      uint64_t length_bytes, bool protects, uint64_t *ret_bytes)
{
	struct uffdio_copy copy;
	int ret;

	*ret_bytes = 0;
	do {
		copy = (struct uffdio_copy){
			.dst = to + *ret_bytes,
			.src = (uintptr_t)from + *ret_bytes,
			.len = length_bytes - *ret_bytes,
			.mode = protects ? UFFDIO_COPY_MODE_WP : 0,
		};
		ret = call(uffd, UFFDIO_COPY, &copy);
	} while (goes_on(ret, copy.copy, length_bytes, ret_bytes));
	return *ret_bytes == length_bytes ? 0 : ret;
}

int smi_sys_uffd_zeropage(int uffd, uint64_t start, uint64_t length_bytes,
			  uint64_t *ret_bytes)
{
	struct uffdio_zeropage zero;
	int ret;

	*ret_bytes = 0;
	do {
		zero = (struct uffdio_zeropage){
			.range = {.start = start + *ret_bytes,
				  .len = length_bytes - *ret_bytes},
		};
		ret = call(uffd, UFFDIO_ZEROPAGE, &zero);
	} while (goes_on(ret, zero.zeropage, length_bytes, ret_bytes));
	return *ret_bytes == length_bytes ? 0 : ret;
}

int smi_sys_uffd_wake(int uffd, uint64_t start, uint64_t length_bytes)
{
	struct uffdio_range range = {.start = start, .len = length_bytes};

	return call(uffd, UFFDIO_WAKE, &range);
}

int smi_sys_uffd_read(int uffd, uint64_t *ret_address)
{
	struct uffd_msg msg;
	ssize_t n = read(uffd, &msg, sizeof(msg));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n != (ssize_t)sizeof(msg))
		return -EIO;
	if (msg.event != UFFD_EVENT_PAGEFAULT)
		return 0;
	*ret_address = msg.arg.pagefault.address;
	return 1;
}
