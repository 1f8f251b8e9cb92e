/* SPDX-License-Identifier: MIT */
/*
 * SEEK_DATA finds a page that is in the page cache or in swap, also one that
 * another process wrote. Every descriptor here is opened anew, so that seeking
 * moves no position of the program's.
 */
#include "sys/content.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "common/range.h"
#include "sys/mapped_file.h"

/* How far a run is followed; SEEK_HOLE would follow it to its end. */
#define FOLLOWED_PAGES 4096

void smi_sys_content_open(struct smi_sys_content *content)
{
	smi_sys_content_open_of(content, -1);
}

void smi_sys_content_open_of(struct smi_sys_content *content, int proc)
{
	*content = (struct smi_sys_content){.fd = -1, .proc = proc};
}

void smi_sys_content_close(struct smi_sys_content *content)
{
	if (content->fd >= 0)
		close(content->fd);
	smi_sys_content_open_of(content, content->proc);
}

static bool is_open(const struct smi_sys_content *content,
		    const struct smi_sys_mapping *m)
{
	return content->fd >= 0 && content->inode == m->inode &&
	       content->dev_major == m->dev_major &&
	       content->dev_minor == m->dev_minor;
}

/* Keep the file of @m open, if it is in memory. */
static bool open_file(struct smi_sys_content *content,
		      const struct smi_sys_mapping *m)
{
	struct statfs fs;
	int fd = smi_sys_mapped_file_open(content->proc, m);

	if (fd < 0)
		return false;
	if (fstatfs(fd, &fs) < 0 ||
	    (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC)) {
		close(fd);
		return false;
	}
	smi_sys_content_close(content);
	*content = (struct smi_sys_content){
		.fd = fd,
		.inode = m->inode,
		.dev_major = m->dev_major,
		.dev_minor = m->dev_minor,
		.is_hugetlb = fs.f_type == HUGETLBFS_MAGIC,
		.proc = content->proc,
	};
	return true;
}

enum smi_sys_content_kind smi_sys_content_find(struct smi_sys_content *content,
					       const struct smi_sys_mapping *m)
{
	struct stat st;

	/* File systems in memory have no device, so no major number. */
	if (m->dev_major)
		return SMI_SYS_CONTENT_UNKNOWN;
	if (!is_open(content, m) && !open_file(content, m))
		return SMI_SYS_CONTENT_UNKNOWN;
	if (!content->is_hugetlb)
		return SMI_SYS_CONTENT_SOUGHT;
	/* hugetlbfs does not seek, but counts its pages. */
	if (fstat(content->fd, &st) < 0 || st.st_blocks)
		return SMI_SYS_CONTENT_UNKNOWN;
	return SMI_SYS_CONTENT_NONE;
}

/*
 * How many pages from @at on have content. A page that is not in the page cache
 * may be in swap: it ends the run, and begins the next one.
 */
static uint64_t follow(uint64_t at, uint64_t end)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned char resident[FOLLOWED_PAGES];
	uint64_t n = min_u64((end - at) / bytes, FOLLOWED_PAGES);
	uint64_t followed = 1;

	if (mincore((void *)(uintptr_t)at, n * bytes, resident) < 0)
		return bytes;
	while (followed < n && resident[followed] & 1)
		followed++;
	return followed * bytes;
}

/* By a map of our own, which is never touched. */
static uint64_t follow_file(int fd, uint64_t file_off, uint64_t nbytes)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t followed;
	void *map;

	nbytes = min_u64(nbytes, FOLLOWED_PAGES * page_bytes);
	map = mmap(NULL, nbytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd,
		   (off_t)file_off);
	if (map == MAP_FAILED)
		return page_bytes;
	followed = follow((uintptr_t)map, (uintptr_t)map + nbytes);
	munmap(map, nbytes);
	return followed;
}

bool smi_sys_content_next(const struct smi_sys_content *content,
			  const struct smi_sys_mapping *m, uint64_t start,
			  uint64_t end, struct smi_sys_page_run *ret_run)
{
	uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	off_t file_off = (off_t)(m->file_off + (start - m->start));
	off_t data = lseek(content->fd, file_off, SEEK_DATA);
	uint64_t at = start;

	if (data < 0 && errno == ENXIO)
		return false;
	if (data < 0) {
		*ret_run = (struct smi_sys_page_run){start, end, 0};
		return true;
	}
	at += (uint64_t)(data - file_off) & ~page_mask;
	if (at >= end)
		return false;
	ret_run->start = at;
	ret_run->end = at + (content->proc < 0
				     ? follow(at, end)
				     : follow_file(content->fd,
						   m->file_off + at - m->start,
						   end - at));
	ret_run->categories = 0;
	return true;
}
