/* SPDX-License-Identifier: MIT */
/*
 * Mappings, by /proc/PID/maps.
 */
#include "rate/maps.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "common/text.h"
#include "rate/guest_ram.h"

#define LINE_BYTES 4608 /* of PATH_MAX, and what is before the path */

static const char deleted[] = " (deleted)";

/* Memory of devices is not the process's. */
static bool is_device(const char *name)
{
	return text_begins(name, "/dev/") && !text_begins(name, "/dev/shm/") &&
	       !text_begins(name, "/dev/zero") &&
	       !text_begins(name, "/dev/hugepages");
}

/* A name as the kernel prints it, without " (deleted)" at its end. */
static void without_deleted(char bare[LINE_BYTES], const char *name)
{
	size_t tail = sizeof(deleted) - 1;
	size_t len;

	snprintf(bare, LINE_BYTES, "%s", name);
	len = strlen(bare);
	if (len > tail && strcmp(bare + len - tail, deleted) == 0)
		bare[len - tail] = '\0';
}

void rate_maps_name(char name[RATE_NAME_BYTES], const char *from)
{
	char bare[LINE_BYTES];

	without_deleted(bare, from);
	rate_name_copy(name, *bare ? bare : "[anon]");
}

bool rate_maps_line(const char *line, struct rate_mapping *mapping, char *name,
		    size_t size)
{
	uint64_t first;
	uint64_t end;
	char rights[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &first,
		   &end, rights, &at) != 3 ||
	    !at || rights[1] != 'w' || end <= first)
		return false;
	snprintf(name, size, "%s", line + at);
	if (is_device(name))
		return false;
	*mapping = (struct rate_mapping){.address = first,
					 .size_bytes = end - first};
	rate_maps_name(mapping->name, name);
	return true;
}

static bool is_in_range(const struct rate_select *select,
			const struct rate_mapping *mapping)
{
	return !select->end_address ||
	       (mapping->address < select->end_address &&
		mapping->address + mapping->size_bytes > select->first_address);
}

static bool has_name(const struct rate_select *select, const char *name)
{
	char bare[LINE_BYTES];

	if (!select->pattern || strcmp(select->pattern, name) == 0 ||
	    fnmatch(select->pattern, name, 0) == 0)
		return true;
	without_deleted(bare, name);
	return fnmatch(select->pattern, bare, 0) == 0;
}

/* What is read of the file so far. */
struct reading {
	const struct rate_select *select;
	struct rate_mappings *mappings;
	struct rate_ram_ranges ram;
	uint64_t end; /* of the last mapping */
};

/*
 * The kernel writes the file piece by piece. A mapping that was divided and is
 * one again meanwhile is there twice: its beginning, and then all of it.
 * Return: false: all of it is known.
 */
static bool cut_front(struct reading *reading, struct rate_mapping *mapping)
{
	uint64_t end = mapping->address + mapping->size_bytes;
	uint64_t start = max_u64(mapping->address, reading->end);

	if (start >= end)
		return false;
	mapping->address = start;
	mapping->size_bytes = end - start;
	reading->end = end;
	return true;
}

static int take_line(struct reading *reading, const char *line)
{
	const struct rate_select *select = reading->select;
	struct rate_mapping mapping;
	char name[LINE_BYTES];
	int ret;

	if (!rate_maps_line(line, &mapping, name, sizeof(name)) ||
	    !cut_front(reading, &mapping) || !has_name(select, name) ||
	    !is_in_range(select, &mapping))
		return 0;
	ret = rate_mappings_add(reading->mappings, &mapping);
	if (!ret && select->is_guest_ram)
		ret = rate_guest_ram_add(&reading->ram, line, &mapping);
	return ret;
}

int rate_maps_read(pid_t pid, const struct rate_select *select,
		   struct rate_mappings *mappings)
{
	struct reading reading = {.select = select, .mappings = mappings};
	char line[LINE_BYTES];
	FILE *file;
	int ret = 0;

	snprintf(line, sizeof(line), "/proc/%d/maps", (int)pid);
	file = fopen(line, "re");
	if (!file)
		return -errno;
	while (!ret && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		ret = take_line(&reading, line);
	}
	if (!ret && ferror(file))
		ret = -EIO;
	fclose(file);
	if (!ret && select->is_guest_ram)
		rate_guest_ram_keep(&reading.ram, mappings);
	rate_guest_ram_free(&reading.ram);
	return ret;
}

static int by_address(const void *key, const void *element)
{
	uint64_t address = *(const uint64_t *)key;
	const struct rate_mapping *mapping = element;

	if (address != mapping->address)
		return address < mapping->address ? -1 : 1;
	return 0;
}

void rate_maps_rename(pid_t pid, struct rate_mappings *mappings)
{
	const struct rate_select all = {0};
	struct rate_mappings now = {0};
	int ret = rate_maps_read(pid, &all, &now);

	for (size_t i = 0; i < mappings->n && !ret && now.n; i++) {
		struct rate_mapping *mapping = &mappings->list[i];
		const struct rate_mapping *same =
			bsearch(&mapping->address, now.list, now.n,
				sizeof(*now.list), by_address);

		if (same)
			strcpy(mapping->name, same->name);
	}
	rate_mappings_free(&now);
}

int rate_maps_guest_ram(pid_t pid)
{
	const struct rate_select wanted = {.is_guest_ram = true};
	struct rate_mappings found = {0};
	int ret = rate_maps_read(pid, &wanted, &found);

	ret = ret ? ret : (int)found.n;
	rate_mappings_free(&found);
	return ret;
}
