/* SPDX-License-Identifier: MIT */
/*
 * Memory that userfaultfd cannot track is refused when tracking starts, with
 * a sentence, and nothing stays registered.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/client.h>
#include <smudge/source.h>

#include "support.h"
#include "sys/uffd.h"

#define NPAGES 16
#define BYTES  (NPAGES * 4096)

static void *map(int prot, int flags, int fd)
{
	void *memory = mmap(NULL, BYTES, prot, flags, fd, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

/* A memory of one region with a source. */
static struct smudge_memory *start(void *hva, struct smudge_region **ret_region,
				   struct smudge_source **ret_source)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = hva,
		.size_bytes = BYTES,
	};
	struct smudge_memory *memory;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, ret_region, NULL),
			 0);
	assert_int_equal(smudge_uffd_create(ret_source, NULL), 0);
	assert_int_equal(
		smudge_region_attach(*ret_region, *ret_source, 0, 0, NULL), 0);
	return memory;
}

/* Open a client on the memory; it fails with the code and the words. */
static void expect_refusal(void *hva, int code, const char *words)
{
	struct smudge_client_options client_options = {
		.size = sizeof(client_options), .name = "test"};
	struct smudge_client *client = NULL;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_memory *memory = start(hva, &region, &source);
	struct smudge_error err = {0};

	assert_int_equal(
		smudge_client_open(memory, &client_options, &client, &err),
		code);
	assert_null(client);
	assert_int_equal(err.code, code);
	if (!strstr(err.message, words))
		fail_msg("\"%s\" does not say \"%s\"", err.message, words);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

/*
 * The kernel maps at the highest place that fits. The library maps some single
 * pages, so there are holes for them above the one that is tested.
 */
static void test_hole(void **state)
{
	char *areas[2];
	char *memory, *above;

	test_need_uffd();
	for (int i = 0; i < 2; i++)
		areas[i] = map(PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memory = areas[0] < areas[1] ? areas[0] : areas[1];
	above = areas[0] < areas[1] ? areas[1] : areas[0];
	for (unsigned int page = 1; page < NPAGES; page += 2)
		munmap(above + page * 4096, 4096);
	munmap(memory + 5 * 4096, 4096);
	expect_refusal(memory, -ENOMEM, "not mapped throughout");
	munmap(memory, BYTES);
	munmap(above, BYTES);
}

static void test_registered_by_another(void **state)
{
	uint64_t has;
	char *memory;
	int uffd;

	test_need_uffd();
	memory = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	uffd = smi_sys_uffd_open(true);
	assert_true(uffd >= 0);
	assert_int_equal(smi_sys_uffd_api(uffd, SMI_SYS_UFFD_FLAG_WP, &has), 0);
	assert_int_equal(smi_sys_uffd_register(uffd,
					       (uintptr_t)memory + 8 * 4096,
					       4096, SMI_SYS_UFFD_MODE_WP),
			 0);
	expect_refusal(memory, -EBUSY, "another userfaultfd");
	/* Still registered: a refusal must not unregister what it met. */
	assert_int_equal(
		smi_sys_uffd_protect(uffd, (uintptr_t)memory + 8 * 4096, 4096),
		0);
	close(uffd);
	munmap(memory, BYTES);
}

/* No thread may ever write there, so the kernel refuses to track it. */
static void test_read_only_file(void **state)
{
	char *memory;
	int fd;

	test_need_uffd();
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	memory = map(PROT_READ, MAP_SHARED, fd);
	expect_refusal(memory, -EPERM, "cannot be registered");
	munmap(memory, BYTES);
	close(fd);
}

TEST_MAIN(test_hole, test_registered_by_another, test_read_only_file)
