/* SPDX-License-Identifier: MIT */
/*
 * The comparison of mappings and areas.
 *
 * An area is kept if its first page still is what it was. Its end then moves to
 * the end of the mappings of that object, or to the next area that is kept.
 * Everything else goes: a mapping whose beginning was cut off is another one.
 * What is wanted and in no area gets one, so memory that a mapping gained in
 * front is an area of its own, until there are too many: then they go, and one
 * area takes their place.
 *
 * An area that is busy (its region is held, or has a batch) stays as it is,
 * whatever is mapped there. Its source finds out what was replaced. Memory in
 * it has no other area meanwhile, so nothing is in two regions.
 */
#include "process/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "process/area.h"
#include "process/maps.h"
#include "process/object.h"
#include "process/tracked.h"
#include "process/wanted.h"

#define WHERE "process"

/* Areas of one object side by side, before they become one. */
#define MAX_PIECES 16

/* The group that has @address, from @*at on; both ascend. */
static const struct smi_wanted *
find_wanted(const struct smi_wanted_list *wanted, size_t *at, uint64_t address)
{
	while (*at < wanted->n && wanted->list[*at].end <= address)
		++*at;
	if (*at < wanted->n && wanted->list[*at].start <= address)
		return &wanted->list[*at];
	return NULL;
}

static bool is_still(const struct smudge_process *process,
		     const struct smi_area *area, const struct smi_wanted *w)
{
	struct smi_object object;

	if (!w || w->reason || area->attachment != process->attachment)
		return false;
	object = w->object;
	if (object.has_file)
		object.file_off += area->start - w->start;
	return smi_object_continues(&area->object, area->name, &object, w->name,
				    0);
}

/* Too many areas are in one group: none is kept. */
static void merge_pieces(struct smudge_process *process, size_t first,
			 size_t end)
{
	for (size_t i = first; i < end && end - first > MAX_PIECES; i++)
		process->areas[i]->is_kept = false;
}

static void choose(struct smudge_process *process,
		   const struct smi_wanted_list *wanted)
{
	const struct smi_wanted *last = NULL;
	size_t at = 0, first = 0;

	for (size_t i = 0; i < process->nareas; i++) {
		struct smi_area *area = process->areas[i];
		const struct smi_wanted *w =
			find_wanted(wanted, &at, area->start);

		area->is_kept = is_still(process, area, w);
		if (w != last || !w) {
			merge_pieces(process, first, i);
			first = i;
			last = w;
		}
	}
	merge_pieces(process, first, process->nareas);
}

static void remove_others(struct smudge_process *process)
{
	for (size_t i = 0; i < process->nareas;) {
		struct smi_area *area = process->areas[i];

		if (area->is_kept || smi_area_remove(process, area) < 0)
			i++;
	}
}

/* Those that are kept. One that cannot be resized stays as it is. */
static void resize_kept(struct smudge_process *process,
			const struct smi_wanted_list *wanted)
{
	size_t at = 0;

	for (size_t i = 0; i < process->nareas; i++) {
		struct smi_area *area = process->areas[i];
		const struct smi_wanted *w =
			find_wanted(wanted, &at, area->start);
		uint64_t end;

		if (!area->is_kept || !w)
			continue;
		end = w->end;
		if (i + 1 < process->nareas)
			end = min_u64(end, process->areas[i + 1]->start);
		if (end != area->end)
			smi_area_resize(process, area, end);
	}
}

/* @left has everything but the name. */
static int leave_out(struct smudge_process *process, struct smi_left_out left,
		     const char *name, struct smudge_error *err)
{
	struct smi_left_out *grown = realloc(
		process->left_out, (process->nleft_out + 1) * sizeof(*grown));

	left.name = strdup(name);
	if (grown)
		process->left_out = grown;
	if (!grown || !left.name) {
		free(left.name);
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	}
	grown[process->nleft_out++] = left;
	return 0;
}

/* A range of @w that is in no area. */
static int add_piece(struct smudge_process *process, const struct smi_wanted *w,
		     uint64_t start, uint64_t end, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smi_left_out left = {
		.start = start, .end = end, .reason = w->reason};

	if (!w->reason) {
		left.code = smi_area_add(process, w, start, end, &own);
		if (left.code == 0)
			return 0;
		if (left.code != -EEXIST && left.code != -ENOSPC)
			return smudge_error_set(err, left.code, WHERE, "%s",
						own.message);
		left.reason =
			left.code == -EEXIST
				? "another region of the memory is there"
				: "the memory has as many regions as it may";
	}
	return leave_out(process, left, w->name, err);
}

/* Areas appear in the list in front of @*at, which stays the next one. */
static int cover(struct smudge_process *process, const struct smi_wanted *w,
		 struct smudge_error *err)
{
	uint64_t at = w->start;
	int ret = 0;

	while (!ret && at < w->end) {
		const struct smi_area *next = smi_area_after(process, at);
		uint64_t end = next ? min_u64(w->end, max_u64(at, next->start))
				    : w->end;

		if (at < end)
			ret = add_piece(process, w, at, end, err);
		at = next && next->start < w->end ? next->end : w->end;
	}
	return ret;
}

void smi_process_free_left_out(struct smudge_process *process)
{
	for (size_t i = 0; i < process->nleft_out; i++)
		free(process->left_out[i].name);
	free(process->left_out);
	process->left_out = NULL;
	process->nleft_out = 0;
}

static int follow(struct smudge_process *process,
		  const struct smi_wanted_list *wanted,
		  struct smudge_error *err)
{
	int first = 0;

	choose(process, wanted);
	remove_others(process);
	resize_kept(process, wanted);
	smi_process_free_left_out(process);
	for (size_t i = 0; i < wanted->n; i++) {
		int ret = cover(process, &wanted->list[i], err);

		if (ret < 0 && first == 0)
			first = ret;
	}
	return first;
}

int smi_process_follow(struct smudge_process *process, struct smudge_error *err)
{
	struct smi_process_maps maps;
	struct smi_wanted_list wanted;
	int ret = smi_process_maps_read(process->attachment->uffd.proc, &maps,
					err);

	if (ret < 0)
		return ret;
	ret = smi_wanted_find(process, &maps, &wanted);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE, "out of memory");
	else
		ret = follow(process, &wanted, err);
	smi_wanted_free(&wanted);
	smi_process_maps_free(&maps);
	return ret;
}

void smi_process_remove_areas(struct smudge_process *process)
{
	for (size_t i = 0; i < process->nareas; i++)
		process->areas[i]->is_kept = false;
	remove_others(process);
}
