/* SPDX-License-Identifier: MIT */
/*
 * Areas of a process: made, resized, removed and read.
 *
 * The process's memory is read through /proc/PID/mem, whose descriptor is of
 * one address space: after exec(2) it reads nothing, where a call that takes a
 * process id would read the new program.
 */
#include "process/area.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/range.h"
#include "process/attachment.h"
#include "process/holes.h"
#include "process/populated.h"
#include "process/soft_dirty.h"
#include "source/uffd.h"
#include "sys/error.h"

#define WHERE "process"

/* A region may grow by so much at least before it gets a neighbour. */
#define MIN_GROWTH_BYTES (UINT64_C(1) << 30)
#define END_OF_ADDRESSES (UINT64_C(1) << 63)

static int cannot_read(int code, uint64_t at, struct smudge_error *err)
{
	if (code == -ESRCH)
		return smudge_error_set(err, code, WHERE,
					"the process has ended, or executes "
					"another program");
	if (code == -EFAULT)
		return smudge_error_set(
			err, code, WHERE,
			"the process has no memory at 0x%" PRIx64 " now", at);
	return smudge_error_set(err, code, WHERE,
				"cannot read the process's memory at "
				"0x%" PRIx64 ": %s",
				at, strerror(-code));
}

/* Return: bytes read, or -errno. */
static ssize_t read_some(int mem, char *buffer, size_t length, uint64_t at)
{
	ssize_t n;

	do {
		n = pread(mem, buffer, length, (off_t)at);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	/* The address space is gone; or, for EIO, there is no page. */
	if (n == 0)
		return -ESRCH;
	return errno == EIO ? -EFAULT : -errno;
}

static int read_content(const struct smi_area *area, uint64_t at,
			size_t length_bytes, char *into,
			struct smudge_error *err)
{
	while (length_bytes) {
		ssize_t n = read_some(area->attachment->mem, into, length_bytes,
				      at);

		if (n < 0)
			return cannot_read((int)n, at, err);
		into += n;
		at += (uint64_t)n;
		length_bytes -= (size_t)n;
	}
	return 0;
}

/* Holes are not read: that would fill them. */
static int read_all(struct smi_area *area, uint64_t at, size_t length_bytes,
		    char *into, struct smudge_error *err)
{
	int ret = 0;

	while (!ret && length_bytes) {
		size_t content_bytes;
		size_t hole_bytes = smi_holes_length(area, at, length_bytes,
						     &content_bytes);

		memset(into, 0, hole_bytes);
		into += hole_bytes;
		at += hole_bytes;
		ret = read_content(area, at, content_bytes, into, err);
		into += content_bytes;
		at += content_bytes;
		length_bytes -= hole_bytes + content_bytes;
	}
	return ret;
}

static int area_read(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		     void *buffer, struct smudge_error *err)
{
	struct smi_area *area = opaque;
	uint64_t at = area->start + offset_bytes;
	int ret;

	/* Before it, for a harvest that runs meanwhile; after it, also of a
	   part, for what that harvest forgot. */
	if (area->attachment->soft)
		smi_soft_dirty_note_read(area, at, length_bytes);
	ret = read_all(area, at, length_bytes, buffer, err);
	if (area->attachment->soft)
		smi_soft_dirty_note_read(area, at, length_bytes);
	return ret;
}

static unsigned int host_page_shift(void)
{
	return (unsigned int)__builtin_ctzl(
		(unsigned long)sysconf(_SC_PAGESIZE));
}

static int make_region(struct smudge_process *process, struct smi_area *area,
		       struct smudge_error *err)
{
	uint64_t bytes = area->end - area->start;
	uint64_t growth = max_u64(bytes, MIN_GROWTH_BYTES);
	char name[64];
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = name,
		.gpa = area->start,
		.size_bytes = bytes,
		.page_shift = host_page_shift(),
		.max_size_bytes = bytes,
		.read = area_read,
		.read_opaque = area,
		.next_populated = smi_area_next_populated,
	};

	snprintf(name, sizeof(name), "%" PRIx64 " %s", area->start, area->name);
	smi_sys_error_filter(name);
	if (area->end < END_OF_ADDRESSES)
		options.max_size_bytes +=
			min_u64(growth, END_OF_ADDRESSES - area->end);
	return smudge_region_add(process->memory, &options, &area->region, err);
}

