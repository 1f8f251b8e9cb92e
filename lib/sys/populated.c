/* SPDX-License-Identifier: MIT */
/*
 * Mapping by mapping:
 *
 *   private anonymous   what the page table holds
 *   shared, of a file   what the file has
 *   private, of a file  both
 *
 * A hole between mappings, or what cannot be known, counts as populated.
 */
#include "sys/populated.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/range.h"

int smi_sys_populated_open(struct smi_sys_populated *populated)
{
	int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	int ret;

	*populated = (struct smi_sys_populated){.maps = maps < 0 ? -1 : maps};
	ret = smi_sys_held_open(&populated->held);
	smi_sys_content_open(&populated->content);
	if (ret == 0)
		ret = smi_sys_awaited_open(&populated->awaited);
	else
		populated->awaited.uffd = -1;
	if (ret < 0)
		smi_sys_populated_close(populated);
	return ret;
}

void smi_sys_populated_close(struct smi_sys_populated *populated)
{
	if (populated->maps >= 0)
		close(populated->maps);
	smi_sys_held_close(&populated->held);
	smi_sys_content_close(&populated->content);
	smi_sys_awaited_close(&populated->awaited);
	populated->maps = -1;
}

struct wanted {
	uint64_t at;
	struct smi_sys_mapping *m;
};

static int keep_if_wanted(void *opaque, const struct smi_sys_mapping *m)
{
	const struct wanted *wanted = opaque;

	if (m->end <= wanted->at)
		return 0;
	*wanted->m = *m;
	return 1;
}

/* The whole mapping at @at; false: there is none, or it is unknown. */
static bool find_mapping(const struct smi_sys_populated *populated, uint64_t at,
			 struct smi_sys_mapping *m)
{
	struct wanted wanted = {at, m};
	int ret = -EBADF;

	if (populated->maps >= 0)
		ret = smi_sys_maps_query(populated->maps, at, m);
	if (ret < 0 && ret != -ENOENT)
		ret = smi_sys_maps_each(0, UINT64_MAX, keep_if_wanted,
					&wanted) == 1
			      ? 0
			      : -ENOENT;
	return ret == 0 && m->start <= at;
}

static bool all(uint64_t start, uint64_t end, struct smi_sys_page_run *ret_run)
{
	*ret_run = (struct smi_sys_page_run){start, end, 0};
	return true;
}

/* A private page of its own, or the file's: what comes first. */
static bool next_of_both(struct smi_sys_populated *populated,
			 const struct smi_sys_mapping *m, uint64_t start,
			 uint64_t end, struct smi_sys_page_run *ret_run)
{
	struct smi_sys_page_run of_file;
	bool is_held = smi_sys_held_next(&populated->held, start, end, ret_run);

	if (is_held)
		end = ret_run->start;
	if (start < end && smi_sys_content_next(&populated->content, m, start,
						end, &of_file)) {
		*ret_run = of_file;
		return true;
	}
	return is_held;
}

/* [start, end) lies in @m. */
static bool next_in_mapping(struct smi_sys_populated *populated,
			    const struct smi_sys_mapping *m, uint64_t start,
			    uint64_t end, struct smi_sys_page_run *ret_run)
{
	enum smi_sys_content_kind kind = SMI_SYS_CONTENT_NONE;

	if (m->has_file)
		kind = smi_sys_content_find(&populated->content, m);
	if (kind == SMI_SYS_CONTENT_UNKNOWN)
		return all(start, end, ret_run);
	if (m->is_shared)
		return kind == SMI_SYS_CONTENT_SOUGHT &&
		       smi_sys_content_next(&populated->content, m, start, end,
					    ret_run);
	if (kind == SMI_SYS_CONTENT_NONE)
		return smi_sys_held_next(&populated->held, start, end, ret_run);
	return next_of_both(populated, m, start, end, ret_run);
}

/* [start, end) lies in @m. */
static bool next_unless_awaited(struct smi_sys_populated *populated,
				const struct smi_sys_mapping *m, uint64_t start,
				uint64_t end, struct smi_sys_page_run *ret_run)
{
	while (start < end) {
		uint64_t part_end = end;

		if (smi_sys_awaited_is(&populated->awaited, start, &part_end))
			return all(start, part_end, ret_run);
		if (next_in_mapping(populated, m, start, part_end, ret_run))
			return true;
		start = part_end;
	}
	return false;
}

typedef bool next_fn(struct smi_sys_populated *populated,
		     const struct smi_sys_mapping *m, uint64_t start,
		     uint64_t end, struct smi_sys_page_run *ret_run);

static bool next_of_mappings(struct smi_sys_populated *populated, next_fn *next,
			     uint64_t start, uint64_t end,
			     struct smi_sys_page_run *ret_run)
{
	struct smi_sys_mapping m;

	for (; start < end; start = m.end) {
		if (!find_mapping(populated, start, &m))
			return all(start, end, ret_run);
		if (next(populated, &m, start, min_u64(m.end, end), ret_run))
			return true;
	}
	return false;
}

bool smi_sys_populated_next(struct smi_sys_populated *populated, uint64_t start,
			    uint64_t end, struct smi_sys_page_run *ret_run)
{
	return next_of_mappings(populated, next_unless_awaited, start, end,
				ret_run);
}

bool smi_sys_populated_next_brought(struct smi_sys_populated *populated,
				    uint64_t start, uint64_t end,
				    struct smi_sys_page_run *ret_run)
{
	return next_of_mappings(populated, next_in_mapping, start, end,
				ret_run);
}
