/* SPDX-License-Identifier: MIT */
/*
 * A lazy restore that begins while a thread reads the memory, and one that
 * cannot begin.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "lazy_rig.h"

static int set_up(void **state)
{
	return lazy_enter(state, "lazy_begins", false);
}

static struct lazy_rig rig;
static atomic_bool is_over;

/* It sees zeros before the restore has the memory, and the content then. */
static void *read_pages(void *opaque)
{
	struct test_rng rng = {1};

	while (!atomic_load(&is_over)) {
		uint64_t page = test_rng_below(&rng, LAZY_NPAGES);

		(void)*(volatile uint8_t *)(rig.ram[0] + page * LAZY_PAGE);
	}
	return NULL;
}

static void read_as_it_begins(enum lazy_kind kind)
{
	pthread_t reader;

	lazy_open(&rig, kind);
	atomic_store(&is_over, false);
	assert_int_equal(pthread_create(&reader, NULL, read_pages, NULL), 0);
	lazy_begin(&rig);
	atomic_store(&is_over, true);
	pthread_join(reader, NULL);
	lazy_end(&rig);
	lazy_check_all(&rig);
	lazy_close(&rig);
}

static void a_reader_as_it_begins(void **state)
{
	for (unsigned int i = 0; i < test_rounds(20); i++)
		read_as_it_begins(LAZY_PRIVATE);
}

TEST_MAIN_WITH(set_up, lazy_leave, a_reader_as_it_begins)