static void free_area(struct smi_area *area)
{
	if (area->attachment)
		smi_attachment_drop(area->attachment);
	if (area->file >= 0)
		close(area->file);
	free(area->name);
	free(area);
}

static struct smi_area *new_area(struct smudge_process *process,
				 const struct smi_wanted *w, uint64_t start,
				 uint64_t end)
{
	struct smi_area *area = calloc(1, sizeof(*area));

	if (!area)
		return NULL;
	area->file = -1;
	area->start = start;
	area->end = end;
	area->object = w->object;
	if (w->object.has_file)
		area->object.file_off += start - w->start;
	area->name = strdup(w->name);
	if (!area->name) {
		free_area(area);
		return NULL;
	}
	area->attachment = process->attachment;
	area->attachment->nusers++;
	area->is_kept = true;
	area->file = smi_holes_open(area);
	return area;
}

static int attach_source(struct smi_area *area, struct smudge_error *err)
{
	struct smi_attachment *a = area->attachment;
	int ret = a->soft ? smi_soft_dirty_source(a->soft, area, &area->source,
						  err)
			  : smi_uffd_create_for(&a->uffd, &area->lost_code,
						&area->source, err);

	if (ret == 0)
		ret = smudge_region_attach(area->region, area->source, 0, 0,
					   err);
	if (ret < 0) {
		smudge_source_destroy(area->source);
		area->source = NULL;
	}
	return ret;
}

static int insert(struct smudge_process *process, struct smi_area *area,
		  struct smudge_error *err)
{
	struct smi_area **grown =
		realloc(process->areas, (process->nareas + 1) * sizeof(*grown));
	size_t i = process->nareas;

	if (!grown)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	for (; i && grown[i - 1]->start > area->start; i--)
		grown[i] = grown[i - 1];
	grown[i] = area;
	process->areas = grown;
	process->nareas++;
	return 0;
}

int smi_area_add(struct smudge_process *process, const struct smi_wanted *w,
		 uint64_t start, uint64_t end, struct smudge_error *err)
{
	struct smi_area *area = new_area(process, w, start, end);
	int ret;

	if (!area)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = make_region(process, area, err);
	if (ret < 0) {
		free_area(area);
		return ret;
	}
	ret = attach_source(area, err);
	if (!ret)
		ret = insert(process, area, err);
	if (ret < 0) {
		smudge_source_destroy(area->source);
		/* No other part knows it, so it is free. */
		if (smudge_region_remove(area->region, NULL) == 0)
			free_area(area);
		return ret;
	}
	process->stats.regions_appeared++;
	return 0;
}

void smi_area_let_go(struct smi_area *area)
{
	smudge_source_destroy(area->source);
	area->source = NULL;
}

static void take_out(struct smudge_process *process,
		     const struct smi_area *area)
{
	size_t i = 0;

	while (process->areas[i] != area)
		i++;
	process->nareas--;
	memmove(process->areas + i, process->areas + i + 1,
		(process->nareas - i) * sizeof(*process->areas));
}

/* The region detaches the source, which is destroyed then. */
int smi_area_remove(struct smudge_process *process, struct smi_area *area)
{
	int ret = smudge_region_remove(area->region, NULL);

	if (ret < 0)
		return ret;
	smi_area_let_go(area);
	smi_process_populated_forget(area->attachment);
	take_out(process, area);
	free_area(area);
	process->stats.regions_gone++;
	return 0;
}

int smi_area_resize(struct smudge_process *process, struct smi_area *area,
		    uint64_t end)
{
	int ret = smudge_region_resize(
		area->region, (end - area->start) >> host_page_shift(), NULL);

	if (ret < 0)
		return ret;
	area->end = end;
	process->stats.regions_resized++;
	return 0;
}
