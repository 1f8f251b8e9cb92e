/* SPDX-License-Identifier: MIT */
/*
 * Reading the machine's parts and state. Nothing here changes it, but for a
 * key in the framebuffer's queue.
 */
#include "machine/internal.h"

#include "devices/framebuffer.h"

const char *machine_describe(const struct machine *machine)
{
	return machine->description;
}

const char *machine_engine_name(const struct machine *machine)
{
	return machine->ops->name;
}

const char *machine_dirty_name(const struct machine *machine)
{
	return machine->dirty.name;
}

struct smudge_memory *machine_memory(const struct machine *machine)
{
	return machine->dirty.memory;
}

struct smudge_code *machine_code(const struct machine *machine)
{
	return machine->ops->code ? machine->ops->code(machine->engine) : NULL;
}

const struct ram *machine_ram(const struct machine *machine)
{
	return &machine->ram;
}

uint64_t machine_ram_bytes(const struct machine *machine)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < machine->ram.npieces; i++)
		bytes += machine->ram.pieces[i].size_bytes;
	return bytes;
}

const struct ram_piece *machine_framebuffer(struct machine *machine,
					    struct framebuffer_mode *ret_mode,
					    uint64_t *ret_generation)
{
	struct devices *devices = &machine->devices;
	const struct framebuffer *fb =
		devices_find(devices, &framebuffer_device);

	if (!fb)
		return NULL;
	pthread_mutex_lock(&devices->lock);
	*ret_mode = fb->regs.mode;
	if (ret_generation)
		*ret_generation = fb->generation;
	pthread_mutex_unlock(&devices->lock);
	return ram_find(&machine->ram, FRAMEBUFFER_VRAM_GPA, fb->vram_bytes);
}

bool machine_framebuffer_key(struct machine *machine, uint32_t keysym,
			     bool is_down)
{
	struct devices *devices = &machine->devices;
	struct framebuffer *fb = devices_find(devices, &framebuffer_device);
	bool taken;

	if (!fb)
		return false;
	pthread_mutex_lock(&devices->lock);
	taken = framebuffer_key(fb, keysym, is_down);
	pthread_mutex_unlock(&devices->lock);
	return taken;
}

enum machine_run_state machine_run_state(struct machine *machine)
{
	enum machine_run_state state;

	pthread_mutex_lock(&machine->lock);
	state = machine->state;
	pthread_mutex_unlock(&machine->lock);
	return state;
}

const char *machine_run_state_name(enum machine_run_state state)
{
	static const char *const names[] = {
		[MACHINE_PRELAUNCH] = "prelaunch",
		[MACHINE_INMIGRATE] = "inmigrate",
		[MACHINE_RUNNING] = "running",
		[MACHINE_PAUSED] = "paused",
		[MACHINE_SAVE_VM] = "save-vm",
		[MACHINE_FINISH_MIGRATE] = "finish-migrate",
		[MACHINE_POSTMIGRATE] = "postmigrate",
		[MACHINE_SHUTDOWN] = "shutdown",
		[MACHINE_INTERNAL_ERROR] = "internal-error",
	};

	return names[state];
}

int machine_exit_fd(const struct machine *machine)
{
	return machine->exit_fd;
}

enum machine_exit_reason machine_exit_reason(struct machine *machine,
					     int *ret_status)
{
	enum machine_exit_reason reason;

	pthread_mutex_lock(&machine->lock);
	reason = machine->exit_reason;
	if (ret_status)
		*ret_status = machine->exit_status;
	pthread_mutex_unlock(&machine->lock);
	return reason;
}

/* The error is written once, before the state that makes callers ask. */
const char *machine_error(struct machine *machine)
{
	const char *message;

	pthread_mutex_lock(&machine->lock);
	message = machine->error.code ? machine->error.message : "";
	pthread_mutex_unlock(&machine->lock);
	return message;
}
