/* SPDX-License-Identifier: MIT */
/*
 * Each allocation of each reading call fails once: the call returns -ENOMEM
 * with a sentence, the chain can still be used, and the next call succeeds.
 */
#include <errno.h>
#include <string.h>

#include <smudge/layers.h>

#include "fail_memory.h"
#include "folder.h"
#include "moments.h"

static struct smudge_chain *chain, *older;

static int open_and_close(struct smudge_error *err)
{
	const struct smudge_chain_options options = {.size = sizeof(options),
						     .folder = "chain"};
	struct smudge_chain *another;
	int ret = smudge_chain_open(&options, &another, err);

	if (ret == 0)
		smudge_chain_close(another);
	return ret;
}

static int layer(struct smudge_error *err)
{
	struct smudge_layer_info info = {.size = sizeof(info)};

	return smudge_chain_layer(chain, 1, &info, err);
}

/* Of a chain of its own, since the tables are summed up once. */
static int read_some(struct smudge_error *err)
{
	static uint8_t bytes[600 * 4096];

	return smudge_chain_read(chain, 0, 0, 600, bytes, err);
}

static int next_data(struct smudge_error *err)
{
	struct smudge_run run;
	int ret = smudge_chain_next_data(chain, 0, 0, 600, &run, err);

	return ret == 1 ? 0 : ret;
}

static int verify(struct smudge_error *err)
{
	return smudge_chain_verify(chain, NULL, NULL, err);
}

static int see(void *opaque, const struct smudge_difference *difference)
{
	return 0;
}

static int diff(struct smudge_error *err)
{
	return smudge_chain_diff(older, chain, see, NULL, err);
}

static int note(void *opaque, const struct smudge_layer_info *info,
		const struct smudge_error *why)
{
	assert_null(why);
	return 0;
}

static int each(struct smudge_error *err)
{
	return smudge_layers_each("chain", note, NULL, err);
}

static void fail_each(const char *name, int (*call)(struct smudge_error *err))
{
	struct smudge_error err;
	unsigned int n = 0;
	int ret = -ENOMEM;

	while (ret < 0) {
		fail_memory_at(++n);
		ret = call(&err);
		fail_memory_off();
		if (ret < 0 &&
		    (ret != -ENOMEM || err.code != ret || !err.message[0]))
			fail_msg("%s, allocation %u: %d %s", name, n, ret,
				 err.message);
		assert_true(ret < 0 || !fail_memory_has_failed());
	}
	print_message("# %s: %u allocations\n", name, n - 1);
	assert_true(n > 1);
}

static void each_allocation_may_fail(void **state)
{
	static const struct {
		const char *name;
		int (*call)(struct smudge_error *err);
	} calls[] = {
		{"open", open_and_close}, {"layer", layer},
		{"read", read_some},	  {"next_data", next_data},
		{"verify", verify},	  {"diff", diff},
		{"each", each},
	};
	struct test_rng rng = test_rng_start("errors_chain_memory");
	struct moments memory;

	moments_open(&memory, "chain");
	for (int i = 0; i < 3; i++) {
		moments_change(&memory, &rng, false);
		moments_save(&memory, i == 2);
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		/* A delta, and a full layer with other places. */
		chain = moments_chain("chain", 2);
		older = moments_chain("chain", 3);
		fail_each(calls[i].name, calls[i].call);
		smudge_chain_close(chain);
		smudge_chain_close(older);
	}
	chain = moments_chain("chain", 0);
	moment_check(&memory.now, chain);
	smudge_chain_close(chain);
	moments_close(&memory);
}

TEST_MAIN_WITH(folder_enter, folder_leave, each_allocation_may_fail)
