/* SPDX-License-Identifier: MIT */
/*
 * A machine is saved again and again while it runs: a thread keeps writing
 * numbers into memory, and each checkpoint is a layer, of what changed since
 * the one before it. The machine's state, the next number, is a blob in it. At
 * the end the newest layer is verified, read back, and restored lazily. Exits 1
 * if it differs.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <smudge/checkpoint.h>
#include <smudge/layers.h>
#include <smudge/lazy.h>
#include <smudge/smudge.h>

enum {
	PAGE = 4096,
	NPAGES = 4096
};

/* Page n % NPAGES gets the number n. */
struct machine {
	struct smudge_memory *memory;
	struct smudge_region *region;
	unsigned char *ram;
	pthread_mutex_t running; /* held for each write, and to pause */
	pthread_t thread;
	bool stop;     /* running */
	uint64_t next; /* running */
	uint64_t saved_next;
};

static bool step(struct machine *machine)
{
	bool stop;

	pthread_mutex_lock(&machine->running);
	stop = machine->stop;
	if (!stop) {
		uint64_t page = machine->next % NPAGES;

		memcpy(machine->ram + page * PAGE, &machine->next,
		       sizeof(machine->next));
		smudge_region_mark(machine->region, page, 1);
		machine->next++;
	}
	pthread_mutex_unlock(&machine->running);
	return !stop;
}

static void *run(void *opaque)
{
	const struct timespec pause = {.tv_nsec = 20000};

	while (step(opaque))
		nanosleep(&pause, NULL);
	return NULL;
}

/* From here to machine_resume nothing writes. */
static int machine_pause(void *opaque, struct smudge_error *err)
{
	struct machine *machine = opaque;

	pthread_mutex_lock(&machine->running);
	return 0;
}

static int machine_resume(void *opaque, struct smudge_error *err)
{
	struct machine *machine = opaque;

	pthread_mutex_unlock(&machine->running);
	return 0;
}

static int machine_save(void *opaque, struct smudge_checkpointer *checkpointer,
			struct smudge_error *err)
{
	struct machine *machine = opaque;

	machine->saved_next = machine->next;
	return smudge_checkpoint_add_blob(checkpointer, "next", &machine->next,
					  sizeof(machine->next), err);
}

static int save_layers(struct machine *machine, const char *folder,
		       struct smudge_error *err)
{
	struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = folder,
		.quiesce = machine_pause,
		.resume = machine_resume,
		.save_state = machine_save,
		.opaque = machine,
		.pause_deadline_ns = 2000000000,
	};
	struct smudge_checkpointer *checkpointer;
	int ret = smudge_checkpointer_create(machine->memory, &options,
					     &checkpointer, err);

	if (ret)
		return ret;
	for (int i = 0; i < 5 && !ret; i++) {
		struct smudge_layer_info info = {.size = sizeof(info)};
		uint64_t ticket;

		/* The machine runs again when this returns. */
		ret = smudge_checkpointer_save(checkpointer, NULL, &ticket,
					       err);
		if (!ret) /* only a program that wants to know waits */
			ret = smudge_checkpointer_wait(checkpointer, ticket,
						       &info, err);
		if (!ret)
			printf("%s: %d pages\n", info.file_name,
			       (int)info.pages);
	}
	smudge_checkpointer_destroy(checkpointer);
	return ret;
}

/* Page i has the last number below @next that was its own. */
static bool is_right(const unsigned char *ram, uint64_t next)
{
	for (uint64_t i = 0; i < NPAGES; i++) {
		uint64_t number, expected = 0;

		if (next > i)
			expected = i + (next - 1 - i) / NPAGES * NPAGES;
		memcpy(&number, ram + i * PAGE, sizeof(number));
		if (number != expected)
			return false;
	}
	return true;
}

/* Bring it back into memory that is used before all of it is there. */
static int use_at_once(struct machine *machine, struct smudge_chain *chain,
		       struct smudge_error *err)
{
	struct smudge_lazy *lazy;
	bool is_same;
	int ret;

	/* It returns at once; the machine could run from here on. */
	ret = smudge_restore_lazily(machine->memory, chain, NULL, &lazy, err);
	if (ret == -ENOSYS || ret == -EPERM) {
		printf("not tried: %s\n", err->message);
		return 0;
	}
	if (ret)
		return ret;

	/* Each page comes when it is touched, the others behind. */
	is_same = is_right(machine->ram, machine->saved_next);
	ret = smudge_lazy_end(lazy, err); /* waits for the rest */
	if (!ret && !is_same)
		ret = smudge_error_set(err, -5, "save_layers",
				       "the memory differs");
	return ret;
}

static int check_newest(struct machine *machine, const char *folder,
			struct smudge_error *err)
{
	struct smudge_chain_options options = {.size = sizeof(options),
					       .folder = folder};
	unsigned char *copy = malloc((size_t)NPAGES * PAGE);
	struct smudge_chain *chain;
	int ret = smudge_chain_open(&options, &chain, err);

	if (!ret) {
		ret = smudge_chain_verify(chain, NULL, NULL, err);
		if (!ret)
			ret = smudge_chain_read(chain, 0, 0, NPAGES, copy, err);
		if (!ret && !is_right(copy, machine->saved_next))
			ret = smudge_error_set(err, -5, "save_layers",
					       "the layer differs");
		if (!ret)
			ret = use_at_once(machine, chain, err);
		smudge_chain_close(chain);
	}
	free(copy);
	return ret;
}

static int open_machine(struct machine *machine, struct smudge_error *err)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.size_bytes = NPAGES * PAGE};

	pthread_mutex_init(&machine->running, NULL);
	machine->ram = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	options.hva = machine->ram;
	if (machine->ram == MAP_FAILED ||
	    smudge_memory_create(&machine->memory))
		return -12;
	return smudge_region_add(machine->memory, &options, &machine->region,
				 err);
}

int main(void)
{
	static struct machine machine;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char folder[] = "/tmp/save-layers-XXXXXX";
	char command[64];
	int ret = mkdtemp(folder) ? open_machine(&machine, &err) : -2;

	if (!ret)
		ret = pthread_create(&machine.thread, NULL, run, &machine);
	if (ret)
		return 1;
	ret = save_layers(&machine, folder, &err);
	pthread_mutex_lock(&machine.running);
	machine.stop = true;
	pthread_mutex_unlock(&machine.running);
	pthread_join(machine.thread, NULL);
	if (!ret)
		ret = check_newest(&machine, folder, &err);
	if (ret)
		fprintf(stderr, "save_layers: %s\n", err.message);
	smudge_memory_destroy(machine.memory, NULL);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) || ret ? 1 : 0;
}
