/* SPDX-License-Identifier: MIT */
/*
 * What a core file is made of.
 *
 * Of a private mapping of a file that may not be written, the layer has only
 * the pages that the process has changed (relocations, above all). The others
 * are zeros in it, and have no content in the core, so that a debugger takes
 * them from the file.
 */
#include "layers/core.h"

#include <errno.h>
#include <stdlib.h>

#include "common/range.h"

#define NAME "layers"

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

static int damaged(struct smudge_error *err)
{
	return smudge_error_set(err, -EBADMSG, NAME,
				"the layer's blobs of the process are damaged");
}

int layers_core_blob(const struct layers_core *core, const char *name,
		     const void **ret_bytes, size_t *ret_length,
		     struct smudge_error *err)
{
	if (!smudge_chain_blob(core->chain, name, 0, ret_bytes, ret_length,
			       NULL))
		return 0;
	return smudge_error_set(err, -ENODATA, NAME,
				"the layer is not one of a process, made by "
				"smudge checkpoint --pid: it has no blob '%s'",
				name);
}

static int read_blobs(struct layers_core *core, struct smudge_error *err)
{
	const void *bytes;
	size_t length;
	int ret = layers_core_blob(core, "process-maps", &bytes, &length, err);

	if (!ret)
		ret = core_maps_parse(bytes, length, &core->maps, err);
	if (!ret)
		ret = layers_core_blob(core, "process", &bytes, &length, err);
	if (ret)
		return ret;
	core->process = json_loadb(bytes, length, 0, NULL);
	return json_is_object(core->process) ? 0 : damaged(err);
}

static int add_region(struct layers_core *core,
		      const struct core_region *region,
		      struct smudge_error *err)
{
	size_t room = core->room ? 2 * core->room : 256;
	void *regions;

	if (core->nregions == core->room) {
		regions = realloc(core->regions, room * sizeof(*core->regions));
		if (!regions)
			return no_memory(err);
		core->regions = regions;
		core->room = room;
	}
	core->regions[core->nregions++] = *region;
	return 0;
}

/* What the process has changed of a part of a region. */
static int add_changed(struct layers_core *core, const struct core_region *part,
		       unsigned int shift, struct smudge_error *err)
{
	uint64_t at = part->off >> shift;
	uint64_t end = (part->off + part->nbytes) >> shift;
	struct smudge_run run;
	int ret;

	while ((ret = smudge_chain_next_data(core->chain, part->id, at, end,
					     &run, err)) > 0) {
		const struct core_region changed = {
			.first_address = part->first_address - part->off +
					 (run.first_page << shift),
			.nbytes = run.npages << shift,
			.id = part->id,
			.off = run.first_page << shift,
		};

		ret = add_region(core, &changed, err);
		if (ret)
			return ret;
		at = run.first_page + run.npages;
	}
	return ret;
}

/* The part of a region that a mapping has. */
static int add_part(struct layers_core *core, const struct core_map *map,
		    size_t id, const struct smudge_layer_region *region,
		    struct smudge_error *err)
{
	uint64_t first = max_u64(map->first_address, region->gpa);
	uint64_t end = min_u64(map->end_address,
			       range_end(region->gpa, region->size_bytes));
	uint64_t page_bytes = UINT64_C(1) << region->page_shift;
	const struct core_region part = {
		.first_address = first,
		.nbytes = end - first,
		.id = id,
		.off = first - region->gpa,
	};

	if (first >= end)
		return 0;
	if (part.off % page_bytes || part.nbytes % page_bytes)
		return damaged(err);
	if (core_map_has_file(map) && !map->is_writable && !map->is_shared)
		return add_changed(core, &part, region->page_shift, err);
	return add_region(core, &part, err);
}

/* Both are in ascending order, and a region may be in several mappings. */
static int add_regions(struct layers_core *core, struct smudge_error *err)
{
	size_t nregions = smudge_chain_nregions(core->chain);
	size_t first_map = 0;
	int ret = 0;

	for (size_t id = 0; id < nregions && !ret; id++) {
		struct smudge_layer_region region = {.size = sizeof(region)};
		uint64_t end;

		(void)smudge_chain_region(core->chain, id, &region);
		end = range_end(region.gpa, region.size_bytes);
		while (first_map < core->maps.n &&
		       core->maps.list[first_map].end_address <= region.gpa)
			first_map++;
		for (size_t i = first_map;
		     i < core->maps.n && !ret &&
		     core->maps.list[i].first_address < end;
		     i++)
			ret = add_part(core, &core->maps.list[i], id, &region,
				       err);
	}
	return ret;
}

static int make_layout(struct layers_core *core, struct smudge_error *err)
{
	json_t *machine = json_object_get(core->process, "machine");
	const void *notes, *vdso = NULL;
	size_t notes_bytes, vdso_bytes = 0;
	int ret =
		layers_core_blob(core, "core-notes", &notes, &notes_bytes, err);

	if (!ret)
		ret = add_regions(core, err);
	if (ret)
		return ret;
	(void)smudge_chain_blob(core->chain, "process-vdso", 0, &vdso,
				&vdso_bytes, NULL);
	ret = core_segments(&core->maps, core->regions, core->nregions,
			    vdso_bytes, &core->layout);
	if (!ret)
		ret = core_layout_head(&core->layout,
				       (uint16_t)json_integer_value(machine),
				       notes, notes_bytes);
	if (ret == -EFBIG)
		return smudge_error_set(err, ret, NAME,
					"the process has too much memory for "
					"a file");
	return ret ? no_memory(err) : 0;
}

int layers_core_make(struct smudge_chain *chain, struct layers_core *core,
		     struct smudge_error *err)
{
	int ret;

	*core = (struct layers_core){.chain = chain};
	ret = read_blobs(core, err);
	return ret ? ret : make_layout(core, err);
}

void layers_core_free(struct layers_core *core)
{
	core_layout_free(&core->layout);
	core_maps_free(&core->maps);
	free(core->regions);
	json_decref(core->process);
}
