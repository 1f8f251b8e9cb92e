/* SPDX-License-Identifier: MIT */
/*
 * lib/migrate: the downtime of an idle memory, over a UNIX socket and over TCP
 * on loopback. No page is dirty when the machine is stopped, so the downtime is
 * the cost of the handover alone.
 *
 * And the time to move an idle memory that is reserved and touched in part,
 * over a UNIX socket, without a source. The baseline is a memory of the size of
 * that part. Each migration goes to memory that was not touched before.
 *
 * The sockets are as socketpair(2) and connect(2) return them. Downtimes are
 * medians of one migration each, in elapsed time, from the call of machine_stop
 * to the receiver's ACK.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <smudge/smudge.h>

#include "bench_clock.h"
#include "bench_program.h"
#include "bench_progress.h"
#include "bench_values.h"

#define MAX_SAMPLES  1000
#define MEMORY_BYTES (UINT64_C(64) << 20)
#define STATE_BYTES  4096

#define RESERVED_BYTES (UINT64_C(64) << 30)
#define TOUCHED_PARTS  16 /* far from each other */
#define MOVES_MAX      7

struct side {
	struct smudge_memory *memory;
	struct smudge_region *region;
	uint64_t size_bytes;
	char *hva;
};

struct arrival {
	struct smudge_memory *memory;
	int fd;
};

static void must(bool works, const char *what)
{
	if (works)
		return;
	bench_progress_clear();
	fprintf(stderr, "bench-migrate: %s failed\n", what);
	exit(1);
}

static void open_side(struct side *side, uint64_t size_bytes)
{
	struct smudge_region_options ram = {
		.size = sizeof(ram),
		.name = "ram",
		.size_bytes = size_bytes,
	};

	side->size_bytes = size_bytes;
	side->hva = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(side->hva != MAP_FAILED, "mmap");
	ram.hva = side->hva;
	must(smudge_memory_create(&side->memory) == 0, "memory");
	must(smudge_region_add(side->memory, &ram, &side->region, NULL) == 0,
	     "region");
}

static void close_side(struct side *side)
{
	must(smudge_region_remove(side->region, NULL) == 0,
	     "removing the region");
	must(smudge_memory_destroy(side->memory, NULL) == 0,
	     "closing the memory");
	munmap(side->hva, side->size_bytes);
}

static int machine_stop(void *opaque)
{
	return 0;
}

static void machine_resume(void *opaque)
{
}

static int state_save(void *opaque, void **ret_bytes, size_t *ret_length)
{
	*ret_length = STATE_BYTES;
	*ret_bytes = calloc(1, STATE_BYTES);
	return *ret_bytes ? 0 : -1;
}

static int state_load(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	return 0;
}

static void *receive(void *opaque)
{
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options), .state_load = state_load};
	const struct arrival *arrival = opaque;
	struct smudge_migration *migration;

	must(smudge_migration_create(NULL, &migration, NULL) == 0, "migration");
	must(smudge_migrate_receive(migration, arrival->memory, arrival->fd,
				    &options, NULL) == 0,
	     "receiving");
	smudge_migration_destroy(migration);
	return NULL;
}

static void connect_unix(int fds[2])
{
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
}

static void connect_tcp(int fds[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(listener, (void *)&at, size) == 0 &&
		     listen(listener, 1) == 0 &&
		     getsockname(listener, (void *)&at, &size) == 0 &&
		     connect(fds[0], (void *)&at, size) == 0,
	     "a connection over loopback");
	fds[1] = accept(listener, NULL, NULL);
	must(fds[1] >= 0, "accept");
	close(listener);
}

/* One migration. */
static struct smudge_migrate_stats move(const struct side *from,
					const struct side *to, int fds[2])
{
	const struct smudge_migrate_send_options options = {
		.size = sizeof(options),
		.machine_stop = machine_stop,
		.machine_resume = machine_resume,
		.state_save = state_save,
	};
	struct arrival arrival = {to->memory, fds[1]};
	struct smudge_migration *migration;
	struct smudge_migrate_stats stats = {.size = sizeof(stats)};
	pthread_t receiver;

	must(smudge_migration_create(NULL, &migration, NULL) == 0, "migration");
	must(pthread_create(&receiver, NULL, receive, &arrival) == 0, "thread");
	must(smudge_migrate_send(migration, from->memory, fds[0], &options,
				 NULL) == 0,
	     "sending");
	pthread_join(receiver, NULL);
	must(smudge_migration_stats(migration, &stats) == 0, "statistics");
	smudge_migration_destroy(migration);
	close(fds[0]);
	close(fds[1]);
	return stats;
}

