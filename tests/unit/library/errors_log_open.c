/* SPDX-License-Identifier: MIT */
/*
 * Logs that cannot be opened: no such level, no write, too many.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/log.h>

static void write_nothing(const struct smudge_log_message *message,
			  void *opaque)
{
}

static struct smudge_log_options options = {.size = sizeof(options),
					    .write = write_nothing};

static void refuses(int code, const char *words)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_log *log = NULL;

	assert_int_equal(smudge_log_open(&options, &log, &err), code);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.message, words));
	assert_null(log);
}

static void test_level(void **state)
{
	options.level = (enum smudge_log_level)4;
	refuses(-EINVAL, "4 is no level");
	options.level = (enum smudge_log_level) - 1;
	refuses(-EINVAL, "-1 is no level");
	options.level = SMUDGE_LOG_DEBUG;
}

static void test_no_write(void **state)
{
	options.write = NULL;
	refuses(-EINVAL, "needs a write");
	options.write = write_nothing;
}

static void test_too_many(void **state)
{
	struct smudge_log *logs[SMUDGE_MAX_LOGS];

	for (size_t i = 0; i < SMUDGE_MAX_LOGS; i++)
		assert_int_equal(smudge_log_open(&options, &logs[i], NULL), 0);
	refuses(-ENOSPC, "8 logs are open");
	smudge_log_close(logs[3]);
	assert_int_equal(smudge_log_open(&options, &logs[3], NULL), 0);
	for (size_t i = 0; i < SMUDGE_MAX_LOGS; i++)
		smudge_log_close(logs[i]);
	smudge_log_close(NULL);
}

TEST_MAIN(test_level, test_no_write, test_too_many)
