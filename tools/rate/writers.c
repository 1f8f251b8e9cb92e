/* SPDX-License-Identifier: MIT */
/*
 * Writers that are not seen, as smudge/process.h lists them.
 */
#include "rate/writers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <smudge/error.h>

#include "common/range.h"
#include "rate/report.h"
#include "text.h"

static bool is_same(const struct rate_writer *a, const struct rate_writer *b)
{
	return a->kind == b->kind && a->pid == b->pid &&
	       !strcmp(a->name, b->name);
}

static struct rate_writer *find(struct rate_writers *writers,
				const struct rate_writer *same)
{
	for (size_t i = 0; i < writers->n; i++) {
		if (is_same(&writers->list[i], same))
			return &writers->list[i];
	}
	return NULL;
}

/* Return: how many had no place, 0 or 1. */
static size_t add(struct rate_writers *writers,
		  const struct rate_writer *writer)
{
	if (writers->n == RATE_MAX_WRITERS)
		return 1;
	writers->list[writers->n++] = *writer;
	return 0;
}

/* A process is told once for each region that it maps. */
static void take(void *opaque, const struct smudge_process_writer *told)
{
	struct rate_writers *writers = opaque;
	struct rate_writer writer = {
		.kind = told->kind,
		.pid = told->pid,
		.count = 1,
		.address = told->first_address,
		.bytes = told->end_address - told->first_address,
	};
	struct rate_writer *known;

	/* A file that it has open is no sign that it writes so; a twin's
	   writes are counted. */
	if (told->kind == SMUDGE_PROCESS_WRITER_FILE ||
	    told->kind == SMUDGE_PROCESS_WRITER_TWIN)
		return;
	rate_name_copy(writer.name, told->name);
	known = find(writers, &writer);
	if (!known) {
		writers->nmore += add(writers, &writer);
		return;
	}
	known->count++;
	known->bytes += writer.bytes;
}

void rate_writers_merge(struct rate_writers *writers,
			const struct rate_writers *more)
{
	size_t nmore = more->nmore;

	for (size_t i = 0; i < more->n; i++) {
		struct rate_writer *known = find(writers, &more->list[i]);

		if (!known) {
			nmore += add(writers, &more->list[i]);
			continue;
		}
		known->count = max_u64(known->count, more->list[i].count);
		known->bytes = max_u64(known->bytes, more->list[i].bytes);
	}
	writers->nmore = (size_t)max_u64(writers->nmore, nmore);
	writers->nunreadable = max_u64(writers->nunreadable, more->nunreadable);
	if (more->failure[0])
		memcpy(writers->failure, more->failure,
		       sizeof(writers->failure));
}

void rate_writers_look(struct rate_writers *writers,
		       struct smudge_process *process)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct rate_writers now = {.n = 0};
	int ret = smudge_process_each_writer(process, take, &now, &err);

	if (ret >= 0)
		now.nunreadable = (uint64_t)ret;
	else if (ret != -ESRCH) /* what has ended, or executes: no more of it */
		snprintf(now.failure, sizeof(now.failure), "%s", err.message);
	rate_writers_merge(writers, &now);
}

const char *rate_writer_kind(const struct rate_writer *writer)
{
	switch (writer->kind) {
	case SMUDGE_PROCESS_WRITER_PROCESS:
		return "process";
	case SMUDGE_PROCESS_WRITER_DEVICE:
		return "device";
	case SMUDGE_PROCESS_WRITER_IO_URING:
		return "io_uring";
	case SMUDGE_PROCESS_WRITER_AIO:
		return "aio";
	default:
		break;
	}
	return "unknown";
}

/* A part that does not fit is left out with all behind it. */
static __attribute__((format(printf, 2, 3))) void put(char *text,
						      const char *format, ...)
{
	size_t len = strlen(text);
	char part[RATE_UNSEEN_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(part, sizeof(part), format, args);
	va_end(args);
	if (len + strlen(part) + 3 < RATE_UNSEEN_BYTES)
		sprintf(text + len, "%s%s", len ? ", " : "", part);
}

static bool is_measured(const struct rate_report *report, pid_t pid)
{
	for (size_t i = 0; i < report->nprocesses; i++) {
		const struct rate_process *process = &report->processes[i];

		if (process->pid == pid)
			return process->method != RATE_NOT_MEASURED;
	}
	return false;
}

static void put_writer(char *text, const struct rate_writer *writer)
{
	char size[TEXT_BYTES];

	text_bytes(size, (double)writer->bytes);
	if (writer->kind == SMUDGE_PROCESS_WRITER_PROCESS)
		put(text, "%s (%d) to %s", writer->name, (int)writer->pid,
		    size);
	else if (writer->kind == SMUDGE_PROCESS_WRITER_DEVICE)
		put(text, "%s", writer->name);
	else
		put(text, "%s%s", rate_writer_kind(writer),
		    writer->count > 1 ? " (several)" : "");
}

static void put_writers(char *text, const struct rate_report *report,
			const struct rate_writers *writers)
{
	for (size_t i = 0; i < writers->n; i++) {
		const struct rate_writer *writer = &writers->list[i];

		if (writer->kind != SMUDGE_PROCESS_WRITER_PROCESS ||
		    !is_measured(report, writer->pid))
			put_writer(text, writer);
	}
	if (writers->nmore)
		put(text, "%zu more", writers->nmore);
	if (writers->nunreadable)
		put(text, "%ju process%s whose mappings may not be read",
		    (uintmax_t)writers->nunreadable,
		    writers->nunreadable == 1 ? "" : "es");
	if (writers->failure[0])
		put(text, "unknown ones: %s", writers->failure);
}

void rate_writers_text(const struct rate_report *report,
		       char text[RATE_UNSEEN_BYTES])
{
	text[0] = '\0';
	for (size_t i = 0; i < report->nprocesses; i++)
		put_writers(text, report, &report->processes[i].writers);
}
