/* SPDX-License-Identifier: MIT */
/*
 * The answer has a block for each view of memory. The lines of one are
 *
 *	FlatView #2
 *	 AS "memory", root: system
 *	 Root memory region: system
 *	  0000000000100000-000000000fffffff (prio 0, ram): mem @0000000000100000
 *
 * and the last number is where in the memory the range begins, if not at 0.
 * Memory that firmware has protected is called rom. Up to machine types of QEMU
 * 3.1 the names begin with /objects/.
 */
#include "qemu/memory_map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu/machine.h"

#define VIEW	    "FlatView #"
#define SYSTEM_VIEW " AS \"memory\", root: "
#define OBJECTS	    "/objects/"
#define PAGE_BYTES  UINT64_C(4096)
#define MARK	    ", ram): "

/* The lines of the view that the processors have; or NULL. */
static const char *find_view(const char *text)
{
	const char *mark = strstr(text, "\n" SYSTEM_VIEW);

	return mark ? mark + 1 : NULL;
}

static bool is_memory(const char *kind)
{
	return strcmp(kind, "ram") == 0 || strcmp(kind, "rom") == 0;
}

static const struct qemu_backend *
find_backend(const struct qemu_machine *machine, const char *name)
{
	if (strncmp(name, OBJECTS, strlen(OBJECTS)) == 0)
		name += strlen(OBJECTS);
	for (size_t i = 0; i < machine->nbackends; i++)
		if (strcmp(machine->backends[i].id, name) == 0)
			return &machine->backends[i];
	return NULL;
}

static bool are_neighbours(const struct qemu_mapped *a,
			   const struct qemu_mapped *b)
{
	return a->gpa + a->nbytes == b->gpa &&
	       a->offset + a->nbytes == b->offset &&
	       strcmp(a->backend, b->backend) == 0;
}

/* Neighbours are one: firmware protects pages of memory. */
static int add(struct qemu_machine *machine, const struct qemu_mapped *mapped)
{
	size_t n = machine->nmapped;

	if (!n || !are_neighbours(&machine->mapped[n - 1], mapped))
		return qemu_machine_add_mapped(machine, mapped);
	machine->mapped[n - 1].nbytes += mapped->nbytes;
	return 0;
}

static bool fits(const struct qemu_mapped *mapped, uint64_t last_gpa,
		 const struct qemu_backend *backend)
{
	return last_gpa >= mapped->gpa && last_gpa < INT64_MAX &&
	       mapped->gpa % PAGE_BYTES == 0 &&
	       mapped->nbytes % PAGE_BYTES == 0 &&
	       mapped->offset % PAGE_BYTES == 0 &&
	       mapped->offset <= backend->size_bytes &&
	       mapped->nbytes <= backend->size_bytes - mapped->offset;
}

/* What is not a line of a backend is passed over. */
static int read_line(const char *line, struct qemu_machine *machine)
{
	const struct qemu_backend *backend;
	struct qemu_mapped mapped = {0};
	uint64_t last_gpa;
	char kind[16], name[128];
	int n = sscanf(line,
		       " %" SCNx64 "-%" SCNx64
		       " (prio %*d, %15[^)]): %127s @%" SCNx64,
		       &mapped.gpa, &last_gpa, kind, name, &mapped.offset);

	backend =
		n >= 4 && is_memory(kind) ? find_backend(machine, name) : NULL;
	if (!backend)
		return 0;
	mapped.nbytes = last_gpa - mapped.gpa + 1;
	mapped.backend = backend->id;
	return fits(&mapped, last_gpa, backend) ? add(machine, &mapped) : 0;
}

int qemu_memory_map_parse(const char *text, struct qemu_machine *machine)
{
	const char *line = find_view(text);
	int ret = 0;

	qemu_machine_forget_mapped(machine);
	while (!ret && line && *line &&
	       strncmp(line, VIEW, strlen(VIEW)) != 0) {
		const char *end = strchr(line, '\n');

		ret = read_line(line, machine);
		line = end ? end + 1 : NULL;
	}
	return ret;
}

static bool is_id(const char *text, const char *id)
{
	size_t length = strlen(id);

	return strncmp(text, id, length) == 0 &&
	       (text[length] == '\0' || strchr(" \r\n", text[length]));
}

/* One line, which @mark is in. */
static bool read_place(const char *text, const char *mark, uint64_t *ret_gpa,
		       uint64_t *ret_offset)
{
	const char *begin = mark;
	size_t rest = strcspn(mark, "\n");
	const char *at = memchr(mark, '@', rest);

	while (begin > text && begin[-1] != '\n')
		begin--;
	*ret_offset = at ? strtoull(at + 1, NULL, 16) : 0;
	return sscanf(begin, " %" SCNx64 "-", ret_gpa) == 1;
}

bool qemu_memory_map_find(const char *text, const char *id, uint64_t *ret_gpa,
			  uint64_t *ret_offset)
{
	const char *mark = find_view(text);

	while (mark && (mark = strstr(mark, MARK))) {
		mark += strlen(MARK);
		if (is_id(mark, id))
			return read_place(text, mark, ret_gpa, ret_offset);
	}
	return false;
}
