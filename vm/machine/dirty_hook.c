/* SPDX-License-Identifier: MIT */
/*
 * A smudge source fed by an engine's store hook, for kernels without WP_ASYNC.
 * The hook marks what the guest writes, so there is nothing to harvest or to
 * re-arm.
 *
 * The hook slows every store down, so it is installed only while a client
 * watches; start and stop take the vCPUs out of the guest for a moment. The
 * engine reports a store once it is in memory, and at the latest when the vCPU
 * leaves the guest: a paused machine has no unreported store.
 */
#include "machine/internal.h"

#include <errno.h>
#include <stdlib.h>

static void wrote(void *opaque, uint64_t gpa, uint32_t len_bytes)
{
	struct machine *machine = opaque;

	smudge_memory_mark_gpa(machine->dirty.memory, gpa, len_bytes);
}

/* One hook serves all regions: the first start installs it. */
static int start(void *opaque, const struct smudge_source_range *range,
		 struct smudge_error *err)
{
	struct machine *machine = opaque;
	const struct engine_write_hook hook = {.opaque = machine,
					       .wrote = wrote};
	int ret = 0;

	machine_quiesce(machine);
	if (machine->dirty.hook_users == 0)
		ret = machine->ops->set_write_hook(machine->engine, &hook, err);
	if (ret == 0)
		machine->dirty.hook_users++;
	machine_unquiesce(machine);
	return ret;
}

static void stop(void *opaque)
{
	struct machine *machine = opaque;

	machine_quiesce(machine);
	if (--machine->dirty.hook_users == 0)
		machine->ops->set_write_hook(machine->engine, NULL, NULL);
	machine_unquiesce(machine);
}

static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *err)
{
	return 0;
}

int dirty_hook_create(struct machine *machine,
		      struct smudge_source **ret_source,
		      struct smudge_error *err)
{
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "hook",
		.start = start,
		.stop = stop,
		.harvest = harvest,
		.look = harvest, /* the hook has marked everything already */
	};

	return smudge_source_create(&ops, machine, ret_source, err);
}
