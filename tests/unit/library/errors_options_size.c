/* SPDX-License-Identifier: MIT */
/*
 * Every call that takes a struct with a size, given structs of other versions
 * of the headers (docs/abi.md). Each struct ends where its page ends, and the
 * next page cannot be read.
 */
#include "support.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/smudge.h>

#include "fake_source.h"
#include "source/kvm.h"
#include "sys/options.h"

#define NPAGES	  64
#define MAX_BYTES 4096

static struct world {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_display *display;
	struct smudge_hub *hub;
	struct smudge_kvm kvm; /* of no virtual machine */
	unsigned char *end;    /* of a page; what follows cannot be read */
} world;

static int nothing_to_collect(void *opaque, struct smudge_error *err)
{
	return 0;
}

static int start(void *opaque, const struct smudge_source_range *range,
		 struct smudge_error *err)
{
	return 0;
}

static void stop(void *opaque)
{
}

static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *err)
{
	return 0;
}

static int machine_stop(void *opaque)
{
	return 0;
}

static void machine_resume(void *opaque)
{
}

static int state_save(void *opaque, void **ret_bytes, size_t *ret_length)
{
	return -EIO;
}

static int state_load(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	return -EIO;
}

static const struct smudge_source_ops source_ops = {
	.name = "source", .start = start, .stop = stop, .harvest = harvest};
static const struct smudge_hub_ops hub_ops = {
	.size = sizeof(hub_ops), .name = "hub", .collect = nothing_to_collect};
static const struct smudge_hub_member_options member_options = {
	.npages = 1, .page_shift = 12};
static const struct smudge_client_options client_options = {.name = "client"};
static const struct smudge_region_options region_options = {.name = "another",
							    .hva = (void *)4096,
							    .gpa = UINT64_C(1)
								   << 40,
							    .size_bytes = 4096};
static const struct smudge_code_options code_options = {.name = "code"};
static const struct smudge_display_mode mode = {
	.size = sizeof(mode), .stride_bytes = 64, .width = 16, .height = 16};
static const struct smudge_kvm_options kvm_options = {.vm_fd = -1};
static const struct smudge_kvm_slot kvm_slot = {.size_bytes = 0};
static const struct smudge_migrate_send_options send_options = {
	.machine_stop = machine_stop,
	.machine_resume = machine_resume,
	.state_save = state_save};
static const struct smudge_migrate_receive_options receive_options = {
	.state_load = state_load};

static int region_add(const void *options, struct smudge_error *err)
{
	struct smudge_region *region;
	int ret = smudge_region_add(world.memory, options, &region);

	if (ret == 0)
		assert_int_equal(smudge_region_remove(region), 0);
	return ret;
}

static int client_open(const void *options, struct smudge_error *err)
{
	struct smudge_client *client;
	int ret = smudge_client_open(world.memory, options, &client, err);

	if (ret == 0)
		assert_int_equal(smudge_client_close(client), 0);
	return ret;
}

static int source_create(const void *options, struct smudge_error *err)
{
	struct smudge_source *source;
	int ret = smudge_source_create(options, NULL, &source);

	if (ret == 0)
		smudge_source_destroy(source);
	return ret;
}

static int hub_create(const void *options, struct smudge_error *err)
{
	struct smudge_hub *hub;
	int ret = smudge_hub_create(options, NULL, &hub);

	if (ret == 0)
		smudge_hub_destroy(hub);
	return ret;
}

static int hub_join(const void *options, struct smudge_error *err)
{
	struct smudge_hub_member *member;
	struct smudge_source *source;
	int ret = smudge_hub_join(world.hub, options, &source, &member);

	if (ret == 0)
		smudge_source_destroy(source);
	return ret;
}

static int code_open(const void *options, struct smudge_error *err)
{
	struct smudge_code *code;
	int ret = smudge_code_open(world.memory, options, &code, err);

	if (ret == 0)
		smudge_code_close(code);
	return ret;
}

