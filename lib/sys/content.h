/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a mapping's file have content? Answered for files in memory:
 * tmpfs, memfd and shared anonymous memory, and for hugetlbfs while the file
 * has no page at all. Elsewhere the answer could disagree with what is mapped
 * (a remote server does not know of dirty pages), so it is unknown.
 */
#ifndef LIB_SYS_CONTENT_H
#define LIB_SYS_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/maps.h"
#include "sys/pagemap.h"

enum smi_sys_content_kind {
	SMI_SYS_CONTENT_UNKNOWN,
	SMI_SYS_CONTENT_SOUGHT, /* by SEEK_DATA */
	SMI_SYS_CONTENT_NONE,	/* the file is empty */
};

/* The last file that was asked for stays open. */
struct smi_sys_content {
	int fd; /* or -1 */
	uint64_t inode;
	unsigned int dev_major, dev_minor;
	bool is_hugetlb;
	int proc; /* borrowed: another process's directory in /proc; or -1 */
};

/* smi_sys_content_open_of: for mappings of another process. */
void smi_sys_content_open(struct smi_sys_content *content);
void smi_sys_content_open_of(struct smi_sys_content *content, int proc);
void smi_sys_content_close(struct smi_sys_content *content);

/*
 * smi_sys_content_find - find the file of a mapping of the process
 * @m: a whole mapping, with a file
 *
 * Through /proc/PID/map_files, which needs CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE; else by a descriptor of the process that is of the
 * same file.
 */
enum smi_sys_content_kind smi_sys_content_find(struct smi_sys_content *content,
					       const struct smi_sys_mapping *m);

/*
 * smi_sys_content_next - the first run of pages that have content; of a file
 *	that is SOUGHT
 * @m: the mapping that it was found for
 * @start, @end: addresses in it, whole pages
 * @ret_run: receives its addresses; it may be continued behind its end
 *
 * Return: false, when there is none.
 */
bool smi_sys_content_next(const struct smi_sys_content *content,
			  const struct smi_sys_mapping *m, uint64_t start,
			  uint64_t end, struct smi_sys_page_run *ret_run);

#endif
