/* SPDX-License-Identifier: MIT */
/*
 * A chain that is read again and again keeps what its readers learned, but no
 * file open; and a file that was replaced since is noticed all the same.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "checkpoint/chain.h"
#include "folder.h"
#include "moments.h"

#define NLAYERS	 4
#define NTHREADS 6
#define PAGE	 4096

static struct moments memory;
static struct smudge_chain *chain;

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("idle");

	if (folder_enter(state) < 0)
		return -1;
	moments_open(&memory, ".");
	for (int i = 0; i < NLAYERS; i++) {
		moments_change(&memory, &rng, false);
		moments_keep_first(&memory);
		moments_save(&memory, false);
	}
	chain = moments_chain(".", NLAYERS);
	return 0;
}

static int tear_down(void **state)
{
	smudge_chain_close(chain);
	moments_close(&memory);
	return folder_leave(state);
}

static unsigned int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static int read_all(uint8_t *buffer)
{
	return smudge_chain_read(chain, 0, 0, memory.now.regions[0].npages,
				 buffer, NULL);
}

static void no_file_stays_open(void **state)
{
	uint8_t *buffer = malloc(MOMENTS_MAX_NPAGES * PAGE);
	unsigned int before = count_descriptors();

	for (int i = 0; i < 3; i++) {
		assert_int_equal(read_all(buffer), 0);
		assert_memory_equal(buffer, memory.now.regions[0].bytes,
				    memory.now.regions[0].npages * PAGE);
		assert_int_equal(chain->nidle, 1);
		assert_int_equal(count_descriptors(), before);
	}
	free(buffer);
}

static void *read_often(void *opaque)
{
	uint8_t *buffer = malloc(MOMENTS_MAX_NPAGES * PAGE);
	intptr_t ret = 0;

	for (int i = 0; i < 20 && !ret; i++)
		ret = read_all(buffer) ||
		      memcmp(buffer, memory.now.regions[0].bytes,
			     memory.now.regions[0].npages * PAGE) != 0;
	free(buffer);
	return (void *)ret;
}

static void threads_have_readers_of_their_own(void **state)
{
	pthread_t threads[NTHREADS];
	void *ret;

	for (int i = 0; i < NTHREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, read_often, NULL), 0);
	for (int i = 0; i < NTHREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &ret), 0);
		assert_null(ret);
	}
	assert_in_range(chain->nidle, 1, SMI_CHAIN_IDLE_READERS);
}

static void a_replaced_file_is_noticed(void **state)
{
	uint8_t *buffer = malloc(MOMENTS_MAX_NPAGES * PAGE);
	size_t nidle = chain->nidle;

	assert_int_equal(read_all(buffer), 0);
	assert_int_equal(rename("layer-00000001.qcow2", "away"), 0);
	assert_int_equal(symlink("away", "layer-00000001.qcow2"), 0);
	assert_true(read_all(buffer) < 0);
	assert_int_equal(unlink("layer-00000001.qcow2"), 0);
	assert_int_equal(rename("away", "layer-00000001.qcow2"), 0);
	/* the reader that failed is gone, and a new one is right */
	assert_in_range(chain->nidle, 0, nidle - 1);
	assert_int_equal(read_all(buffer), 0);
	free(buffer);
}

TEST_MAIN_WITH(set_up, tear_down, no_file_stays_open,
	       threads_have_readers_of_their_own, a_replaced_file_is_noticed)