static int display_open(const void *options, struct smudge_error *err)
{
	struct smudge_display *display;
	int ret = smudge_display_open(world.memory, world.region, options,
				      &display, err);

	if (ret == 0)
		smudge_display_close(display);
	return ret;
}

static int display_set_mode(const void *options, struct smudge_error *err)
{
	return smudge_display_set_mode(world.display, options, err);
}

static int kvm_create(const void *options, struct smudge_error *err)
{
	struct smudge_kvm *kvm;

	return smudge_kvm_create(options, &kvm, err);
}

static int kvm_log_create(const void *options, struct smudge_error *err)
{
	struct smudge_source *source;

	return smudge_kvm_log_create(&world.kvm, options, &source, err);
}

static int migrate_send(const void *options, struct smudge_error *err)
{
	struct smudge_migration *migration;
	int ret;

	assert_int_equal(smudge_migration_create(NULL, &migration), 0);
	ret = smudge_migrate_send(migration, world.memory, -1, options, err);
	smudge_migration_destroy(migration);
	return ret;
}

static int migrate_receive(const void *options, struct smudge_error *err)
{
	struct smudge_migration *migration;
	int ret;

	assert_int_equal(smudge_migration_create(NULL, &migration), 0);
	ret = smudge_migrate_receive(migration, world.memory, -1, options, err);
	smudge_migration_destroy(migration);
	return ret;
}

#define TYPE(type, last) \
#type, sizeof(struct type), SMI_SYS_SIZE_UP_TO(struct type, last)

static const struct sized_call {
	int (*call)(const void *options, struct smudge_error *err);
	const char *type;
	size_t bytes;
	size_t first_version_bytes;
	const void *good;
	int accepted; /* what it returns for a struct of the right size */
	bool has_no_sentence;
} calls[] = {
	{region_add, TYPE(smudge_region_options, page_shift), &region_options,
	 0, true},
	{client_open, TYPE(smudge_client_options, nregions), &client_options, 0,
	 false},
	{source_create, TYPE(smudge_source_ops, destroy), &source_ops, 0, true},
	{hub_create, TYPE(smudge_hub_ops, destroy), &hub_ops, 0, true},
	{hub_join, TYPE(smudge_hub_member_options, opaque), &member_options, 0,
	 true},
	{code_open, TYPE(smudge_code_options, marks_only), &code_options, 0,
	 false},
	{display_open, TYPE(smudge_display_mode, height), &mode, 0, false},
	{display_set_mode, TYPE(smudge_display_mode, height), &mode, 0, false},
	{kvm_create, TYPE(smudge_kvm_options, mode), &kvm_options, -EBADF,
	 false},
	/* no whole pages, which is looked at later */
	{kvm_log_create, TYPE(smudge_kvm_slot, hva), &kvm_slot, -EINVAL, false},
	{migrate_send, TYPE(smudge_migrate_send_options, state_save),
	 &send_options, -ENOTSOCK, false},
	{migrate_receive, TYPE(smudge_migrate_receive_options, state_load),
	 &receive_options, -ENOTSOCK, false},
};

/*
 * Call it with a struct of @bytes that says it has @size_bytes; its last byte
 * is @last where @bytes is larger than the library's.
 */
static int call_with(const struct sized_call *c, size_t bytes,
		     size_t size_bytes, unsigned char last,
		     struct smudge_error *err)
{
	unsigned char *options = world.end - bytes;

	smudge_error_clear(err);
	memset(options, 0, bytes);
	memcpy(options, c->good, bytes < c->bytes ? bytes : c->bytes);
	if (bytes >= sizeof(size_bytes))
		memcpy(options, &size_bytes, sizeof(size_bytes));
	if (bytes > c->bytes)
		options[bytes - 1] = last;
	return c->call(options, err);
}

