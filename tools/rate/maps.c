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

#define LINE_BYTES	4608 /* of PATH_MAX, and what is before the path */
#define GUEST_RAM_BYTES (UINT64_C(16) << 20)

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

/* Of a line that rate_maps_line took. */
static bool is_code(const char *line)
{
	return strchr(line, ' ')[3] == 'x';
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

/* Mapped from a file that is no program's data: a guest's RAM may be so. */
static bool is_named_ram(const struct rate_mapping *mapping)
{
	static const char *const begins[] = {"/memfd:", "/dev/shm/",
					     "/dev/hugepages"};

	return mapping->size_bytes >= GUEST_RAM_BYTES &&
	       text_begins_with_any(mapping->name, begins,
				    sizeof(begins) / sizeof(begins[0]));
}

/* The largest anonymous one is RAM if no named one is larger. */
static const struct rate_mapping *anonymous_ram(const struct rate_mappings *all)
{
	const struct rate_mapping *largest = NULL;
	uint64_t named_bytes = GUEST_RAM_BYTES;

	for (size_t i = 0; i < all->n; i++) {
		const struct rate_mapping *one = &all->list[i];

		if (is_named_ram(one))
			named_bytes = max_u64(named_bytes, one->size_bytes);
		else if (one->name[0] == '[' &&
			 (!largest || one->size_bytes > largest->size_bytes))
			largest = one;
	}
	return largest && largest->size_bytes >= named_bytes ? largest : NULL;
}

static void keep_guest_ram(struct rate_mappings *all)
{
	const struct rate_mapping *anonymous = anonymous_ram(all);
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct rate_mapping one = all->list[i];

		if (is_named_ram(&one) || &all->list[i] == anonymous)
			all->list[n++] = one;
	}
	all->n = n;
}

int rate_maps_read(pid_t pid, const struct rate_select *select,
		   struct rate_mappings *mappings)
{
	struct rate_mapping mapping;
	char line[LINE_BYTES];
	char name[LINE_BYTES];
	FILE *file;
	int ret = 0;

	snprintf(line, sizeof(line), "/proc/%d/maps", (int)pid);
	file = fopen(line, "re");
	if (!file)
		return -errno;
	while (!ret && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (rate_maps_line(line, &mapping, name, sizeof(name)) &&
		    has_name(select, name) && is_in_range(select, &mapping) &&
		    !(select->is_guest_ram && is_code(line)))
			ret = rate_mappings_add(mappings, &mapping);
	}
	if (!ret && ferror(file))
		ret = -EIO;
	fclose(file);
	if (!ret && select->is_guest_ram)
		keep_guest_ram(mappings);
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
