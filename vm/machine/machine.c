/* SPDX-License-Identifier: MIT */
/*
 * Construction and destruction of the machine.
 *
 * RAM is anonymous memory (MAP_NORESERVE): the host allocates a page when it
 * is first written, so a large machine costs what its guest uses.
 * machine_destroy undoes a constructor's steps in the reverse order; it also
 * cleans up after a failed machine_create.
 */
#include "machine/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/framebuffer.h"
#include "machine/loader.h"

#define WHERE "machine"

static uint32_t port_in(void *opaque, uint16_t port, unsigned int size)
{
	struct machine *machine = opaque;

	return devices_in(&machine->devices, port, size);
}

static bool port_out(void *opaque, uint16_t port, unsigned int size,
		     uint32_t value)
{
	struct machine *machine = opaque;

	return devices_out(&machine->devices, port, size, value);
}

static void complete(void *opaque)
{
	struct machine *machine = opaque;

	devices_complete(&machine->devices);
}

static uint8_t *memory_at(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
	struct machine *machine = opaque;

	return ram_at(&machine->ram, gpa, length_bytes);
}

static void memory_written(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
	struct machine *machine = opaque;

	smudge_memory_mark_gpa(machine->dirty.memory, gpa, length_bytes);
}

static void debug_exit(void *opaque, uint32_t value)
{
	machine_ended(opaque, MACHINE_SHUTDOWN, MACHINE_EXIT_DEBUG_PORT,
		      (int)((value << 1 | 1) & 0xff));
}

static bool may_rest(void *opaque)
{
	return machine_may_enter(opaque);
}

static int map_piece(struct machine *machine, const char *name, uint64_t gpa,
		     uint64_t size_bytes, struct smudge_error *err)
{
	struct ram_piece *piece = &machine->ram.pieces[machine->ram.npieces];
	void *hva = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int ret;

	if (hva == MAP_FAILED) {
		ret = -errno;
		return smudge_error_set(
			err, ret, WHERE,
			"%llu MiB of guest RAM cannot be mapped: %s",
			(unsigned long long)(size_bytes >> 20), strerror(-ret));
	}
	*piece = (struct ram_piece){
		.name = name,
		.gpa = gpa,
		.size_bytes = size_bytes,
		.hva = hva,
		.slot = (uint32_t)machine->ram.npieces,
	};
	machine->ram.npieces++;
	return 0;
}

static int map_vram(struct machine *machine, const struct device_config *config,
		    struct smudge_error *err)
{
	uint64_t size_bytes =
		framebuffer_vram_bytes(config->framebuffer_width_pixels,
				       config->framebuffer_height_pixels);
	int ret;

	if (!size_bytes)
		return 0;
	ret = map_piece(machine, "vram", FRAMEBUFFER_VRAM_GPA, size_bytes, err);
	if (!ret)
		machine->ram.pieces[machine->ram.npieces - 1].is_vram = true;
	return ret;
}

static int map_ram(struct machine *machine, const struct machine_config *config,
		   struct smudge_error *err)
{
	uint64_t size_bytes = config->memory_bytes;
	uint64_t low_bytes = size_bytes;
	int ret;

	if (low_bytes > MACHINE_HOLE_START)
		low_bytes = MACHINE_HOLE_START;
	ret = map_piece(machine, "ram-low", 0, low_bytes, err);
	if (ret == 0)
		ret = map_vram(machine, &config->devices, err);
	if (ret < 0 || low_bytes == size_bytes)
		return ret;
	return map_piece(machine, "ram-high", MACHINE_HOLE_END,
			 size_bytes - low_bytes, err);
}

static int open_devices(struct machine *machine,
			const struct device_config *config,
			struct smudge_error *err)
{
	const struct device_host host = {
		.opaque = machine,
		.memory_at = memory_at,
		.memory_written = memory_written,
		.debug_exit = debug_exit,
		.may_rest = may_rest,
	};

	return devices_open(&machine->devices, config, &host, err);
}

static int create_vcpus(struct machine *machine,
			const struct machine_config *config,
			struct smudge_error *err)
{
	const struct engine_ops *ops = machine->ops;
	const struct engine_dirty *way = engine_dirty_find(ops, config->dirty);
	unsigned int nvcpus = config->nvcpus ? config->nvcpus : 1;
	int ret = 0;

	if (ops->has_one_vcpu && nvcpus > 1)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the engine %s runs one virtual "
					"processor; --smp %u needs kvm",
					ops->name, nvcpus);
	if (way && way->prepare)
		ret = way->prepare(machine->engine, err);
	for (unsigned int i = 0; ret == 0 && i < nvcpus; i++) {
		struct machine_vcpu *vcpu = &machine->vcpus[i];

		vcpu->machine = machine;
		ret = ops->vcpu_create(machine->engine, i, &vcpu->engine_vcpu,
				       err);
	}
	if (ret == 0)
		machine->nvcpus = nvcpus;
	return ret;
}