static void measure(const char *what, void (*connect_both)(int fds[2]))
{
	unsigned int nsamples = bench_settings.nsamples;
	double samples[MAX_SAMPLES];
	struct side from, to;
	int fds[2];

	if (bench_interrupted)
		return;
	bench_progress_case("%s", what);
	open_side(&from, MEMORY_BYTES);
	open_side(&to, MEMORY_BYTES);
	memset(from.hva, 1, MEMORY_BYTES);
	memset(to.hva, 1, MEMORY_BYTES);
	for (unsigned int i = 0; i < nsamples && !bench_interrupted; i++) {
		bench_progress_sample(i, nsamples);
		connect_both(fds);
		samples[i] = (double)move(&from, &to, fds).downtime_ns / 1e6;
	}
	if (!bench_interrupted)
		bench_value(what, bench_median(samples, nsamples), "ms");
	close_side(&from);
	close_side(&to);
}

static uint64_t touched_bytes(void)
{
	return bench_settings.scope == BENCH_QUICK ? UINT64_C(64) << 20
						   : UINT64_C(1) << 30;
}

static void touch(const struct side *side)
{
	uint64_t part = touched_bytes() / TOUCHED_PARTS;

	for (uint64_t i = 0; i < TOUCHED_PARTS; i++)
		memset(side->hva + i * (side->size_bytes / TOUCHED_PARTS), 1,
		       part);
}

static double time_to_move(const struct side *from)
{
	struct smudge_migrate_stats stats;
	struct side to;
	int fds[2];

	open_side(&to, from->size_bytes);
	connect_unix(fds);
	stats = move(from, &to, fds);
	close_side(&to);
	must(stats.sent_pages == touched_bytes() >> 12,
	     "sending what is there");
	return (double)stats.elapsed_ns / 1e6;
}

/* In turn, so that the machine's other load meets both. */
static void compare_moves(void)
{
	unsigned int nsamples = bench_settings.nsamples;
	double touched[MOVES_MAX], reserved[MOVES_MAX];
	bool is_quick = bench_settings.scope == BENCH_QUICK;
	struct side small, large;

	if (bench_interrupted)
		return;
	if (nsamples > MOVES_MAX)
		nsamples = MOVES_MAX;
	bench_progress_case(is_quick ? "moving 64 MiB" : "moving 1 GiB");
	open_side(&small, touched_bytes());
	open_side(&large, RESERVED_BYTES);
	touch(&small);
	touch(&large);
	for (unsigned int i = 0; i < nsamples && !bench_interrupted; i++) {
		bench_progress_sample(i, nsamples);
		touched[i] = time_to_move(&small);
		reserved[i] = time_to_move(&large);
	}
	if (!bench_interrupted) {
		bench_value(is_quick ? "moving 64 MiB, all touched (baseline)"
				     : "moving 1 GiB, all touched (baseline)",
			    bench_median(touched, nsamples), "ms");
		bench_value(is_quick ? "moving 64 GiB reserved, 64 MiB touched"
				     : "moving 64 GiB reserved, 1 GiB touched",
			    bench_median(reserved, nsamples), "ms");
	}
	close_side(&small);
	close_side(&large);
}

static const struct bench_program program = {
	.name = "bench-migrate",
	.usage = "usage: bench-migrate [options]\n"
		 "  --json        one JSON array: case, value, unit\n"
		 "  --full        101 migrations per median\n"
		 "  --quick       one migration, and of 64 MiB: does it run?\n"
		 "  --samples N   migrations per median: 1 to 1000, default "
		 "21;\n"
		 "                at most 7 of 1 GiB\n"
		 "  --help        this text\n",
	.nsamples = 21,
	.nsamples_full = 101,
	.max_samples = MAX_SAMPLES,
};

int main(int argc, char **argv)
{
	bench_begin_only(&program, argc, argv);
	bench_values_begin();
	measure("downtime of an idle memory, unix", connect_unix);
	measure("downtime of an idle memory, tcp", connect_tcp);
	compare_moves();
	bench_values_end();
	return bench_end();
}
