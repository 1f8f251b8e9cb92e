/* SPDX-License-Identifier: MIT */
/*
 * Sources whose operations are not complete: -EINVAL. Only rearm, destroy and
 * look may be missing, and what a shorter struct of the first version does not
 * reach is missing, whatever the memory behind it holds.
 */
#include "support.h"

#include <errno.h>
#include <stddef.h>

#include "fake_source.h"
#include "fixture.h"
#include "idle_source.h"
#include "sentence.h"

static int look(void *opaque, struct smudge_sink *sink,
		struct smudge_error *err)
{
	fail_msg("an operation beyond the size was called");
	return 0;
}

static void test_first_version(void **state)
{
	struct fixture f;
	const struct smudge_source_ops ops = {
		.size = offsetof(struct smudge_source_ops, look),
		.name = "old",
		.start = idle_start,
		.stop = idle_stop,
		.harvest = idle_harvest,
		.look = look,
	};
	struct smudge_source *source = NULL;

	fixture_open(&f, 10);
	assert_int_equal(smudge_source_create(&ops, NULL, &source, NULL), 0);
	fixture_attach(&f, source);
	fixture_watch(&f, true);
	fixture_harvest(&f);
	assert_int_equal(smudge_memory_look(f.memory, NULL), -EOPNOTSUPP);
	smudge_source_destroy(source);
	fixture_close(&f);
}

/* Each operation that it needs, one after the other. */
static void test_source_ops(void **state)
{
	static const char *const sentences[] = {
		"a source needs a name: .name is NULL",
		"source none needs an operation: .start is NULL",
		"source none needs an operation: .stop is NULL",
		"source none needs an operation: .harvest is NULL",
	};
	struct smudge_source_ops ops = {.size = sizeof(ops)};
	struct smudge_source *source = NULL;
	struct smudge_error err;

	for (size_t i = 0; i < 4; i++) {
		ops.name = i > 0 ? "none" : NULL;
		ops.start = i > 1 ? idle_start : NULL;
		ops.stop = i > 2 ? idle_stop : NULL;
		expect_sentence(&err,
				smudge_source_create(&ops, NULL, &source, &err),
				-EINVAL, sentences[i]);
	}
	ops.size = 8;
	expect_sentence(&err, smudge_source_create(&ops, NULL, &source, &err),
			-EINVAL,
			"a smudge_source_ops of 8 bytes is too short: its "
			"first version has 56");
	assert_null(source);
	smudge_source_destroy(NULL);
}

TEST_MAIN(test_first_version, test_source_ops)
