/* SPDX-License-Identifier: MIT */
/*
 * Grouping the mappings by object, and selecting groups.
 */
#include "process/wanted.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "common/text.h"
#include "process/apart.h"
#include "process/object.h"
#include "process/special.h"
#include "process/tracked.h"
#include "process/unwritable.h"

/* Smaller ones are not taken for a guest's memory. */
#define GUEST_MIN_BYTES (UINT64_C(16) << 20)

#define DELETED " (deleted)"

/*
 * Is @m more of what @w is? What is too large to be tracked must not take its
 * neighbours with it.
 */
static bool continues(const struct smudge_process *process,
		      const struct smi_wanted *w,
		      const struct smi_process_mapping *m)
{
	struct smi_object object = smi_object_of(m);

	if (w->end != m->start ||
	    !smi_object_continues(&w->object, w->name, &object, m->name,
				  m->start - w->start))
		return false;
	if (process->select != SMUDGE_PROCESS_GUEST_RAM)
		return !smi_special_is_too_large(m->end - w->start);
	/* an emulator's translated code may lie beside its guest's memory */
	return m->has_file || w->is_executable == m->is_executable ||
	       smi_is_tracked(process, m->start, &object, m->name);
}

/*
 * Notes @m if it may be a guest's memory. Beside that there may be what is not:
 * the kernel puts a thread's stack or malloc's memory right before it. What is
 * tracked stays, however small the mappings become that it is cut into.
 */
static void note_ram(const struct smudge_process *process, struct smi_wanted *w,
		     const struct smi_process_mapping *m)
{
	struct smi_object object = smi_object_of(m);

	if (m->end - m->start < GUEST_MIN_BYTES &&
	    !smi_is_tracked(process, m->start, &object, m->name))
		return;
	if (!w->ram_end)
		w->ram_start = m->start;
	w->ram_end = m->end;
}

static void add_mapping(const struct smudge_process *process,
			struct smi_wanted_list *wanted,
			const struct smi_process_mapping *m)
{
	struct smi_wanted *w = wanted->n ? &wanted->list[wanted->n - 1] : NULL;
	bool is_apart = smi_is_apart(process, m);

	if (w && w->is_apart == is_apart && continues(process, w, m)) {
		w->end = m->end;
		w->is_executable |= m->is_executable;
	} else {
		w = &wanted->list[wanted->n++];
		*w = (struct smi_wanted){.start = m->start,
					 .end = m->end,
					 .object = smi_object_of(m),
					 .is_executable = m->is_executable,
					 .is_apart = is_apart,
					 .name = m->name};
	}
	if (process->select == SMUDGE_PROCESS_GUEST_RAM && !m->has_file)
		note_ram(process, w, m);
}

static bool matches(const char *pattern, const char *name)
{
	size_t length = strlen(name), tail = strlen(DELETED);
	char *cut;
	bool found;

	if (strcmp(pattern, name) == 0 || fnmatch(pattern, name, 0) == 0)
		return true;
	if (length < tail || strcmp(name + length - tail, DELETED) != 0)
		return false;
	cut = strndup(name, length - tail);
	found = cut && fnmatch(pattern, cut, 0) == 0;
	free(cut);
	return found;
}

static uint64_t bytes_of(const struct smi_wanted *w)
{
	return w->end - w->start;
}

/* Does it look like a file that is a guest's memory? */
static bool is_guest_file(const struct smi_wanted *w)
{
	static const char *const names[] = {
		"/memfd:", "/dev/shm/", "/dev/hugepages/", "/anon_hugepage"};

	if (!w->object.has_file || bytes_of(w) < GUEST_MIN_BYTES)
		return false;
	return w->object.is_shared ||
	       text_begins_with_any(w->name, names,
				    sizeof(names) / sizeof(names[0]));
}

/* What was selected once stays so, whatever it became or else grew. */
static bool is_tracked(const struct smudge_process *process,
		       const struct smi_wanted *w)
{
	return smi_is_tracked(process, w->start, &w->object, w->name);
}

