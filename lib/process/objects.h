/* SPDX-License-Identifier: MIT */
/*
 * The structs of a process that is tracked.
 *
 *	process --< area -- region, source
 *	   |          |
 *	   '--< attachment
 *
 * An attachment is one address space of the process: exec(2) ends it, and the
 * next one begins. An area is a range of addresses of one object (a heap, a
 * file...), with its region. It lives as long as the region.
 *
 * LOCKS. process->lock comes first, then memory's, then a region's. A region's
 * read takes none of them: it uses the attachment's descriptors, which stay
 * while an area of the attachment exists. With soft-dirty bits it takes their
 * lock. stop_lock is the innermost: it is held to stop the process, to let it
 * go, and while something relies on it that the process stands.
 */
#ifndef LIB_PROCESS_OBJECTS_H
#define LIB_PROCESS_OBJECTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/memory.h>
#include <smudge/process.h>
#include <smudge/source.h>

#include "process/target.h"
#include "source/uffd_fds.h"
#include "sys/content.h"
#include "sys/held.h"

/* How a process is stopped, and what is made in it: target.h, or a test's. */
struct smi_process_means {
	int (*open)(pid_t pid, struct smi_target *ret_target,
		    struct smudge_error *err);
	void (*close)(struct smi_target *target);
	bool (*has_ended)(const struct smi_target *target);
	int (*attach)(struct smi_target *target, unsigned int timeout_ms,
		      int *ret_uffd, uint64_t *ret_stopped_ns,
		      struct smudge_error *err);
	int (*while_stopped)(struct smi_target *target, unsigned int timeout_ms,
			     smi_target_fn fn, void *opaque,
			     uint64_t *ret_stopped_ns,
			     struct smudge_error *err);
};

struct smi_hold;
struct smi_soft_dirty;
struct smi_soft_area;

/* What tells which pages hold something. */
struct smi_process_populated {
	pthread_mutex_t lock; /* innermost */
	bool is_begun;	      /* lock, as all below */
	struct smi_sys_held held;
	struct smi_sys_content content;
};

struct smi_attachment {
	struct smi_target target;
	int mem; /* its memory, for reading */
	struct smi_uffd_target
		uffd; /* its proc and pagemap serve all methods */
	/* of the means; NULL until the target is open */
	void (*close_target)(struct smi_target *target);
	char *auxv; /* changed by exec(2) */
	size_t auxv_bytes;
	struct smi_soft_dirty *soft; /* NULL: by userfaultfd */
	struct smi_process_populated populated;
	size_t nusers; /* the process, and each area */
};

/* What a range of addresses shows. Equal: it is one object. */
struct smi_object {
	uint64_t file_off; /* of the range's first byte */
	uint64_t inode;
	unsigned int dev_major, dev_minor;
	bool is_shared;
	bool has_file;
};

struct smi_area {
	struct smi_attachment *attachment;
	uint64_t start; /* addresses, end exclusive */
	uint64_t end;
	struct smi_object object;
	char *name; /* as the kernel prints it */
	int file;   /* of shared memory, to find its holes; or -1 */
	/* The last piece of content that was found in it, by its offsets. */
	_Atomic uint64_t content_start, content_end;
	struct smudge_region *region;
	struct smudge_source *source; /* NULL: let go */
	/* by soft-dirty bits: its source's, while that runs; the lock of
	 * soft_dirty.h */
	struct smi_soft_area *soft_area;
	/* Its source cannot arm it, for this reason, and reports all of it. */
	_Atomic int lost_code;
	bool is_kept; /* by the comparison that runs */
};

/* Was selected and has no region. */
struct smi_left_out {
	uint64_t start;
	uint64_t end;
	char *name;
	const char *reason;
	int code; /* of the memory's refusal; 0: no method detects its writes */
};

struct smudge_process {
	pthread_mutex_t lock;
	uint64_t space; /* address space that it was opened in */
	struct smudge_memory *memory;
	const struct smi_process_means *means;
	pid_t pid;
	enum smudge_process_method method; /* asked for */
	enum smudge_process_select select;
	char *pattern;
	uint64_t first_address, end_address;
	unsigned int stop_timeout_ms;
	bool unwritable;
	pthread_mutex_t stop_lock;
	struct smi_hold *hold; /* changed under both locks; NULL: it runs */
	/* lock, all below: */
	struct smi_attachment *attachment; /* NULL: exec'd, not attached yet */
	struct smi_area **areas;	   /* ascending */
	size_t nareas;
	struct smi_left_out *left_out;
	size_t nleft_out;
	struct smudge_process_stats stats;
};

#endif
