/* SPDX-License-Identifier: MIT */
/*
 * SEEK_DATA and SEEK_HOLE of the file, which is opened through a descriptor
 * that the process has of it, or through the mapping, which needs a privilege.
 *
 * SEEK_HOLE takes as long as the content is long. So the last piece of content
 * is kept: of a page in it that has become a hole meanwhile it is only lost
 * that reading allocates it.
 */
#include "process/holes.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "common/range.h"
#include "process/attachment.h"
#include "sys/mapped_file.h"

int smi_holes_open(const struct smi_area *area)
{
	const struct smi_object *object = &area->object;
	const struct smi_sys_mapping m = {
		.start = area->start,
		.end = area->end,
		.inode = object->inode,
		.dev_major = object->dev_major,
		.dev_minor = object->dev_minor,
	};
	struct statfs fs;
	int fd;

	/* File systems in memory have no device, so no major number. */
	if (area->attachment->soft || !object->has_file || !object->is_shared ||
	    object->dev_major)
		return -1;
	fd = smi_sys_mapped_file_open(area->attachment->uffd.proc, &m);
	if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The file's offset of the piece's end; 0: it is not known. */
static uint64_t content_end(struct smi_area *area, uint64_t file_off)
{
	/* Relaxed: a pair that does not belong together costs a page. */
	uint64_t start = atomic_load_explicit(&area->content_start,
					      memory_order_relaxed);
	uint64_t end =
		atomic_load_explicit(&area->content_end, memory_order_relaxed);
	off_t hole;

	if (file_off >= start && file_off < end)
		return end;
	hole = lseek(area->file, (off_t)file_off, SEEK_HOLE);
	if (hole <= (off_t)file_off)
		return 0;
	atomic_store_explicit(&area->content_start, file_off,
			      memory_order_relaxed);
	atomic_store_explicit(&area->content_end, (uint64_t)hole,
			      memory_order_relaxed);
	return (uint64_t)hole;
}

/* Where the next content begins; @file_off: there, or it is not known. */
static uint64_t content_begin(const struct smi_area *area, uint64_t file_off)
{
	off_t data = lseek(area->file, (off_t)file_off, SEEK_DATA);
	struct stat st;

	if (data >= (off_t)file_off)
		return (uint64_t)data;
	/* Behind the file's end there is no memory: reading says so. */
	if (errno == ENXIO && fstat(area->file, &st) == 0)
		return max_u64((uint64_t)st.st_size, file_off);
	return file_off;
}

size_t smi_holes_length(struct smi_area *area, uint64_t at, size_t length_bytes,
			size_t *ret_content)
{
	uint64_t file_off = area->object.file_off + (at - area->start);
	uint64_t begin, end;
	size_t hole_bytes;

	*ret_content = length_bytes;
	if (area->file < 0)
		return 0;
	begin = content_begin(area, file_off);
	hole_bytes = (size_t)min_u64(begin - file_off, length_bytes);
	*ret_content = length_bytes - hole_bytes;
	if (!*ret_content)
		return hole_bytes;
	end = content_end(area, begin);
	if (end)
		*ret_content = (size_t)min_u64(*ret_content, end - begin);
	return hole_bytes;
}
