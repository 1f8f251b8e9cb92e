/* SPDX-License-Identifier: MIT */
/*
 * Three checkpointers on one memory, each with its own pace, beside migrations
 * of the same machine: each layer is the memory of its pause, and what arrives
 * is the memory at its stop.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <smudge/migrate.h>

#include "rig.h"

enum {
	NCHECKPOINTERS = 3,
	NPAGES = 3000
};

struct destination {
	int fd;
	uint8_t *bytes;
	struct smudge_memory *memory;
	int ret;
};

static int load_nothing(void *opaque, const void *bytes, size_t length,
			struct smudge_error *err)
{
	return 0;
}

static void *receive(void *opaque)
{
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options), .state_load = load_nothing};
	struct destination *to = opaque;
	struct smudge_migration *migration;

	to->ret = smudge_migration_create(NULL, &migration, NULL);
	if (!to->ret)
		to->ret = smudge_migrate_receive(migration, to->memory, to->fd,
						 &options, NULL);
	smudge_migration_destroy(migration);
	return NULL;
}

static void open_destination(struct destination *to, int fd)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.size_bytes = NPAGES * 4096};
	struct smudge_region *region;

	*to = (struct destination){.fd = fd};
	to->bytes = mmap(NULL, NPAGES * 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	options.hva = to->bytes;
	if (smudge_memory_create(&to->memory) ||
	    smudge_region_add(to->memory, &options, &region, NULL))
		abort();
}

static void close_destination(struct destination *to)
{
	smudge_memory_destroy(to->memory, NULL);
	munmap(to->bytes, NPAGES * 4096);
	close(to->fd);
}

static int machine_stop(void *opaque)
{
	rig_pause(opaque);
	return 0;
}

static void machine_resume(void *opaque)
{
	rig_resume(opaque);
}

static int save_nothing(void *opaque, void **ret_bytes, size_t *ret_length)
{
	*ret_bytes = calloc(1, 1);
	*ret_length = 1;
	return 0;
}

/* Return: what differs, or NULL. The machine is stopped when it has moved. */
static const char *migrate(struct rig *rig)
{
	const struct smudge_migrate_send_options options = {
		.size = sizeof(options),
		.machine_stop = machine_stop,
		.machine_resume = machine_resume,
		.state_save = save_nothing,
		.opaque = rig,
	};
	struct smudge_migration *migration;
	struct destination to;
	const char *what = NULL;
	pthread_t receiver;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) ||
	    smudge_migration_create(NULL, &migration, NULL))
		return "nothing could be created";
	open_destination(&to, fds[1]);
	if (pthread_create(&receiver, NULL, receive, &to))
		return "no thread";
	if (smudge_migrate_send(migration, rig->memory, fds[0], &options,
				NULL)) {
		what = "the migration failed";
	} else {
		if (memcmp(to.bytes, rig->regions[0].bytes, NPAGES * 4096))
			what = "the migrated memory differs";
		machine_resume(rig);
	}
	shutdown(fds[0], SHUT_RDWR);
	pthread_join(receiver, NULL);
	close_destination(&to);
	smudge_migration_destroy(migration);
	close(fds[0]);
	return what;
}

struct mover {
	struct rig *rig;
	atomic_bool is_ending;
	unsigned int nmoves;
	const char *what;
};

static void *move(void *opaque)
{
	struct mover *mover = opaque;

	/* Once at least, however late this thread begins. */
	do {
		mover->what = migrate(mover->rig);
		mover->nmoves++;
		usleep(20000);
	} while (!atomic_load(&mover->is_ending) && !mover->what);
	return NULL;
}

static void run(struct rig *rigs, struct test_rng *rng)
{
	struct mover mover = {.rig = &rigs[0]};
	pthread_t thread;

	rig_start(&rigs[0], 2);
	assert_int_equal(pthread_create(&thread, NULL, move, &mover), 0);
	for (unsigned int i = 0; i < test_rounds(30); i++) {
		struct rig *rig = &rigs[test_rng_below(rng, NCHECKPOINTERS)];

		rig_checkpoint(rig, NULL);
	}
	atomic_store(&mover.is_ending, true);
	pthread_join(thread, NULL);
	if (mover.what)
		fail_msg("%s", mover.what);
	assert_true(mover.nmoves > 0);
}

static void open_and_run(const char *name, bool with_uffd)
{
	struct test_rng rng = test_rng_start(name);
	struct rig rigs[NCHECKPOINTERS];

	rig_open(&rigs[0], name);
	rig_add(&rigs[0], "ram", 0, NPAGES, NPAGES);
	rig_write_random(&rigs[0], &rng, 2000);
	if (with_uffd)
		rig_track_uffd(&rigs[0]);
	atomic_store(&rigs[0].seed, test_rng_next(&rng));
	for (int i = 1; i < NCHECKPOINTERS; i++)
		rig_open_beside(&rigs[i], &rigs[0]);
	for (int i = 0; i < NCHECKPOINTERS; i++) {
		rigs[i].options.full_every = 2 + (uint32_t)i * 3;
		rigs[i].options.look_ahead = i == 1;
		rig_create(&rigs[i]);
	}
	run(rigs, &rng);
	for (int i = NCHECKPOINTERS - 1; i >= 0; i--)
		rig_close(&rigs[i]);
}

static void with_marks(void **state)
{
	open_and_run("marks", false);
}

static void with_uffd(void **state)
{
	test_need_uffd();
	open_and_run("uffd", true);
}

TEST_MAIN(with_marks, with_uffd)
