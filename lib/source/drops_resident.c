/* SPDX-License-Identifier: MIT */
/*
 * Own maps of a target's shared files.
 */
#include "source/drops_resident.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "common/range.h"
#include "sys/mapped_file.h"

/*
 * Addresses for a map of hugetlbfs: whole GiB in which nothing else is mapped.
 *
 * For a page of hugetlbfs mincore(2) looks into the page cache only where the
 * page table has no table for the address. Else it says "not in memory" of all
 * that is not mapped, and a hole would not be seen (tried on Linux 6.18). A
 * table covers 1 GiB on x86-64, and nothing here is ever touched, so there is
 * none. (Of huge pages of 1 GiB there is always one.)
 */
#define TABLE_BYTES ((size_t)1 << 30)

static bool reserve_tables(struct smi_drops_own_map *own)
{
	size_t bytes = own->end - own->start;

	own->reserved_bytes =
		(bytes + TABLE_BYTES - 1) / TABLE_BYTES * TABLE_BYTES +
		TABLE_BYTES;
	own->reserved =
		mmap(NULL, own->reserved_bytes, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (own->reserved == MAP_FAILED)
		return false;
	own->map = own->reserved + TABLE_BYTES -
		   (uintptr_t)own->reserved % TABLE_BYTES;
	return true;
}

static void unmap(const struct smi_drops_own_map *own)
{
	munmap(own->reserved, own->reserved_bytes);
}

/* Set @own's map, its edges are set. Can the file be mapped? */
static bool map_open_file(struct smi_drops_own_map *own, int fd,
			  uint64_t file_off)
{
	int flags = MAP_SHARED | MAP_NORESERVE;
	struct statfs fs;
	void *map;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC) {
		if (!reserve_tables(own))
			return false;
		flags |= MAP_FIXED;
	}
	map = mmap(own->map, own->end - own->start, PROT_NONE, flags, fd,
		   (off_t)file_off);
	if (map == MAP_FAILED) {
		if (own->reserved)
			unmap(own);
		return false;
	}
	if (!own->reserved) {
		own->reserved = map;
		own->reserved_bytes = own->end - own->start;
	}
	own->map = map;
	return true;
}

/* Set @own, or return that the file cannot be mapped here. */
static bool map_file(int proc, const struct smi_sys_mapping *m,
		     struct smi_drops_own_map *own)
{
	int fd = smi_sys_mapped_file_open(proc, m);
	bool is_mapped;

	if (fd < 0)
		return false;
	*own = (struct smi_drops_own_map){.start = m->start, .end = m->end};
	is_mapped = map_open_file(own, fd, m->file_off);
	close(fd);
	return is_mapped;
}

int smi_drops_resident_add(struct smi_drops_resident *resident, int proc,
			   const struct smi_sys_mapping *m)
{
	struct smi_drops_own_map own, *grown;

	if (!map_file(proc, m, &own))
		return 0;
	grown = realloc(resident->maps, (resident->nmaps + 1) * sizeof(*grown));
	if (!grown) {
		unmap(&own);
		return -ENOMEM;
	}
	grown[resident->nmaps++] = own;
	resident->maps = grown;
	return 0;
}

int smi_drops_resident_append(struct smi_drops_resident *resident,
			      struct smi_drops_resident *more)
{
	size_t n = resident->nmaps + more->nmaps;
	struct smi_drops_own_map *grown;

	if (!more->nmaps)
		return 0;
	grown = realloc(resident->maps, n * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memcpy(grown + resident->nmaps, more->maps,
	       more->nmaps * sizeof(*grown));
	resident->maps = grown;
	resident->nmaps = n;
	free(more->maps);
	*more = (struct smi_drops_resident){0};
	return 0;
}

void smi_drops_resident_free(struct smi_drops_resident *resident)
{
	for (size_t i = 0; i < resident->nmaps; i++)
		unmap(&resident->maps[i]);
	free(resident->maps);
	*resident = (struct smi_drops_resident){0};
}

int smi_drops_resident_ask(const struct smi_drops_resident *resident,
			   uint64_t at, uint64_t npages,
			   unsigned int page_shift, unsigned char *vector)
{
	uint64_t limit = at + (npages << page_shift);

	memset(vector, SMI_DROPS_UNKNOWN, npages);
	for (size_t i = 0; i < resident->nmaps; i++) {
		const struct smi_drops_own_map *own = &resident->maps[i];
		uint64_t start = max_u64(at, own->start);
		uint64_t end = min_u64(limit, own->end);

		if (start >= end)
			continue;
		memset(vector + ((start - at) >> page_shift), 0,
		       (end - start) >> page_shift);
		/* A mapping beyond the end of its file: nothing is there. */
		if (mincore(own->map + (start - own->start), end - start,
			    vector + ((start - at) >> page_shift)) < 0 &&
		    errno != ENOMEM)
			return -errno;
	}
	return 0;
}
