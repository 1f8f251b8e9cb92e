/* SPDX-License-Identifier: MIT */
/*
 * Notes, field by field.
 */
#include "core/notes.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "common/little_endian.h"

#define ALIGN		4
#define FIRST_ROOM	16384
#define FILE_PAGE_BYTES 4096 /* the unit of offsets in NT_FILE */

#define STATUS_REGISTERS_OFF 112 /* struct elf_prstatus */
#define INFO_BYTES	     136 /* struct elf_prpsinfo */
#define INFO_NAME_BYTES	     16
#define INFO_ARGUMENTS_BYTES 80

void core_notes_free(struct core_notes *notes)
{
	free(notes->bytes);
	*notes = (struct core_notes){0};
}

/* Room for more bytes, as zeros; NULL: out of memory, also from now on. */
static uint8_t *extend(struct core_notes *notes, size_t length)
{
	size_t room = notes->room ? notes->room : FIRST_ROOM;
	uint8_t *bytes = notes->bytes;

	while (room - notes->length < length)
		room *= 2;
	if (room != notes->room)
		bytes = realloc(notes->bytes, room);
	if (!bytes || notes->is_out_of_memory) {
		notes->is_out_of_memory = true;
		return NULL;
	}
	notes->bytes = bytes;
	notes->room = room;
	bytes += notes->length;
	memset(bytes, 0, length);
	notes->length += length;
	return bytes;
}

static size_t align(size_t length)
{
	return (length + ALIGN - 1) / ALIGN * ALIGN;
}

/* A note without its content yet: where that belongs, or NULL. */
static uint8_t *begin(struct core_notes *notes, const char *owner,
		      uint32_t type, size_t length)
{
	size_t owner_bytes = strlen(owner) + 1;
	uint8_t *head = extend(notes, 12 + align(owner_bytes) + align(length));

	if (!head)
		return NULL;
	little_endian_put(head, owner_bytes, 4);
	little_endian_put(head + 4, length, 4);
	little_endian_put(head + 8, type, 4);
	memcpy(head + 12, owner, owner_bytes);
	return head + 12 + align(owner_bytes);
}

void core_notes_add(struct core_notes *notes, const char *owner, uint32_t type,
		    const void *content, size_t length)
{
	uint8_t *to = begin(notes, owner, type, length);

	if (to && length)
		memcpy(to, content, length);
}

void core_notes_add_process(struct core_notes *notes,
			    const struct core_process *process)
{
	static const char letters[] = "RSDTZW";
	const char *found = strchr(letters, process->state);
	uint8_t *to = begin(notes, "CORE", NT_PRPSINFO, INFO_BYTES);

	if (!to)
		return;
	to[0] = found && *found ? (uint8_t)(found - letters) : 0;
	to[1] = (uint8_t)process->state;
	to[2] = process->state == 'Z';
	to[3] = (uint8_t)process->nice;
	little_endian_put(to + 8, process->flags, 8);
	little_endian_put(to + 16, process->uid, 4);
	little_endian_put(to + 20, process->gid, 4);
	little_endian_put(to + 24, process->pid, 4);
	little_endian_put(to + 28, process->parent, 4);
	little_endian_put(to + 32, process->group, 4);
	little_endian_put(to + 36, process->session, 4);
	memcpy(to + 40, process->name,
	       strnlen(process->name, INFO_NAME_BYTES - 1));
	memcpy(to + 56, process->arguments,
	       strnlen(process->arguments, INFO_ARGUMENTS_BYTES - 1));
}

/* Behind the registers is a word that says whether NT_FPREGSET follows. */
void core_notes_add_thread(struct core_notes *notes,
			   const struct core_process *process,
			   const struct core_thread *thread)
{
	size_t registers_end = STATUS_REGISTERS_OFF + thread->general_bytes;
	uint8_t *to = begin(notes, "CORE", NT_PRSTATUS, registers_end + 8);

	if (!to)
		return;
	little_endian_put(to + 16, thread->pending_signals, 8);
	little_endian_put(to + 24, thread->blocked_signals, 8);
	little_endian_put(to + 32, thread->tid, 4);
	little_endian_put(to + 36, process->parent, 4);
	little_endian_put(to + 40, process->group, 4);
	little_endian_put(to + 44, process->session, 4);
	memcpy(to + STATUS_REGISTERS_OFF, thread->general,
	       thread->general_bytes);
	little_endian_put(to + registers_end, thread->has_fpu, 4);
}

void core_notes_add_files(struct core_notes *notes,
			  const struct core_maps *maps)
{
	size_t n = 0, name_bytes = 0;
	uint8_t *to, *names;

	for (size_t i = 0; i < maps->n; i++) {
		if (!core_map_has_file(&maps->list[i]))
			continue;
		n++;
		name_bytes += strlen(maps->list[i].name) + 1;
	}
	to = begin(notes, "CORE", NT_FILE, 16 + 24 * n + name_bytes);
	if (!to)
		return;
	little_endian_put(to, n, 8);
	little_endian_put(to + 8, FILE_PAGE_BYTES, 8);
	names = to + 16 + 24 * n;
	to += 16;
	for (size_t i = 0; i < maps->n; i++) {
		const struct core_map *map = &maps->list[i];

		if (!core_map_has_file(map))
			continue;
		little_endian_put(to, map->first_address, 8);
		little_endian_put(to + 8, map->end_address, 8);
		little_endian_put(to + 16, map->file_off / FILE_PAGE_BYTES, 8);
		to += 24;
		names = (uint8_t *)stpcpy((char *)names, map->name) + 1;
	}
}
