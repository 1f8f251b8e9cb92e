/* SPDX-License-Identifier: MIT */
/*
 * Lists of mappings.
 */
#include "rate/mapping.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"

static int make_room(struct rate_mappings *mappings, size_t n)
{
	size_t room = mappings->room ? mappings->room : 64;
	struct rate_mapping *list;

	if (n <= mappings->room)
		return 0;
	while (room < n)
		room *= 2;
	list = realloc(mappings->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	mappings->list = list;
	mappings->room = room;
	return 0;
}

int rate_mappings_add(struct rate_mappings *mappings,
		      const struct rate_mapping *mapping)
{
	int ret = make_room(mappings, mappings->n + 1);

	if (!ret)
		mappings->list[mappings->n++] = *mapping;
	return ret;
}

void rate_mappings_clear(struct rate_mappings *mappings)
{
	mappings->n = 0;
}

void rate_mappings_free(struct rate_mappings *mappings)
{
	free(mappings->list);
	*mappings = (struct rate_mappings){0};
}

static int compare(const struct rate_mapping *a, const struct rate_mapping *b)
{
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int by_place(const void *a, const void *b)
{
	return compare(a, b);
}

/* Equal ones stand beside each other. */
static void fold(struct rate_mappings *mappings)
{
	size_t n = 0;

	for (size_t i = 0; i < mappings->n; i++) {
		struct rate_mapping *last = &mappings->list[n ? n - 1 : 0];
		const struct rate_mapping *next = &mappings->list[i];

		if (!n || compare(last, next) != 0) {
			mappings->list[n++] = *next;
			continue;
		}
		last->pages += next->pages;
		last->size_bytes = max_u64(last->size_bytes, next->size_bytes);
	}
	mappings->n = n;
}

int rate_mappings_merge(struct rate_mappings *to,
			const struct rate_mappings *from)
{
	int ret = make_room(to, to->n + from->n);

	if (ret || !from->n)
		return ret;
	memcpy(to->list + to->n, from->list, from->n * sizeof(*from->list));
	to->n += from->n;
	qsort(to->list, to->n, sizeof(*to->list), by_place);
	fold(to);
	return 0;
}

static int by_heat(const void *a, const void *b)
{
	const struct rate_mapping *one = *(const struct rate_mapping *const *)a;
	const struct rate_mapping *two = *(const struct rate_mapping *const *)b;

	if (one->pages != two->pages)
		return one->pages > two->pages ? -1 : 1;
	return compare(one, two);
}

int rate_mappings_hot(const struct rate_mappings *mappings,
		      const struct rate_mapping ***ret_hot)
{
	const struct rate_mapping **hot =
		calloc(mappings->n + 1, sizeof(const struct rate_mapping *));
	size_t n = 0;

	if (!hot)
		return -ENOMEM;
	for (size_t i = 0; i < mappings->n; i++) {
		if (mappings->list[i].pages > 0)
			hot[n++] = &mappings->list[i];
	}
	qsort(hot, n, sizeof(const struct rate_mapping *), by_heat);
	*ret_hot = hot;
	return (int)n;
}

bool rate_mappings_has_alike(const struct rate_mappings *mappings,
			     const struct rate_mapping *mapping)
{
	for (size_t i = 0; i < mappings->n; i++) {
		if (mappings->list[i].address != mapping->address &&
		    !strcmp(mappings->list[i].name, mapping->name))
			return true;
	}
	return false;
}

size_t rate_mappings_cold(const struct rate_mappings *mappings,
			  uint64_t *ret_bytes)
{
	size_t n = 0;

	*ret_bytes = 0;
	for (size_t i = 0; i < mappings->n; i++) {
		if (mappings->list[i].pages > 0)
			continue;
		*ret_bytes += mappings->list[i].size_bytes;
		n++;
	}
	return n;
}
