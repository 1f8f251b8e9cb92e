/* SPDX-License-Identifier: MIT */
/*
 * Raw system calls, without liburing or libaio.
 */
#include "pinned_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

static int expect_all(const struct pinned_target *t, long got)
{
	if (got < 0)
		return (int)got;
	return (size_t)got == t->size_bytes ? 0 : -EIO;
}

static int nothing_to_open(struct pinned_target *t)
{
	return 0;
}

static void nothing_to_close(struct pinned_target *t)
{
}

static int pread_transfer(struct pinned_target *t)
{
	ssize_t n = pread(t->fd, t->ram, t->size_bytes, 0);

	return expect_all(t, n < 0 ? -errno : n);
}

static int writev_transfer(struct pinned_target *t)
{
	struct iovec from = {t->filled, t->size_bytes};
	struct iovec to = {t->ram, t->size_bytes};
	ssize_t n = process_vm_writev(getpid(), &from, 1, &to, 1, 0);

	return expect_all(t, n < 0 ? -errno : n);
}

static int mem_transfer(struct pinned_target *t)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pwrite(fd, t->filled, t->size_bytes, (off_t)(uintptr_t)t->ram);
	if (n < 0)
		n = -errno;
	close(fd);
	return expect_all(t, n);
}

static int aio_open(struct pinned_target *t)
{
	t->aio = 0;
	return syscall(SYS_io_setup, 4, &t->aio) < 0 ? -errno : 0;
}

static void aio_close(struct pinned_target *t)
{
	syscall(SYS_io_destroy, t->aio);
}

static int aio_transfer(struct pinned_target *t)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)t->fd,
		.aio_buf = (uintptr_t)t->ram,
		.aio_nbytes = t->size_bytes,
	};
	struct iocb *list[1] = {&cb};
	struct io_event event;
	long n;

	if (syscall(SYS_io_submit, t->aio, 1, list) != 1)
		return -errno;
	do {
		n = syscall(SYS_io_getevents, t->aio, 1, 1, &event, NULL);
	} while (n < 0 && errno == EINTR);
	return n == 1 ? expect_all(t, (long)event.res) : -errno;
}

void pinned_uring_close(struct pinned_target *t)
{
	struct pinned_uring *u = &t->uring;

	if (u->rings)
		munmap(u->rings, u->rings_bytes);
	if (u->sqes)
		munmap(u->sqes, u->sqes_bytes);
	if (u->fd >= 0)
		close(u->fd);
	memset(u, 0, sizeof(*u));
	u->fd = -1;
}

static void *map_ring(const struct pinned_uring *u, size_t size, uint64_t what)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, u->fd, (off_t)what);

	return map == MAP_FAILED ? NULL : map;
}

/* Both rings lie in one mapping since Linux 5.4; without, it is "not here". */
static int map_rings(struct pinned_uring *u, const struct io_uring_params *p)
{
	size_t cq_bytes =
		p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);

	if (!(p->features & IORING_FEAT_SINGLE_MMAP))
		return -ENOSYS;
	u->rings_bytes = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	if (u->rings_bytes < cq_bytes)
		u->rings_bytes = cq_bytes;
	u->sqes_bytes = p->sq_entries * sizeof(struct io_uring_sqe);
	u->rings = map_ring(u, u->rings_bytes, IORING_OFF_SQ_RING);
	u->sqes = map_ring(u, u->sqes_bytes, IORING_OFF_SQES);
	if (!u->rings || !u->sqes)
		return -ENOMEM;
	u->sq_tail = (_Atomic uint32_t *)(u->rings + p->sq_off.tail);
	u->sq_array = (uint32_t *)(u->rings + p->sq_off.array);
	u->cq_head = (_Atomic uint32_t *)(u->rings + p->cq_off.head);
	u->cq_tail = (_Atomic uint32_t *)(u->rings + p->cq_off.tail);
	u->sq_mask = *(uint32_t *)(u->rings + p->sq_off.ring_mask);
	u->cq_mask = *(uint32_t *)(u->rings + p->cq_off.ring_mask);
	u->cqes_offset = p->cq_off.cqes;
	return 0;
}

int pinned_uring_open(struct pinned_target *t)
{
	struct io_uring_params params = {0};
	struct pinned_uring *u = &t->uring;
	int ret;

	memset(u, 0, sizeof(*u));
	u->fd = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (u->fd < 0)
		return -errno;
	ret = map_rings(u, &params);
	if (ret < 0)
		pinned_uring_close(t);
	return ret;
}

