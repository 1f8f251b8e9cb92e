/* SPDX-License-Identifier: MIT */
/*
 * Migrations that are asked for all the time while one ends: none may start.
 * At the source the guest would be handed over a second time, at the
 * destination memory that it already runs in would be overwritten.
 */
#include "vm_guest.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/run_control.h"
#include "migration/migration.h"

#define ENGINE "auto"
#define ROUNDS 20
#define EXTRA  2000 /* requests after the end */

typedef int start_call(struct migration *migration, const char *uri,
		       struct smudge_error *err);

/* One end of a migration, and what asks it for more. */
struct end {
	struct vm_guest guest;
	struct migration *migration;
	start_call *start;
	const char *uri; /* of the migrations that must not start */
	atomic_bool has_ended;
	unsigned int nstarted;
	int last; /* what the last request returned */
};

static void changed(void *opaque, enum migration_status status)
{
	struct end *end = opaque;

	if (status == MIGRATION_COMPLETED || status == MIGRATION_FAILED)
		atomic_store(&end->has_ended, true);
}

static void open_end(struct end *end, start_call *start, const char *uri,
		     const char *append)
{
	struct migration_options options = {.opaque = end, .changed = changed};

	*end = (struct end){.start = start, .uri = uri};
	vm_guest_open(&end->guest, ENGINE, "auto", append);
	options.machine = end->guest.machine;
	assert_int_equal(migration_create(&options, &end->migration, NULL), 0);
}

static void close_end(struct end *end)
{
	struct migration_report report;

	migration_end(end->migration, &report);
	migration_destroy(end->migration);
	vm_guest_close(&end->guest);
}

static void *ask(void *opaque)
{
	struct end *end = opaque;

	for (unsigned int left = EXTRA; left; left -= end->has_ended) {
		end->last = end->start(end->migration, end->uri, NULL);
		if (!end->last) {
			end->nstarted++;
			break;
		}
	}
	return NULL;
}

static void one_round(const char *folder)
{
	char there[128], nowhere[128];
	struct end source, destination;
	pthread_t askers[2];

	snprintf(there, sizeof(there), "unix:%s/there", folder);
	snprintf(nowhere, sizeof(nowhere), "unix:%s/nowhere", folder);
	open_end(&source, migration_start_outgoing, nowhere, "");
	open_end(&destination, migration_start_incoming, nowhere, NULL);
	assert_int_equal(
		migration_start_incoming(destination.migration, there, NULL),
		0);
	assert_int_equal(
		migration_start_outgoing(source.migration, there, NULL), 0);
	pthread_create(&askers[0], NULL, ask, &source);
	pthread_create(&askers[1], NULL, ask, &destination);
	pthread_join(askers[0], NULL);
	pthread_join(askers[1], NULL);
	assert_int_equal(source.nstarted, 0);
	assert_int_equal(destination.nstarted, 0);
	assert_int_equal(source.last, -EPERM);
	assert_int_equal(destination.last, -EBUSY);
	assert_int_equal(run_control_check(source.guest.machine, NULL), -EPERM);
	assert_int_equal(run_control_check(destination.guest.machine, NULL), 0);
	close_end(&source);
	close_end(&destination);
}

static void test_none_starts_while_one_ends(void **state)
{
	unsigned int nrounds = test_rounds(ROUNDS);
	char folder[] = "/tmp/smudge-start-XXXXXX";

	vm_guest_need(ENGINE);
	assert_non_null(mkdtemp(folder));
	for (unsigned int round = 0; round < nrounds; round++)
		one_round(folder);
	assert_int_equal(rmdir(folder), 0);
}

TEST_MAIN(test_none_starts_while_one_ends)
