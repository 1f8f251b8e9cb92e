/* SPDX-License-Identifier: MIT */
/*
 * Memory of files that the process may write without the tracked mapping.
 *
 * A descriptor is known to be the file's by its inode's number alone: the
 * device that /proc/PID/maps shows is another one than stat(2)'s on some file
 * systems (overlayfs, btrfs).
 */
#include "process/writers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/range.h"
#include "process/maps.h"
#include "process/proc.h"
#include "process/proc_dir.h"

#define MAX_INFO_BYTES 65536

static void tell(const struct smi_writers *writers, const char *name,
		 uint64_t start, uint64_t end)
{
	const struct smudge_process_writer writer = {
		.size = sizeof(writer),
		.kind = SMUDGE_PROCESS_WRITER_FILE,
		.pid = writers->process->pid,
		.name = name,
		.first_address = start,
		.end_address = end,
	};

	writers->each(writers->opaque, &writer);
}

/* The bytes of the area that another mapping, which may be written, shows. */
static void compare(const struct smi_writers *writers,
		    const struct smi_area *area,
		    const struct smi_process_mapping *m)
{
	const struct smi_object *object = &area->object;
	uint64_t first_off = max_u64(object->file_off, m->file_off);
	uint64_t end_off = min_u64(object->file_off + (area->end - area->start),
				   m->file_off + (m->end - m->start));

	if (!m->is_shared || !m->is_writable || m->inode != object->inode ||
	    m->dev_major != object->dev_major ||
	    m->dev_minor != object->dev_minor || first_off >= end_off)
		return;
	/* the area's own mapping */
	if (area->start - object->file_off == m->start - m->file_off)
		return;
	tell(writers, m->name, area->start + (first_off - object->file_off),
	     area->start + (end_off - object->file_off));
}

static void compare_all(const struct smi_writers *writers,
			const struct smi_area *area,
			const struct smi_process_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		if (maps->list[i].has_file)
			compare(writers, area, &maps->list[i]);
}

/* One that was closed meanwhile is not. */
static bool is_for_writing(int proc, const char *fd)
{
	char path[32];
	char *text = NULL;
	size_t length;
	uint64_t flags;

	snprintf(path, sizeof(path), "fdinfo/%.20s", fd);
	if (smi_proc_dir_read(proc, path, MAX_INFO_BYTES, &text, &length))
		return false;
	flags = smi_proc_number(text, "flags", 8, 0);
	free(text);
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* Of a regular file; 0: of none. The file system is not asked. */
static uint64_t inode_of(int fds, const char *fd)
{
	struct statx found;

	if (statx(fds, fd, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &found) <
		    0 ||
	    !S_ISREG(found.stx_mode))
		return 0;
	return found.stx_ino;
}

static bool shows(const struct smi_area *area, uint64_t inode)
{
	return area->object.has_file && area->object.inode == inode;
}

static bool is_shown(const struct smudge_process *process, uint64_t inode)
{
	for (size_t i = 0; i < process->nareas; i++)
		if (shows(process->areas[i], inode))
			return true;
	return false;
}

void smi_writers_look_at_file(const struct smi_writers *writers, int fds,
			      const char *fd, const char *link)
{
	const struct smudge_process *process = writers->process;
	uint64_t inode = *link == '/' ? inode_of(fds, fd) : 0;

	if (!inode || !is_shown(process, inode) ||
	    !is_for_writing(process->attachment->uffd.proc, fd))
		return;
	for (size_t i = 0; i < process->nareas; i++)
		if (shows(process->areas[i], inode))
			tell(writers, link, process->areas[i]->start,
			     process->areas[i]->end);
}

int smi_writers_of_views(const struct smi_writers *writers,
			 struct smudge_error *err)
{
	const struct smudge_process *process = writers->process;
	struct smi_process_maps maps;
	int ret = smi_process_maps_read(process->attachment->uffd.proc, &maps,
					err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < process->nareas; i++)
		if (process->areas[i]->object.has_file)
			compare_all(writers, process->areas[i], &maps);
	smi_process_maps_free(&maps);
	return 0;
}
