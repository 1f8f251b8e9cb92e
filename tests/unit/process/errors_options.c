/* SPDX-License-Identifier: MIT */
/*
 * Options of smudge_process_open that are wrong: -EINVAL, a sentence each, and
 * no process is touched.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <smudge/smudge.h>

#include "sentence.h"
#include "support.h"

static const struct wrong {
	struct smudge_process_options options;
	const char *sentence;
} wrong[] = {
	{{.method = 3}, "3 is no method (.method)"},
	{{.select = 4}, "4 is no way to select mappings (.select)"},
	{{.select = SMUDGE_PROCESS_NAMED},
	 "to select mappings by name takes a .pattern, and it is NULL"},
	{{.select = SMUDGE_PROCESS_RANGE,
	  .first_address = 0x2000,
	  .end_address = 0x2000},
	 "addresses 0x2000 to 0x2000 are no range (.first_address, "
	 ".end_address)"},
};

static void options(void **state)
{
	struct smudge_process *process = NULL;
	struct smudge_memory *memory;
	struct smudge_error err;

	assert_int_equal(smudge_memory_create(&memory), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct smudge_process_options o = wrong[i].options;
		int ret;

		o.size = sizeof(o);
		ret = smudge_process_open(memory, getppid(), &o, &process,
					  &err);
		expect_sentence(&err, ret, -EINVAL, wrong[i].sentence);
	}
	assert_null(process);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static void this_process(void **state)
{
	struct smudge_process *process = NULL;
	struct smudge_memory *memory;
	struct smudge_error err;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(
		smudge_process_open(memory, getpid(), NULL, &process, &err),
		-EINVAL);
	assert_non_null(strstr(err.message, "is this one"));
	assert_null(process);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(options, this_process)