/* The buffer is pinned here, and stays so until the ring is closed. */
static int fixed_open(struct pinned_target *t)
{
	struct iovec buffer = {t->ram, t->size_bytes};
	int ret = pinned_uring_open(t);

	if (ret < 0)
		return ret;
	if (syscall(SYS_io_uring_register, t->uring.fd, IORING_REGISTER_BUFFERS,
		    &buffer, 1) < 0) {
		ret = -errno;
		pinned_uring_close(t);
	}
	return ret;
}

/* One entry at a time; the kernel's side of the rings is acquire, release. */
int pinned_uring_submit(struct pinned_target *t, uint8_t opcode)
{
	struct pinned_uring *u = &t->uring;
	uint32_t tail = *u->sq_tail;
	struct io_uring_sqe *sqe = u->sqes;

	sqe += tail & u->sq_mask;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->fd = t->fd;
	sqe->addr = (uintptr_t)t->ram;
	sqe->len = (uint32_t)t->size_bytes;
	u->sq_array[tail & u->sq_mask] = tail & u->sq_mask;
	atomic_store_explicit(u->sq_tail, tail + 1, memory_order_release);
	return syscall(SYS_io_uring_enter, u->fd, 1, 0, 0, NULL, 0) < 0 ? -errno
									: 0;
}

int pinned_uring_wait(struct pinned_target *t)
{
	struct pinned_uring *u = &t->uring;
	const struct io_uring_cqe *cqes =
		(const void *)(u->rings + u->cqes_offset);
	uint32_t head = *u->cq_head;
	long n = 0;
	int ret;

	while (n >= 0 &&
	       atomic_load_explicit(u->cq_tail, memory_order_acquire) == head)
		n = syscall(SYS_io_uring_enter, u->fd, 0, 1,
			    IORING_ENTER_GETEVENTS, NULL, 0);
	if (n < 0)
		return -errno;
	ret = cqes[head & u->cq_mask].res;
	atomic_store_explicit(u->cq_head, head + 1, memory_order_release);
	return ret;
}

static int uring_read(struct pinned_target *t, uint8_t opcode)
{
	int ret = pinned_uring_submit(t, opcode);

	return ret < 0 ? ret : expect_all(t, pinned_uring_wait(t));
}

static int uring_transfer(struct pinned_target *t)
{
	return uring_read(t, IORING_OP_READ);
}

static int fixed_transfer(struct pinned_target *t)
{
	return uring_read(t, IORING_OP_READ_FIXED);
}

const struct pinned_call pinned_calls[] = {
	{.name = "O_DIRECT pread",
	 .open = nothing_to_open,
	 .transfer = pread_transfer,
	 .close = nothing_to_close},
	{.name = "AIO",
	 .open = aio_open,
	 .transfer = aio_transfer,
	 .close = aio_close},
	{.name = "io_uring",
	 .open = pinned_uring_open,
	 .transfer = uring_transfer,
	 .close = pinned_uring_close},
	{.name = "io_uring registered buffer",
	 .stays_pinned = true,
	 .open = fixed_open,
	 .transfer = fixed_transfer,
	 .close = pinned_uring_close},
	{.name = "process_vm_writev",
	 .open = nothing_to_open,
	 .transfer = writev_transfer,
	 .close = nothing_to_close},
	{.name = "/proc/self/mem",
	 .is_brief = true,
	 .open = nothing_to_open,
	 .transfer = mem_transfer,
	 .close = nothing_to_close},
};
const size_t npinned_calls = sizeof(pinned_calls) / sizeof(pinned_calls[0]);

static int fill_file(int fd, size_t size_bytes)
{
	char page[4096];

	memset(page, PINNED_FILL, sizeof(page));
	for (size_t at = 0; at < size_bytes; at += sizeof(page)) {
		if (write(fd, page, sizeof(page)) != sizeof(page))
			return errno ? -errno : -EIO;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* tmpfs takes the flag and copies all the same. */
int pinned_open_file(size_t size_bytes)
{
	char path[] = "./pinned-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC), direct = -1, ret;
	struct statfs fs;

	if (fd < 0)
		return -errno;
	ret = fill_file(fd, size_bytes);
	if (!ret && fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
		ret = -EOPNOTSUPP;
	if (!ret) {
		direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		ret = direct < 0 ? -errno : 0;
	}
	unlink(path);
	close(fd);
	return ret ? ret : direct;
}