static void expect(const struct sized_call *c, const struct smudge_error *err,
		   int ret, int code, const char *words)
{
	if (ret != code)
		fail_msg("%s: %d instead of %d, \"%s\"", c->type, ret, code,
			 err->message);
	if (!words || c->has_no_sentence)
		return;
	if (!strstr(err->message, words) || !strstr(err->message, c->type))
		fail_msg("%s: \"%s\" does not say \"%s\"", c->type,
			 err->message, words);
}

static void accepts(const struct sized_call *c, size_t bytes)
{
	struct smudge_error err;
	int ret = call_with(c, bytes, bytes, 0, &err);

	expect(c, &err, ret, c->accepted, NULL);
	if (strstr(err.message, c->type))
		fail_msg("%zu bytes: \"%s\"", bytes, err.message);
}

static void refuses(const struct sized_call *c, size_t bytes, size_t size_bytes,
		    int code, const char *words)
{
	struct smudge_error err;
	int ret = call_with(c, bytes, size_bytes, 1, &err);

	expect(c, &err, ret, code, words);
}

static void refuses_rubbish(const struct sized_call *c, size_t bytes)
{
	char words[40];

	snprintf(words, sizeof(words), "byte %zu of a", bytes - 1);
	refuses(c, bytes, bytes, -E2BIG, words);
}

static void test_accepted(void **state)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct sized_call *c = &calls[i];

		accepts(c, c->first_version_bytes);
		accepts(c, c->bytes);
		accepts(c, c->bytes + 1);
		accepts(c, c->bytes + 8);
		accepts(c, MAX_BYTES);
	}
}

static void test_too_short(void **state)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct sized_call *c = &calls[i];

		refuses(c, sizeof(size_t), 0, -EINVAL, "0 bytes is too short");
		refuses(c, sizeof(size_t), 8, -EINVAL, "8 bytes is too short");
		refuses(c, c->first_version_bytes - 1,
			c->first_version_bytes - 1, -EINVAL, "too short");
	}
}

static void test_too_large(void **state)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct sized_call *c = &calls[i];

		refuses_rubbish(c, c->bytes + 1);
		refuses_rubbish(c, c->bytes + 8);
		refuses_rubbish(c, MAX_BYTES);
		refuses(c, c->bytes, MAX_BYTES + 1, -E2BIG, "too large");
		refuses(c, c->bytes, SIZE_MAX, -E2BIG, "too large");
	}
}

/* A first version's struct: what lies behind it does not count. */
static void test_missing_is_zero(void **state)
{
	struct smudge_client_options options = client_options;
	struct smudge_client *client;

	options.size = offsetof(struct smudge_client_options, marks_only);
	memset((char *)&options + options.size, 0xff,
	       sizeof(options) - options.size);
	assert_int_equal(
		smudge_client_open(world.memory, &options, &client, NULL), 0);
	assert_int_equal(smudge_client_close(client), 0);
}

static void *map(void)
{
	unsigned char *pages = mmap(NULL, 2 * MAX_BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + MAX_BYTES, MAX_BYTES, PROT_NONE), 0);
	return pages;
}

static int set_up(void **state)
{
	unsigned char *pages = map();

	world.end = pages + MAX_BYTES;
	assert_int_equal(smudge_memory_create(&world.memory), 0);
	assert_int_equal(smudge_hub_create(&hub_ops, NULL, &world.hub), 0);
	world.region = fake_region(world.memory, 0, NPAGES);
	assert_int_equal(smudge_display_open(world.memory, world.region, &mode,
					     &world.display, NULL),
			 0);
	return 0;
}

static int tear_down(void **state)
{
	smudge_display_close(world.display);
	smudge_hub_destroy(world.hub);
	assert_int_equal(smudge_memory_destroy(world.memory), 0);
	munmap(world.end - MAX_BYTES, 2 * MAX_BYTES);
	return 0;
}

TEST_MAIN_WITH(set_up, tear_down, test_accepted, test_too_short, test_too_large,
	       test_missing_is_zero)
