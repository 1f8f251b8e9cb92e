/* SPDX-License-Identifier: MIT */
/*
 * Lines such as
 *
 *	7f1c2a400000-7f1c2a428000 r-xp 00028000 fe:01 12345   /usr/lib/libc.so.6
 */
#include "core/maps.h"

#include <smudge/error.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME "core"

static char *skip_blanks(char *at)
{
	return at + strspn(at, " ");
}

/* A hexadecimal or decimal number, and the letter behind it. */
static char *number(char *at, int base, char behind, uint64_t *ret_number)
{
	char *end;

	if (!at || strspn(at, "0123456789abcdef") == 0)
		return NULL;
	errno = 0;
	*ret_number = strtoull(at, &end, base);
	if (errno || (*end != behind && *end))
		return NULL;
	return *end ? end + 1 : end;
}

static char *flags(char *at, struct core_map *map)
{
	if (!at || strnlen(at, 5) < 5 || at[4] != ' ')
		return NULL;
	map->is_readable = at[0] == 'r';
	map->is_writable = at[1] == 'w';
	map->is_executable = at[2] == 'x';
	map->is_shared = at[3] == 's';
	return at + 5;
}

/* The kernel writes a line break in a path as \012. */
static char *unescape(char *name)
{
	char *to = name;

	for (const char *from = name; *from; to++) {
		bool is_break = strncmp(from, "\\012", 4) == 0;

		*to = is_break ? '\n' : *from;
		from += is_break ? 4 : 1;
	}
	*to = '\0';
	return name;
}

static bool parse_line(char *line, struct core_map *map)
{
	uint64_t ignored;
	char *at = number(line, 16, '-', &map->first_address);

	at = number(at, 16, ' ', &map->end_address);
	at = flags(at, map);
	at = number(at, 16, ' ', &map->file_off);
	at = number(at, 16, ':', &ignored);
	at = number(at, 16, ' ', &ignored);
	at = number(at, 10, ' ', &map->inode);
	if (!at)
		return false;
	map->name = unescape(skip_blanks(at));
	return map->first_address < map->end_address;
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int parse(struct core_maps *maps)
{
	uint64_t end_address = 0;
	char *rest = maps->text;
	char *line;

	while ((line = strsep(&rest, "\n"))) {
		struct core_map *map = &maps->list[maps->n];

		if (!*line)
			continue;
		if (!parse_line(line, map) || map->first_address < end_address)
			return -EBADMSG;
		end_address = map->end_address;
		maps->n++;
	}
	return 0;
}

int core_maps_parse(const void *text, size_t length, struct core_maps *ret_maps,
		    struct smudge_error *err)
{
	struct core_maps maps = {.text = strndup(text, length)};
	int ret = -ENOMEM;

	if (maps.text)
		maps.list = calloc(count_lines(maps.text), sizeof(*maps.list));
	if (maps.list)
		ret = parse(&maps);
	if (!ret) {
		*ret_maps = maps;
		return 0;
	}
	core_maps_free(&maps);
	return smudge_error_set(err, ret, NAME,
				ret == -ENOMEM ? "out of memory"
					       : "the list of mappings is "
						 "damaged");
}

void core_maps_free(struct core_maps *maps)
{
	free(maps->list);
	free(maps->text);
	*maps = (struct core_maps){0};
}

bool core_map_has_file(const struct core_map *map)
{
	return map->inode && map->name[0] == '/';
}
