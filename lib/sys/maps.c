/* SPDX-License-Identifier: MIT */
/*
 * Mappings one by one, by an ioctl of /proc/self/maps (Linux 6.11). Without the
 * ioctl, from the text of the file, which lists all mappings of the process:
 *
 *	start-end perms offset major:minor inode path
 *
 * Private anonymous memory has neither a device nor an inode. The path proves
 * nothing, since a file may have any name.
 *
 * Both ways make several calls, and another thread may merge mappings between
 * two of them. The part of a merged mapping that was visited is not visited
 * again.
 */
#include "sys/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* struct procmap_query and its constants, newer than the 6.1 headers. */
struct query {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start;
	uint64_t vma_end;
	uint64_t vma_flags;
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t vma_name_size;
	uint32_t build_id_size;
	uint64_t vma_name_addr;
	uint64_t build_id_addr;
};

#define QUERY		 _IOWR('f', 17, struct query)
#define VMA_READABLE	 (UINT64_C(1) << 0)
#define VMA_WRITABLE	 (UINT64_C(1) << 1)
#define VMA_EXECUTABLE	 (UINT64_C(1) << 2)
#define VMA_SHARED	 (UINT64_C(1) << 3)
#define COVERING_OR_NEXT (UINT64_C(1) << 4)

typedef int (*each_fn)(void *opaque, const struct smi_sys_mapping *m);

static void learn_file(struct smi_sys_mapping *m)
{
	m->has_file = m->inode || m->dev_major || m->dev_minor;
}

static void clip(struct smi_sys_mapping *m, uint64_t start, uint64_t end)
{
	if (m->start < start) {
		m->file_off += start - m->start;
		m->start = start;
	}
	if (m->end > end)
		m->end = end;
	if (!m->has_file)
		m->file_off = 0;
}

int smi_sys_maps_query_named(int maps, uint64_t at, struct smi_sys_mapping *m,
			     char *name, size_t name_bytes)
{
	struct query q = {
		.size = sizeof(q),
		.query_flags = COVERING_OR_NEXT,
		.query_addr = at,
		.vma_name_size = (uint32_t)name_bytes,
		.vma_name_addr = (uintptr_t)name,
	};
	int ret;

	do {
		ret = ioctl(maps, QUERY, &q);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	*m = (struct smi_sys_mapping){
		.start = q.vma_start,
		.end = q.vma_end,
		.file_off = q.vma_offset,
		.inode = q.inode,
		.dev_major = q.dev_major,
		.dev_minor = q.dev_minor,
		.is_shared = q.vma_flags & VMA_SHARED,
		.is_readable = q.vma_flags & VMA_READABLE,
		.is_writable = q.vma_flags & VMA_WRITABLE,
		.is_executable = q.vma_flags & VMA_EXECUTABLE,
	};
	learn_file(m);
	if (name_bytes && !q.vma_name_size)
		*name = '\0';
	return 0;
}

int smi_sys_maps_query(int maps, uint64_t at, struct smi_sys_mapping *m)
{
	return smi_sys_maps_query_named(maps, at, m, NULL, 0);
}

static int walk_queries(int fd, uint64_t start, uint64_t end, each_fn each,
			void *opaque)
{
	struct smi_sys_mapping m;
	uint64_t at = start;
	int ret = 0;

	while (!ret && at < end) {
		ret = smi_sys_maps_query(fd, at, &m);
		if (ret == -ENOENT || (!ret && m.start >= end))
			return 0;
		if (ret < 0)
			return ret;
		clip(&m, at, end);
		at = m.end;
		ret = each(opaque, &m);
	}
	return ret;
}

static bool parse(const char *line, struct smi_sys_mapping *m)
{
	char perms[5];

	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64,
		   &m->start, &m->end, perms, &m->file_off, &m->dev_major,
		   &m->dev_minor, &m->inode) != 7)
		return false;
	m->is_shared = perms[3] == 's';
	m->is_readable = perms[0] == 'r';
	m->is_writable = perms[1] == 'w';
	m->is_executable = perms[2] == 'x';
	learn_file(m);
	return true;
}

static int walk_text(FILE *maps, uint64_t start, uint64_t end, each_fn each,
		     void *opaque)
{
	struct smi_sys_mapping m;
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	errno = 0;
	while (!ret && getline(&line, &size, maps) >= 0) {
		if (!parse(line, &m)) {
			ret = -EIO;
		} else if (m.start >= end) {
			break;
		} else if (m.end > start) {
			clip(&m, start, end);
			start = m.end;
			ret = each(opaque, &m);
		}
	}
	if (!ret && ferror(maps))
		ret = errno ? -errno : -EIO;
	free(line);
	return ret;
}

/* @fd is closed. */
static int walk(int fd, uint64_t start, uint64_t end, each_fn each,
		void *opaque)
{
	struct smi_sys_mapping first;
	FILE *maps;
	int ret;

	/*
	 * The ioctl may be missing: before Linux 6.11 (-ENOTTY), in emulators
	 * of system calls, behind filters. After any failure the text is read.
	 */
	ret = smi_sys_maps_query(fd, start, &first);
	if (!ret || ret == -ENOENT) {
		ret = walk_queries(fd, start, end, each, opaque);
		close(fd);
		return ret;
	}
	maps = fdopen(fd, "r");
	if (!maps) {
		close(fd);
		return -ENOMEM;
	}
	ret = walk_text(maps, start, end, each, opaque);
	fclose(maps);
	return ret;
}

int smi_sys_maps_each(uint64_t start, uint64_t end, each_fn each, void *opaque)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : walk(fd, start, end, each, opaque);
}

int smi_sys_maps_each_of(int proc, uint64_t start, uint64_t end, each_fn each,
			 void *opaque)
{
	int fd = openat(proc, "maps", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : walk(fd, start, end, each, opaque);
}