/* An emulator's translated code may be larger than its guest's memory. */
static bool is_guest_anonymous(const struct smudge_process *process,
			       const struct smi_wanted *w)
{
	return !w->object.has_file && !w->object.is_shared && !w->reason &&
	       (!w->is_executable || is_tracked(process, w));
}

/* How large the largest are, of files and without a file. */
struct largest {
	uint64_t file_bytes, anonymous_bytes;
};

static struct largest find_largest(const struct smudge_process *process,
				   const struct smi_wanted_list *wanted)
{
	struct largest largest = {0, 0};

	for (size_t i = 0; i < wanted->n; i++) {
		const struct smi_wanted *w = &wanted->list[i];

		if (is_guest_file(w))
			largest.file_bytes =
				max_u64(largest.file_bytes, bytes_of(w));
		else if (is_guest_anonymous(process, w))
			largest.anonymous_bytes =
				max_u64(largest.anonymous_bytes, bytes_of(w));
	}
	return largest;
}

static void cut_to_ram(struct smi_wanted *w)
{
	if (!w->ram_end)
		return;
	w->start = w->ram_start;
	w->end = w->ram_end;
}

static bool is_guest_ram(const struct smudge_process *process,
			 const struct smi_wanted *w,
			 const struct largest *largest)
{
	if (is_guest_file(w))
		return true;
	return is_guest_anonymous(process, w) &&
	       bytes_of(w) == largest->anonymous_bytes &&
	       bytes_of(w) >= largest->file_bytes;
}

static bool is_selected(const struct smudge_process *process,
			const struct smi_wanted *w,
			const struct largest *largest)
{
	switch (process->select) {
	case SMUDGE_PROCESS_NAMED:
		return matches(process->pattern, w->name);
	case SMUDGE_PROCESS_RANGE:
		return w->start < process->end_address &&
		       process->first_address < w->end;
	case SMUDGE_PROCESS_GUEST_RAM:
		return is_guest_ram(process, w, largest) ||
		       is_tracked(process, w);
	default:
		return true;
	}
}

static void select_groups(const struct smudge_process *process,
			  struct smi_wanted_list *wanted)
{
	struct largest largest = find_largest(process, wanted);
	size_t n = 0;

	for (size_t i = 0; i < wanted->n; i++) {
		if (is_selected(process, &wanted->list[i], &largest))
			wanted->list[n++] = wanted->list[i];
	}
	wanted->n = n;
}

/* Is it wanted, apart from the selection? @m is cut to what is. */
static bool belongs(const struct smudge_process *process,
		    struct smi_process_mapping *m)
{
	struct smi_object object = smi_object_of(m);

	if (m->is_writable)
		return true;
	if (process->unwritable && !m->is_shared)
		return smi_unwritable_cut(process, m);
	return smi_is_tracked(process, m->start, &object, m->name);
}

int smi_wanted_find(const struct smudge_process *process,
		    const struct smi_process_maps *maps,
		    struct smi_wanted_list *wanted)
{
	*wanted = (struct smi_wanted_list){0};
	wanted->list = calloc(maps->n + 1, sizeof(*wanted->list));
	if (!wanted->list)
		return -ENOMEM;
	for (size_t i = 0; i < maps->n; i++) {
		struct smi_process_mapping m = maps->list[i];

		if (belongs(process, &m))
			add_mapping(process, wanted, &m);
	}
	for (size_t i = 0; i < wanted->n; i++) {
		struct smi_wanted *w = &wanted->list[i];

		cut_to_ram(w);
		w->reason = smi_special_reason(w->name, bytes_of(w));
	}
	select_groups(process, wanted);
	return 0;
}

void smi_wanted_free(struct smi_wanted_list *wanted)
{
	free(wanted->list);
	*wanted = (struct smi_wanted_list){0};
}
