/* SPDX-License-Identifier: MIT */
/*
 * Discards: the kernel drops the content first, then the pages are marked. If
 * they were marked first, a client could take and read a page before its
 * content is dropped, and nothing would mark the change. They are marked after
 * a failure too, since it is unknown how much the kernel has dropped.
 */
#include "memory/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <linux/falloc.h>

#include "memory/pager_region.h"
#include "memory/space.h"
#include "sys/error.h"
#include "sys/maps.h"

#define WHERE "discard"

struct discard {
	int fd;	     /* or -1 */
	uint64_t at; /* address; all memory before it is discarded */
	struct smudge_error *err;
};

/* A hole in another file would destroy content of others. */
static int check_file(const struct discard *d, const struct smi_sys_mapping *m)
{
	struct stat st;

	if (fstat(d->fd, &st) < 0) {
		int ret = -errno;

		return smudge_error_set(d->err, ret, WHERE,
					"cannot look at the descriptor: %s",
					strerror(-ret));
	}
	if (st.st_ino != m->inode || major(st.st_dev) != m->dev_major ||
	    minor(st.st_dev) != m->dev_minor)
		return smudge_error_set(
			d->err, -EINVAL, WHERE,
			"the descriptor is not of the file mapped at "
			"0x%" PRIx64,
			m->start);
	return 0;
}

static int punch_hole(const struct discard *d, const struct smi_sys_mapping *m)
{
	int ret = check_file(d, m);

	if (ret < 0)
		return ret;
	do {
		ret = fallocate(d->fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)m->file_off, (off_t)(m->end - m->start));
	} while (ret < 0 && errno == EINTR);
	if (ret == 0)
		return 0;
	ret = -errno;
	return smudge_error_set(d->err, ret, WHERE,
				"cannot punch a hole for memory from "
				"0x%" PRIx64 " to 0x%" PRIx64 ": %s",
				m->start, m->end, strerror(-ret));
}

static int advise(const struct discard *d, const struct smi_sys_mapping *m)
{
	int advice = m->is_shared ? MADV_REMOVE : MADV_DONTNEED;
	void *start = (void *)(uintptr_t)m->start;
	int ret;

	do {
		ret = madvise(start, m->end - m->start, advice);
	} while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	if (ret == 0)
		return 0;
	ret = -errno;
	return smudge_error_set(d->err, ret, WHERE,
				"%s of memory from 0x%" PRIx64 " to 0x%" PRIx64
				" fails: %s",
				m->is_shared ? "MADV_REMOVE" : "MADV_DONTNEED",
				m->start, m->end, strerror(-ret));
}

static int not_mapped(const struct discard *d)
{
	return smudge_error_set(d->err, -ENOMEM, WHERE,
				"memory at 0x%" PRIx64 " is not mapped", d->at);
}

static int discard_mapping(void *opaque, const struct smi_sys_mapping *m)
{
	struct discard *d = opaque;
	int ret;

	if (m->start != d->at)
		return not_mapped(d);
	ret = m->is_shared && d->fd >= 0 ? punch_hole(d, m) : advise(d, m);
	d->at = m->end;
	return ret;
}

static int discard_range(uint64_t start, uint64_t end, int fd,
			 struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct discard d = {.fd = fd, .at = start, .err = &own};
	int ret = smi_sys_maps_each(start, end, discard_mapping, &d);

	if (!ret && d.at != end)
		ret = not_mapped(&d);
	if (ret < 0 && !own.code)
		smudge_error_set(&own, ret, WHERE,
				 "cannot read /proc/self/maps: %s",
				 strerror(-ret));
	smi_sys_error_keep(err, &own);
	return ret;
}

int smudge_region_discard(struct smudge_region *region, uint64_t first_page,
			  uint64_t npages, int fd, struct smudge_error *err)
{
	uint64_t start =
		(uintptr_t)region->hva + (first_page << region->page_shift);
	int ret;

	smudge_error_clear(err);
	ret = smi_memory_check_space(region->memory, err);
	if (ret < 0)
		return ret;
	if (!npages || !smi_region_has(region, first_page, npages))
		return smudge_error_set(err, -EINVAL, WHERE,
					"%" PRIu64 " pages from page %" PRIu64
					" on are not in region %s",
					npages, first_page, region->name);
	if (!region->hva)
		return smudge_error_set(err, -EOPNOTSUPP, WHERE,
					"region %s is not memory of this "
					"process, so only its owner can "
					"discard its content",
					region->name);
	/* First, or content that comes in meanwhile would be there again. */
	smi_pager_dropped(region, first_page, npages);
	ret = discard_range(start, start + (npages << region->page_shift), fd,
			    err);
	smudge_region_mark(region, first_page, npages);
	if (ret < 0)
		smudge_error_at(err, region->id, first_page);
	return ret;
}
