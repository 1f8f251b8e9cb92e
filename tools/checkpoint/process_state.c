/* SPDX-License-Identifier: MIT */
/*
 * Blobs of a process.
 */
#include "checkpoint/process_state.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "core/maps.h"

#define NAME	       "checkpoint"
#define MAX_VDSO_BYTES ((size_t)1 << 20)

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

/* What the notes of each thread are made from. */
struct making {
	struct process_state *state;
	const struct core_maps *maps;
	struct core_process process;
	bool is_first;
};

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

/* The process's own notes are behind the status of the first thread. */
static void add_process(struct making *making)
{
	struct core_notes *notes = &making->state->notes;

	core_notes_add_process(notes, &making->process);
	core_notes_add(notes, "CORE", NT_AUXV, making->state->auxv.bytes,
		       making->state->auxv.length);
	core_notes_add_files(notes, making->maps);
	making->is_first = false;
}

static void add_thread(void *opaque, const struct smudge_process_thread *thread)
{
	struct making *making = opaque;
	struct core_notes *notes = &making->state->notes;
	const struct core_thread status = {
		.tid = (uint32_t)thread->tid,
		.pending_signals = thread->pending_signals |
				   thread->process_pending_signals,
		.blocked_signals = thread->blocked_signals,
		.general = thread->general,
		.general_bytes = thread->general_bytes,
		.has_fpu = true,
	};

	core_notes_add_thread(notes, &making->process, &status);
	if (making->is_first)
		add_process(making);
	core_notes_add(notes, "CORE", NT_FPREGSET, thread->floating,
		       thread->floating_bytes);
	if (thread->extended)
		core_notes_add(notes, "LINUX", NT_X86_XSTATE, thread->extended,
			       thread->extended_bytes);
	if (thread->siginfo)
		core_notes_add(notes, "CORE", NT_SIGINFO, thread->siginfo,
			       thread->siginfo_bytes);
}

/* Text of others may be no UTF-8. */
static json_t *text_json(const char *text)
{
	char clean[4096];
	json_t *json = json_string(text);

	if (json)
		return json;
	snprintf(clean, sizeof(clean), "%s", text);
	for (char *at = clean; *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	return json_string(clean);
}

/* Zero bytes are between the arguments, and behind the last one. */
static json_t *arguments_json(const struct proc_bytes *arguments)
{
	json_t *array = json_array();

	for (size_t at = 0; at < arguments->length;
	     at += strlen(arguments->bytes + at) + 1)
		json_array_append_new(array, text_json(arguments->bytes + at));
	return array;
}

static json_t *process_json(struct process_state *state,
			    const struct proc_stat *stat, pid_t pid)
{
	char link[64], exe[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	return json_pack(
		"{s:I, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "pid",
		(json_int_t)pid, "name", text_json(state->comm.bytes), "exe",
		text_json(exe), "arguments", arguments_json(&state->arguments),
		"parent", (json_int_t)stat->process.parent, "uid",
		(json_int_t)stat->uid, "gid", (json_int_t)stat->gid,
		"start-time-ticks", (json_int_t)stat->process.start_time_ticks,
		"machine", (json_int_t)MACHINE);
}

static int add_json(struct smudge_checkpointer *cp, json_t *json,
		    struct smudge_error *err)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int ret = text ? smudge_checkpoint_add_blob(cp, "process", text,
						    strlen(text), err)
		       : no_memory(err);

	free(text);
	json_decref(json);
	return ret;
}

static int add_vdso(struct smudge_checkpointer *cp, pid_t pid,
		    const struct core_maps *maps, struct smudge_error *err)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct core_map *map = &maps->list[i];
		size_t length = map->end_address - map->first_address;
		void *bytes;
		int ret;

		if (strcmp(map->name, "[vdso]") != 0 || length > MAX_VDSO_BYTES)
			continue;
		bytes = malloc(length);
		if (!bytes)
			return no_memory(err);
		ret = proc_read_memory(pid, map->first_address, bytes, length,
				       err);
		if (!ret)
			ret = smudge_checkpoint_add_blob(cp, "process-vdso",
							 bytes, length, err);
		free(bytes);
		return ret;
	}
	return 0;
}

/* One line of text. */
static void cut_line(struct proc_bytes *line)
{
	line->length = strcspn(line->bytes, "\n");
	line->bytes[line->length] = '\0';
}

/* The line that ps(1) shows. */
static void join(const struct proc_bytes *arguments, char *to, size_t size)
{
	size_t length = arguments->length < size ? arguments->length : size - 1;

	for (size_t i = 0; i < length; i++)
		to[i] = arguments->bytes[i] ? arguments->bytes[i] : ' ';
	to[length] = '\0';
}

static int read_proc(struct process_state *state, pid_t pid,
		     struct proc_stat *stat, struct smudge_error *err)
{
	int ret = proc_read(pid, "maps", &state->maps, err);

	if (!ret)
		ret = proc_read(pid, "auxv", &state->auxv, err);
	if (!ret)
		ret = proc_read(pid, "comm", &state->comm, err);
	if (!ret)
		ret = proc_read(pid, "cmdline", &state->arguments, err);
	if (!ret)
		ret = proc_read_stat(pid, stat, err);
	if (!ret)
		cut_line(&state->comm);
	return ret;
}

static int add_notes(struct process_state *state, pid_t pid,
		     const struct proc_stat *stat, const struct core_maps *maps,
		     struct smudge_process *process,
		     struct smudge_checkpointer *cp, struct smudge_error *err)
{
	char line[80];
	struct making making = {
		.state = state,
		.maps = maps,
		.process = {.state = stat->process.state,
			    .nice = stat->process.nice,
			    .flags = stat->process.flags,
			    .uid = stat->uid,
			    .gid = stat->gid,
			    .pid = (uint32_t)pid,
			    .parent = stat->process.parent,
			    .group = stat->process.group,
			    .session = stat->process.session,
			    .name = state->comm.bytes,
			    .arguments = line},
		.is_first = true,
	};
	int ret;

	join(&state->arguments, line, sizeof(line));
	state->notes.length = 0;
	ret = smudge_process_each_thread(process, add_thread, &making, err);
	if (!ret && state->notes.is_out_of_memory)
		ret = no_memory(err);
	if (!ret)
		ret = smudge_checkpoint_add_blob(cp, "core-notes",
						 state->notes.bytes,
						 state->notes.length, err);
	return ret;
}

int process_state_save(struct process_state *state, pid_t pid,
		       struct smudge_process *process,
		       struct smudge_checkpointer *cp, struct smudge_error *err)
{
	struct core_maps maps = {0};
	struct proc_stat stat;
	int ret = read_proc(state, pid, &stat, err);

	if (!ret)
		ret = core_maps_parse(state->maps.bytes, state->maps.length,
				      &maps, err);
	if (!ret)
		ret = add_notes(state, pid, &stat, &maps, process, cp, err);
	if (!ret)
		ret = smudge_checkpoint_add_blob(cp, "process-maps",
						 state->maps.bytes,
						 state->maps.length, err);
	if (!ret)
		ret = add_vdso(cp, pid, &maps, err);
	if (!ret)
		ret = add_json(cp, process_json(state, &stat, pid), err);
	core_maps_free(&maps);
	return ret;
}

void process_state_free(struct process_state *state)
{
	proc_bytes_free(&state->maps);
	proc_bytes_free(&state->auxv);
	proc_bytes_free(&state->comm);
	proc_bytes_free(&state->arguments);
	core_notes_free(&state->notes);
}