static int create_engine(struct machine *machine,
			 const struct machine_config *config,
			 struct smudge_error *err)
{
	const struct engine_ports ports = {
		.opaque = machine,
		.in = port_in,
		.out = port_out,
		.complete = complete,
	};
	const struct engine_ops *ops;
	char why[256];
	int ret;

	ret = engine_choose(config->engine, &ops, why, err);
	if (ret < 0)
		return ret;
	ret = ops->create(&machine->ram, &ports, &machine->engine, err);
	if (ret < 0)
		return ret;
	machine->ops = ops;
	if (config->is_restored && ops->expect_restore)
		ops->expect_restore(machine->engine);
	ret = create_vcpus(machine, config, err);
	if (ret < 0)
		return ret;
	snprintf(machine->description, sizeof(machine->description), "%s", why);
	return 0;
}

static int init_locks(struct machine *machine)
{
	int ret;

	ret = pthread_mutex_init(&machine->lock, NULL);
	if (ret == 0)
		ret = pthread_mutex_init(&machine->listener_lock, NULL);
	if (ret == 0)
		ret = pthread_mutex_init(&machine->control.lock, NULL);
	if (ret == 0)
		ret = pthread_cond_init(&machine->control.released, NULL);
	if (ret == 0)
		ret = pthread_cond_init(&machine->entered_or_left, NULL);
	return -ret;
}

static int watch_code(struct machine *machine, struct smudge_error *err)
{
	if (!machine->ops->watch_code)
		return 0;
	return machine->ops->watch_code(machine->engine, machine->dirty.memory,
					err);
}

static int build(struct machine *machine, const struct machine_config *config,
		 struct smudge_error *err)
{
	size_t used;
	int ret;

	machine->exit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (machine->exit_fd < 0) {
		ret = -errno;
		return smudge_error_set(err, ret, WHERE,
					"an eventfd cannot be created: %s",
					strerror(-ret));
	}
	ret = map_ram(machine, config, err);
	if (ret == 0)
		ret = open_devices(machine, &config->devices, err);
	if (ret == 0)
		ret = create_engine(machine, config, err);
	if (ret == 0)
		ret = machine_dirty_attach(machine, config->dirty, err);
	if (ret == 0 && !config->ignores_code)
		ret = watch_code(machine, err);
	if (ret < 0)
		return ret;
	used = strlen(machine->description);
	snprintf(machine->description + used,
		 sizeof(machine->description) - used, "; dirty pages by %s",
		 machine->dirty.name);
	return 0;
}

int machine_create(const struct machine_config *config,
		   struct machine **ret_machine, struct smudge_error *err)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	int ret;

	if (!machine)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	machine->exit_fd = -1;
	ret = init_locks(machine);
	if (ret < 0) {
		free(machine);
		return smudge_error_set(err, ret, WHERE, "out of memory");
	}
	machine->state =
		config->is_incoming ? MACHINE_INMIGRATE : MACHINE_PRELAUNCH;
	ret = build(machine, config, err);
	if (ret < 0) {
		machine_destroy(machine);
		return ret;
	}
	*ret_machine = machine;
	return 0;
}

void machine_destroy(struct machine *machine)
{
	if (!machine)
		return;
	machine_vcpus_end(machine);
	if (machine->engine && machine->ops && machine->ops->watch_code)
		machine->ops->watch_code(machine->engine, NULL, NULL);
	machine_dirty_detach(machine);
	for (size_t i = 0; i < MACHINE_MAX_VCPUS; i++)
		if (machine->vcpus[i].engine_vcpu)
			machine->ops->vcpu_destroy(
				machine->vcpus[i].engine_vcpu);
	if (machine->engine)
		machine->ops->destroy(machine->engine);
	for (size_t i = 0; i < machine->ram.npieces; i++)
		munmap(machine->ram.pieces[i].hva,
		       machine->ram.pieces[i].size_bytes);
	devices_close(&machine->devices);
	if (machine->exit_fd >= 0)
		close(machine->exit_fd);
	pthread_cond_destroy(&machine->entered_or_left);
	pthread_cond_destroy(&machine->control.released);
	pthread_mutex_destroy(&machine->control.lock);
	pthread_mutex_destroy(&machine->listener_lock);
	pthread_mutex_destroy(&machine->lock);
	free(machine);
}

int machine_start(struct machine *machine, struct smudge_error *err)
{
	return machine_vcpus_start(machine, err);
}

int machine_load_kernel(struct machine *machine, const char *path,
			const char *append, struct smudge_error *err)
{
	struct vcpu_state state;
	int ret;

	if (machine_run_state(machine) != MACHINE_PRELAUNCH)
		return smudge_error_set(err, -EBUSY, WHERE,
					"a guest image can be loaded only "
					"before the machine ran");
	ret = loader_load_file(path, append, &machine->ram, &state, err);
	for (unsigned int i = 0; ret == 0 && i < machine->nvcpus; i++) {
		loader_set_vcpu(&state, i, machine->nvcpus);
		ret = machine->ops->vcpu_set_state(
			machine->vcpus[i].engine_vcpu, &state, err);
	}
	return ret;
}
