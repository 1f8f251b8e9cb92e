/* SPDX-License-Identifier: MIT */
/*
 * How this machine detects what its guest writes: a smudge region per RAM
 * piece, and a source for each, chosen by --dirty.
 *
 * The engine offers its ways, best first. Two belong to the host and are made
 * here: "uffd" is userfaultfd's asynchronous write protection, "hook" is a
 * source for any engine with a store hook. Nothing is tracked before a client
 * opens the memory.
 */
#include "machine/internal.h"

#include <errno.h>
#include <string.h>

#define WHERE "dirty"

static int create_uffd(struct machine *machine, size_t i,
		       struct smudge_error *err)
{
	return smudge_uffd_create(&machine->dirty.sources[i], err);
}

static int create_hook(struct machine *machine, size_t i,
		       struct smudge_error *err)
{
	return dirty_hook_create(machine, &machine->dirty.sources[i], err);
}

/* The ways of the host, which an engine offers without a source of its own. */
static const struct host_way {
	const char *name;
	int (*create)(struct machine *machine, size_t piece,
		      struct smudge_error *err);
} host_ways[] = {
	{"uffd", create_uffd},
	{"hook", create_hook},
};

static const struct host_way *find_host_way(const char *name)
{
	for (size_t i = 0; i < sizeof(host_ways) / sizeof(host_ways[0]); i++)
		if (!strcmp(host_ways[i].name, name))
			return &host_ways[i];
	return NULL;
}

static void drop_sources(struct machine *machine)
{
	struct machine_dirty *dirty = &machine->dirty;

	for (size_t i = 0; i < RAM_MAX_PIECES; i++) {
		smudge_source_destroy(dirty->sources[i]);
		dirty->sources[i] = NULL;
	}
}

static int create_sources(struct machine *machine,
			  const struct engine_dirty *way,
			  struct smudge_error *err)
{
	const struct host_way *host = find_host_way(way->name);
	int ret = 0;

	if (way->create_sources)
		return way->create_sources(machine->engine, &machine->ram,
					   machine->dirty.sources, err);
	if (!host)
		return smudge_error_set(err, -EINVAL, WHERE,
					"no source for --dirty %s", way->name);
	for (size_t i = 0; ret == 0 && i < machine->ram.npieces; i++)
		ret = host->create(machine, i, err);
	return ret;
}

static int attach_way(struct machine *machine, const struct engine_dirty *way,
		      struct smudge_error *err)
{
	int ret = create_sources(machine, way, err);

	for (size_t i = 0; ret == 0 && i < machine->ram.npieces; i++)
		ret = smudge_region_attach(machine->ram.pieces[i].region,
					   machine->dirty.sources[i], 0, 0,
					   err);
	if (ret < 0) {
		drop_sources(machine);
		return ret;
	}
	machine->dirty.name = way->name;
	return 0;
}

/*
 * True when the kernel lacks the mechanism, forbids it, or does not report
 * what was written: then another may work. Any other failure (no memory, no
 * descriptor, an unexpected errno) says nothing about the mechanism, and a
 * worse one would hide it.
 */
static bool is_absent(int code)
{
	return code == -ENOSYS || code == -EOPNOTSUPP || code == -EPERM ||
	       code == -EIO;
}

/*
 * Attach the best way that works. If none does, the error is the best one's.
 */
static int attach_auto(struct machine *machine, struct smudge_error *err)
{
	const struct engine_ops *ops = machine->ops;
	struct smudge_error first = SMUDGE_ERROR_INIT;

	for (size_t i = 0; i < ops->ndirty; i++) {
		struct smudge_error why = SMUDGE_ERROR_INIT;

		if (ops->dirty[i].prepare)
			continue;
		if (attach_way(machine, &ops->dirty[i], &why) == 0)
			return 0;
		if (!is_absent(why.code))
			return smudge_error_set(err, why.code, WHERE, "%s",
						why.message);
		if (!first.code)
			first = why;
	}
	return smudge_error_set(err, first.code, WHERE, "%s", first.message);
}

static int attach_kind(struct machine *machine, const char *kind,
		       struct smudge_error *err)
{
	const struct engine_dirty *way = engine_dirty_find(machine->ops, kind);

	if (!strcmp(kind, "auto"))
		return attach_auto(machine, err);
	if (way)
		return attach_way(machine, way, err);
	if (engine_that_offers(kind))
		return smudge_error_set(err, -EINVAL, WHERE,
					"--dirty %s needs the engine %s, and "
					"this machine runs on %s",
					kind, engine_that_offers(kind),
					machine->ops->name);
	return smudge_error_set(err, -EINVAL, WHERE,
				"no engine of this build offers --dirty "
				"%.40s",
				kind);
}

static int add_regions(struct machine *machine, struct smudge_error *err)
{
	int ret = smudge_memory_create(&machine->dirty.memory);

	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"no memory to track the RAM");
	for (size_t i = 0; ret == 0 && i < machine->ram.npieces; i++) {
		struct ram_piece *piece = &machine->ram.pieces[i];
		struct smudge_region_options options = {
			.size = sizeof(options),
			.name = piece->name,
			.hva = piece->hva,
			.gpa = piece->gpa,
			.size_bytes = piece->size_bytes,
			.page_shift = RAM_PAGE_SHIFT,
		};

		ret = smudge_region_add(machine->dirty.memory, &options,
					&piece->region, err);
	}
	return ret;
}

int machine_dirty_attach(struct machine *machine, const char *kind,
			 struct smudge_error *err)
{
	int ret = add_regions(machine, err);

	if (ret == 0)
		ret = attach_kind(machine, kind, err);
	if (ret < 0)
		machine_dirty_detach(machine);
	return ret;
}

void machine_dirty_detach(struct machine *machine)
{
	drop_sources(machine);
	if (machine->dirty.memory)
		smudge_memory_destroy(machine->dirty.memory, NULL);
	machine->dirty.memory = NULL;
}
