/* SPDX-License-Identifier: MIT */
/*
 * A live migration between two processes: a thread keeps writing numbers into
 * memory, the memory moves to a child process while it does, and the numbers
 * continue there. The "machine" is the thread, its state the next number. Its
 * stores are marked, so it runs on every kernel. Exits 1 if a number is wrong.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <smudge/smudge.h>

enum {
	PAGE = 4096,
	NPAGES = 2048
};

/* The machine: page n % NPAGES gets the number n. */
struct machine {
	struct smudge_memory *memory;
	struct smudge_region *region;
	unsigned char *ram;
	pthread_mutex_t lock;
	pthread_t thread;
	bool stop;     /* lock */
	uint64_t next; /* the thread's; others read it while it stands */
};

static int open_memory(struct machine *machine, struct smudge_error *err)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.size_bytes = NPAGES * PAGE};

	pthread_mutex_init(&machine->lock, NULL);
	machine->ram = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (machine->ram == MAP_FAILED ||
	    smudge_memory_create(&machine->memory))
		return -ENOMEM;
	options.hva = machine->ram;
	return smudge_region_add(machine->memory, &options, &machine->region,
				 err);
}

static bool stops(struct machine *machine)
{
	bool stop;

	pthread_mutex_lock(&machine->lock);
	stop = machine->stop;
	pthread_mutex_unlock(&machine->lock);
	return stop;
}

static void *run(void *opaque)
{
	const struct timespec pause = {.tv_nsec = 20000};
	struct machine *machine = opaque;

	while (!stops(machine)) {
		uint64_t page = machine->next % NPAGES;

		memcpy(machine->ram + page * PAGE, &machine->next,
		       sizeof(machine->next));
		smudge_region_mark(machine->region, page, 1);
		machine->next++;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* No thread writes once this has returned. */
static int machine_stop(void *opaque)
{
	struct machine *machine = opaque;

	pthread_mutex_lock(&machine->lock);
	machine->stop = true;
	pthread_mutex_unlock(&machine->lock);
	return -pthread_join(machine->thread, NULL);
}

/* The migration failed: the machine continues here. */
static void machine_resume(void *opaque)
{
	struct machine *machine = opaque;

	machine->stop = false;
	pthread_create(&machine->thread, NULL, run, machine);
}

static int state_save(void *opaque, void **ret_bytes, size_t *ret_length)
{
	struct machine *machine = opaque;

	*ret_length = sizeof(machine->next);
	*ret_bytes = malloc(*ret_length);
	if (!*ret_bytes)
		return -ENOMEM;
	memcpy(*ret_bytes, &machine->next, *ret_length);
	return 0;
}

/* The bytes are a stranger's: their length is checked before they are used. */
static int state_load(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	struct machine *machine = opaque;

	if (length != sizeof(machine->next))
		return smudge_error_set(err, -EINVAL, "machine",
					"the state has %zu bytes", length);
	memcpy(&machine->next, bytes, length);
	return 0;
}

static int failed(const char *who, const struct smudge_error *err)
{
	fprintf(stderr, "%s: %s\n", who, err->message);
	return 1;
}

static int send_machine(int fd)
{
	struct smudge_migrate_send_options options = {
		.size = sizeof(options),
		.machine_stop = machine_stop,
		.machine_resume = machine_resume,
		.state_save = state_save,
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_migration *migration;
	struct machine machine = {0};

	options.opaque = &machine;
	if (open_memory(&machine, &err) ||
	    smudge_migration_create(NULL, &migration, &err))
		return failed("source", &err);
	machine_resume(&machine);
	usleep(50000); /* it works here for a while */
	if (smudge_migrate_send(migration, machine.memory, fd, &options, &err))
		return failed("source", &err);
	printf("left with %d numbers written\n", (int)machine.next);
	smudge_migration_destroy(migration);
	return smudge_memory_destroy(machine.memory, NULL) ? 1 : 0;
}

/* Each page has the last number that was written to it, or 0. */
static int check(const struct machine *machine)
{
	for (uint64_t page = 0; page < NPAGES; page++) {
		uint64_t passes = (machine->next + NPAGES - 1 - page) / NPAGES;
		uint64_t wanted = passes ? (passes - 1) * NPAGES + page : 0;

		if (memcmp(machine->ram + page * PAGE, &wanted, sizeof(wanted)))
			return 1;
	}
	return 0;
}

static int receive_machine(int fd)
{
	struct smudge_migrate_receive_options options = {
		.size = sizeof(options), .state_load = state_load};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_migration *migration;
	struct machine machine = {0};

	options.opaque = &machine;
	if (open_memory(&machine, &err) ||
	    smudge_migration_create(NULL, &migration, &err))
		return failed("destination", &err);
	if (smudge_migrate_receive(migration, machine.memory, fd, &options,
				   &err))
		return failed("destination", &err);
	smudge_migration_destroy(migration);
	if (check(&machine)) {
		fprintf(stderr, "destination: a write was lost\n");
		return 1;
	}
	machine_resume(&machine); /* it lives here now */
	usleep(10000);
	machine_stop(&machine);
	printf("arrived, and went on to %d\n", (int)machine.next);
	return check(&machine) || smudge_memory_destroy(machine.memory, NULL);
}

int main(void)
{
	int fds[2], status;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return 1;
	child = fork(); /* before either process has anything of smudge */
	if (child < 0)
		return 1;
	if (child == 0) {
		close(fds[0]);
		return receive_machine(fds[1]);
	}
	close(fds[1]);
	if (send_machine(fds[0]))
		return 1;
	close(fds[0]);
	return waitpid(child, &status, 0) != child || status != 0;
}
