/* SPDX-License-Identifier: MIT */
/*
 * Discards that fail: each says why, and all of the range is dirty for every
 * client, since a part of it may be gone. A range that is wrong changes
 * nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <smudge/client.h>
#include <smudge/memory.h>

#include "deny.h"
#include "support.h"

#define PAGE   4096
#define NPAGES 8
#define BYTES  (NPAGES * PAGE)

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	uint8_t *ram;
};

/* A thread's first mark maps memory, which must not land in a hole. */
static bool warm_up(struct rig *r)
{
	smudge_region_mark(r->region, 0, 1);
	return true;
}

static bool open_rig(struct rig *r, int prot, int flags, int fd)
{
	struct smudge_region_options region = {
		.size = sizeof(region), .name = "ram", .size_bytes = BYTES};
	struct smudge_client_options client = {.size = sizeof(client),
					       .name = "test"};

	r->ram = mmap(NULL, BYTES, prot, flags, fd, 0);
	region.hva = r->ram;
	return r->ram != MAP_FAILED && smudge_memory_create(&r->memory) == 0 &&
	       smudge_region_add(r->memory, &region, &r->region, NULL) == 0 &&
	       smudge_client_open(r->memory, &client, &r->client, NULL) == 0 &&
	       warm_up(r) &&
	       smudge_client_skip(r->client, r->region, 0, NPAGES, NULL) == 0;
}

static void close_rig(struct rig *r)
{
	smudge_client_close(r->client);
	smudge_memory_destroy(r->memory, NULL);
	munmap(r->ram, BYTES);
}

/* Pages 2 to 5; fails with the code and the words, and marks exactly them. */
static bool fails(struct rig *r, int fd, int code, const char *words)
{
	struct smudge_error err = {0};
	int ret = smudge_region_discard(r->region, 2, 4, fd, &err);

	if (ret == code && err.code == code && strstr(err.message, words) &&
	    smudge_client_all(r->client, r->region, 2, 4) &&
	    smudge_client_dirty_pages(r->client) == 4)
		return true;
	print_error("%d, \"%s\", wanted %d, \"%s\"\n", ret, err.message, code,
		    words);
	return false;
}

static int memfd(unsigned int flags)
{
	int fd = memfd_create("discard", MFD_CLOEXEC | flags);

	assert_return_code(fd, errno);
	assert_int_equal(ftruncate(fd, BYTES), 0);
	return fd;
}

static const int rw = PROT_READ | PROT_WRITE;

static void test_range(void **state)
{
	static const uint64_t wrong[][2] = {
		{0, 0}, {NPAGES, 1}, {0, NPAGES + 1}, {7, 2}, {1, UINT64_MAX}};
	struct rig r;

	assert_true(open_rig(&r, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1));
	memset(r.ram, 'W', BYTES);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct smudge_error err = {0};

		assert_int_equal(smudge_region_discard(r.region, wrong[i][0],
						       wrong[i][1], -1, &err),
				 -EINVAL);
		assert_non_null(strstr(err.message, "not in region ram"));
	}
	assert_int_equal(smudge_client_dirty_pages(r.client), 0);
	for (int i = 0; i < NPAGES; i++)
		assert_int_equal(r.ram[i * PAGE], 'W');
	close_rig(&r);
}

/* The pages before the hole are discarded, those behind it are not. */
static void test_hole(void **state)
{
	struct rig r;

	for (int hole = 2; hole < 6; hole++) {
		assert_true(open_rig(&r, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1));
		munmap(r.ram + hole * PAGE, PAGE);
		assert_true(fails(&r, -1, -ENOMEM, "is not mapped"));
		close_rig(&r);
	}
}

/* Another file, another kind of file, or no descriptor at all. */
static void test_descriptor(void **state)
{
	int fd = memfd(0), other = memfd(0), pipes[2];
	struct rig r;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_true(open_rig(&r, rw, MAP_SHARED, fd));
	memset(r.ram, 'W', BYTES);
	assert_true(fails(&r, other, -EINVAL, "not of the file mapped"));
	assert_true(fails(&r, pipes[1], -EINVAL, "not of the file mapped"));
	assert_true(fails(&r, 1000, -EBADF, "descriptor"));
	for (int i = 0; i < NPAGES; i++)
		assert_int_equal(r.ram[i * PAGE], 'W');
	close_rig(&r);
	close(pipes[0]);
	close(pipes[1]);
	close(other);
	close(fd);
}

