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

#include "options_calls.h"

#define MAX_BYTES 4096

static unsigned char *page_end; /* what follows cannot be read */

/*
 * Call it with a struct of @bytes that says it has @size_bytes; its last byte
 * is @last where @bytes is larger than the library's.
 */
static int call_with(const struct sized_call *c, size_t bytes,
		     size_t size_bytes, unsigned char last,
		     struct smudge_error *err)
{
	unsigned char *options = page_end - bytes;

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
	if (!words)
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
	for (size_t i = 0; i < N_SIZED_CALLS; i++) {
		const struct sized_call *c = &sized_calls[i];

		accepts(c, c->first_version_bytes);
		accepts(c, c->bytes);
		accepts(c, c->bytes + 1);
		accepts(c, c->bytes + 8);
		accepts(c, MAX_BYTES);
	}
}

static void test_too_short(void **state)
{
	for (size_t i = 0; i < N_SIZED_CALLS; i++) {
		const struct sized_call *c = &sized_calls[i];

		refuses(c, sizeof(size_t), 0, -EINVAL, "0 bytes is too short");
		refuses(c, sizeof(size_t), 8, -EINVAL, "8 bytes is too short");
		refuses(c, c->first_version_bytes - 1,
			c->first_version_bytes - 1, -EINVAL, "too short");
	}
}

static void test_too_large(void **state)
{
	for (size_t i = 0; i < N_SIZED_CALLS; i++) {
		const struct sized_call *c = &sized_calls[i];

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
	struct smudge_client_options options = {.name = "client"};
	struct smudge_client *client;

	options.size = offsetof(struct smudge_client_options, marks_only);
	memset((char *)&options + options.size, 0xff,
	       sizeof(options) - options.size);
	assert_int_equal(smudge_client_open(sized_calls_memory(), &options,
					    &client, NULL),
			 0);
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

	page_end = pages + MAX_BYTES;
	sized_calls_open();
	return 0;
}

static int tear_down(void **state)
{
	sized_calls_close();
	munmap(page_end - MAX_BYTES, 2 * MAX_BYTES);
	return 0;
}

TEST_MAIN_WITH(set_up, tear_down, test_accepted, test_too_short, test_too_large,
	       test_missing_is_zero)
