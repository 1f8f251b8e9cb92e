/* SPDX-License-Identifier: MIT */
/*
 * Threads that share work: each works once per round, and a round ends when all
 * have.
 */
#include <signal.h>
#include <stdatomic.h>

#include "checkpoint/workers.h"
#include "support.h"

static atomic_uint ncalls, nblocked;

static void work(void *opaque)
{
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	atomic_fetch_add(&nblocked, sigismember(&blocked, SIGTERM) == 1);
	atomic_fetch_add(&ncalls, 1);
	assert_ptr_equal(opaque, &ncalls);
}

static void each_works_once_per_round(void **state)
{
	for (unsigned int nthreads = 1; nthreads <= 5; nthreads++) {
		struct smi_workers *workers;

		assert_int_equal(smi_workers_create(nthreads, &workers, NULL),
				 0);
		for (unsigned int round = 0; round < test_rounds(200);
		     round++) {
			atomic_store(&ncalls, 0);
			atomic_store(&nblocked, 0);
			smi_workers_run(workers, work, &ncalls);
			assert_int_equal(atomic_load(&ncalls), nthreads);
			assert_int_equal(atomic_load(&nblocked), nthreads - 1);
		}
		smi_workers_destroy(workers);
	}
	smi_workers_destroy(NULL);
}

static void counts_have_limits(void **state)
{
	assert_in_range(smi_workers_count(0), 1, 8);
	assert_int_equal(smi_workers_count(3), 3);
	assert_int_equal(smi_workers_count(5000), SMI_MAX_WORKERS);
}

TEST_MAIN(each_works_once_per_round, counts_have_limits)