static void test_read_only(void **state)
{
	char path[64];
	int fd = memfd(0), ro;
	struct rig r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	assert_return_code(ro, errno);
	assert_true(open_rig(&r, PROT_READ, MAP_SHARED, ro));
	assert_true(fails(&r, ro, -EBADF, "punch a hole"));
	assert_true(fails(&r, -1, -EACCES, "MADV_REMOVE"));
	close_rig(&r);
	close(ro);
	close(fd);
}

static void test_sealed(void **state)
{
	int fd = memfd(MFD_ALLOW_SEALING);
	struct rig r;

	assert_true(open_rig(&r, rw, MAP_SHARED, fd));
	/* F_SEAL_FUTURE_WRITE, Linux 5.1 */
	assert_int_equal(fcntl(fd, F_ADD_SEALS, 0x0010), 0);
	assert_true(fails(&r, fd, -EPERM, "punch a hole"));
	close_rig(&r);
	close(fd);
}

/* Locked as it is mapped: sanitizers make nothing of mlock(2). */
static void test_locked(void **state)
{
	const int flags = MAP_ANONYMOUS | MAP_LOCKED;
	struct rig r;

	if (!open_rig(&r, rw, MAP_PRIVATE | flags, -1))
		test_skip_without("mlock", "RLIMIT_MEMLOCK is too low");
	assert_true(fails(&r, -1, -EINVAL, "MADV_DONTNEED"));
	close_rig(&r);
	assert_true(open_rig(&r, rw, MAP_SHARED | flags, -1));
	assert_true(fails(&r, -1, -EINVAL, "MADV_REMOVE"));
	close_rig(&r);
}

/* A file system without holes, simulated; so is a disk that fails. */
static bool punch_fails(void *opaque)
{
	const struct deny_rule *rule = opaque;
	int fd = memfd_create("discard", MFD_CLOEXEC);
	struct rig r;

	return ftruncate(fd, BYTES) == 0 && open_rig(&r, rw, MAP_SHARED, fd) &&
	       fails(&r, fd, -rule->answer, "punch a hole");
}

static void test_file_system(void **state)
{
	static const int errors[] = {EOPNOTSUPP, EIO, ENOSPC, ETXTBSY};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct deny_rule rule = {.call = SYS_fallocate,
					 .answer = errors[i]};

		deny_and_run(&rule, 1, punch_fails, &rule);
	}
}

static bool maps_fail(void *opaque)
{
	const struct deny_rule *rule = opaque;
	struct rig r;

	return open_rig(&r, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1) &&
	       fails(&r, -1, -rule->answer, "/proc/self/maps");
}

/* No memory is discarded when its kind is unknown. */
static void test_no_maps(void **state)
{
	static const int errors[] = {ENOENT, EMFILE, EACCES};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct deny_rule rule = {.call = SYS_openat,
					 .answer = errors[i]};

		deny_and_run(&rule, 1, maps_fail, &rule);
	}
}

/* The first failure is kept, and without an error all the same is done. */
static void test_error_argument(void **state)
{
	struct smudge_error err = {0};
	struct rig r;

	assert_true(open_rig(&r, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1));
	munmap(r.ram + 3 * PAGE, PAGE);
	assert_int_equal(smudge_region_discard(r.region, 2, 4, -1, NULL),
			 -ENOMEM);
	assert_true(smudge_client_all(r.client, r.region, 2, 4));
	assert_int_equal(smudge_region_discard(r.region, 2, 4, -1, &err),
			 -ENOMEM);
	assert_int_equal(err.page, 2);
	close_rig(&r);
}

TEST_MAIN(test_range, test_hole, test_descriptor, test_read_only, test_sealed,
	  test_locked, test_file_system, test_no_maps, test_error_argument)
