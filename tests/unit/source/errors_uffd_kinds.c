/* SPDX-License-Identifier: MIT */
/*
 * A range whose kinds of memory cannot be found out is refused as tracking
 * starts: what a drop leaves behind depends on the kind.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <fcntl.h>

#include <smudge/client.h>
#include <smudge/source.h>

#include "support.h"

#define NPAGES 16

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
};

static void open_rig(struct rig *r, void *ram)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = ram,
		.size_bytes = NPAGES * 4096,
	};
	struct smudge_error err = {0};

	assert_int_equal(smudge_memory_create(&r->memory), 0);
	assert_int_equal(
		smudge_region_add(r->memory, &options, &r->region, NULL), 0);
	assert_int_equal(smudge_uffd_create(&r->source, &err), 0);
	assert_int_equal(smudge_region_attach(r->region, r->source, 0, 0, &err),
			 0);
}

/* Open a client with room for @left more descriptors. */
static int open_client(struct rig *r, rlim_t left, struct smudge_error *err)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};
	struct rlimit old, low;
	struct smudge_client *client;
	int next = dup(0), ret;

	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)next + left;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	ret = smudge_client_open(r->memory, &options, &client, err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	if (!ret)
		assert_int_equal(smudge_client_close(client), 0);
	return ret;
}

/*
 * One descriptor after the other may be opened. Each failure has its
 * sentence, that of /proc/self/maps is one of them, and in the end it works.
 */
static void test_no_descriptor(void **state)
{
	void *ram = mmap(NULL, NPAGES * 4096, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool was_about_kinds = false;
	int ret = -EMFILE;
	struct rig r;

	test_need_uffd();
	assert_ptr_not_equal(ram, MAP_FAILED);
	open_rig(&r, ram);
	for (rlim_t left = 0; left < 16 && ret == -EMFILE; left++) {
		struct smudge_error err = {0};

		ret = open_client(&r, left, &err);
		was_about_kinds |= strstr(err.message, "/proc/self/maps") &&
				   strstr(err.message, "kinds of memory");
	}
	assert_int_equal(ret, 0);
	assert_true(was_about_kinds);
	smudge_source_destroy(r.source);
	assert_int_equal(smudge_memory_destroy(r.memory, NULL), 0);
	munmap(ram, NPAGES * 4096);
}

TEST_MAIN(test_no_descriptor)
