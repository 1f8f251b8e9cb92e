/* SPDX-License-Identifier: MIT */
/*
 * What a region without hva cannot be used for: discards, sources that detect
 * writes to this process's memory, and receiving. One sentence each, and
 * nothing has happened.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <smudge/smudge.h>

#include "sentence.h"

#define NPAGES 4

static int read_zeros(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		      void *buffer, struct smudge_error *err)
{
	return 0;
}

static struct smudge_memory *memory;
static struct smudge_region *region;

static int set_up(void **state)
{
	const struct smudge_region_options options = {.size = sizeof(options),
						      .name = "far",
						      .gpa = 0x7000000,
						      .size_bytes =
							      NPAGES * 4096,
						      .read = read_zeros};

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	return 0;
}

static void discard(void **state)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "test"};
	struct smudge_client *client;
	struct smudge_error err;
	int ret;

	assert_int_equal(smudge_client_open(memory, &options, &client, NULL),
			 0);
	assert_int_equal(smudge_client_skip(client, region, 0, NPAGES, NULL),
			 0);
	ret = smudge_region_discard(region, 0, 1, -1, &err);
	expect_sentence(&err, ret, -EOPNOTSUPP,
			"region far is not memory of this process, so only its "
			"owner can discard its content");
	assert_int_equal(smudge_client_dirty_pages(client), 0);
	assert_int_equal(smudge_client_close(client), 0);
}

/* It is attached to a region without clients, and the client is refused. */
static void expect_refused(struct smudge_source *source)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "test"};
	struct smudge_client *client = NULL;
	struct smudge_error err;
	int ret;

	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	ret = smudge_client_open(memory, &options, &client, &err);
	expect_sentence(&err, ret, -EOPNOTSUPP,
			"it detects writes to memory that this process maps, "
			"and the region has no hva");
	assert_null(client);
	smudge_source_destroy(source);
}

static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void resume(void *opaque)
{
}

static void sources(void **state)
{
	const struct smudge_soft_dirty_options soft = {
		.size = sizeof(soft), .quiesce = quiesce, .resume = resume};
	struct smudge_source *source;
	int tried = 0;

	if (smudge_uffd_create(&source, NULL) == 0) {
		expect_refused(source);
		tried++;
	}
	if (smudge_soft_dirty_create(&soft, &source, NULL) == 0) {
		expect_refused(source);
		tried++;
	}
	if (smudge_mprotect_create(&source, NULL) == 0) {
		expect_refused(source);
		tried++;
	}
	if (!tried)
		test_skip_without("sources", "no source can be made here");
}

static int load(void *opaque, const void *bytes, size_t length,
		struct smudge_error *err)
{
	return 0;
}

static void receive(void **state)
{
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options), .state_load = load};
	struct smudge_migration *migration;
	struct smudge_error err;
	int pair[2], ret;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(smudge_migration_create(NULL, &migration, NULL), 0);
	ret = smudge_migrate_receive(migration, memory, pair[0], &options,
				     &err);
	expect_sentence(&err, ret, -EINVAL,
			"region far has no hva, so no page can be received "
			"into it");
	smudge_migration_destroy(migration);
	close(pair[0]);
	close(pair[1]);
}

TEST_MAIN_WITH(set_up, tear_down, discard, sources, receive)
