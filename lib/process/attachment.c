/* SPDX-License-Identifier: MIT */
/*
 * Attaching to an address space, and finding out that it is another one.
 *
 * The descriptors that are opened one after the other must be of one address
 * space, though the process may execute another program at any moment. The
 * auxiliary vector is read before the first and after the last: exec(2) makes
 * a new one, with other random addresses. (Without address space randomisation
 * two programs may have the same vector. Then only the end of the old address
 * space tells, which its pagemap shows.)
 */
#include "process/attachment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/check.h"
#include "process/populated.h"
#include "process/proc_dir.h"
#include "process/soft_dirty.h"
#include "process/soft_kind.h"
#include "source/uffd.h"
#include "source/uffd_probe.h"
#include "sys/error.h"
#include "sys/pagemap.h"
#include "sys/uffd.h"

#define WHERE "process"

#define MAX_AUXV_BYTES 65536
#define MAX_ATTEMPTS   10

#define FEATURES                                               \
	(SMI_SYS_UFFD_WP_ASYNC | SMI_SYS_UFFD_WP_UNPOPULATED | \
	 SMI_SYS_UFFD_WP_HUGETLBFS_SHMEM | SMI_SYS_UFFD_FLAG_WP)

static int ended(struct smudge_error *err, pid_t pid)
{
	return smudge_error_set(err, -ESRCH, WHERE, "process %d has ended",
				(int)pid);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Where it may not be traced there is a reason, and a remedy. */
static int say_unreadable(pid_t pid, int code, struct smudge_error *err)
{
	uint64_t start_time;
	int ret = code == -EPERM || code == -EACCES
			  ? smi_check_process(pid, &start_time, err)
			  : 0;

	return ret < 0 ? ret
		       : smudge_error_set(err, code, WHERE,
					  "cannot read /proc/%d/auxv: %s",
					  (int)pid, strerror(-code));
}

static int open_files(struct smi_attachment *a, pid_t pid,
		      struct smudge_error *err)
{
	int ret;

	a->uffd.proc = smi_proc_dir_open(pid);
	if (a->uffd.proc < 0)
		return smudge_error_set(err, a->uffd.proc, WHERE,
					"cannot open /proc/%d: %s", (int)pid,
					strerror(-a->uffd.proc));
	ret = smi_proc_dir_read(a->uffd.proc, "auxv", MAX_AUXV_BYTES, &a->auxv,
				&a->auxv_bytes);
	return ret < 0 ? say_unreadable(pid, ret, err) : ret;
}

static int open_file(const struct smi_attachment *a, pid_t pid,
		     const char *name, struct smudge_error *err)
{
	int fd = openat(a->uffd.proc, name, O_RDONLY | O_CLOEXEC);
	int ret = -errno;

	if (fd >= 0)
		return fd;
	return smudge_error_set(err, ret == -EACCES ? -EPERM : ret, WHERE,
				"cannot open /proc/%d/%s: %s", (int)pid, name,
				strerror(-ret));
}

static int open_memory(struct smi_attachment *a, pid_t pid,
		       struct smudge_error *err)
{
	/* Without it, less is known of pages that are not mapped. */
	a->uffd.own_pagemap = smi_sys_pagemap_open();
	a->uffd.pagemap = open_file(a, pid, "pagemap", err);
	if (a->uffd.pagemap < 0)
		return a->uffd.pagemap;
	a->uffd.maps = open_file(a, pid, "maps", err);
	if (a->uffd.maps < 0)
		return a->uffd.maps;
	a->mem = open_file(a, pid, "mem", err);
	return a->mem < 0 ? a->mem : 0;
}

static int agree(struct smi_attachment *a, struct smudge_error *err)
{
	uint64_t has;
	int ret = smi_sys_uffd_api(a->uffd.uffd, FEATURES, &has);

	if (ret < 0)
		smudge_error_set(
			err, -EOPNOTSUPP, WHERE,
			"this kernel's userfaultfd has no asynchronous "
			"write-protection (Linux 6.7): %s",
			strerror(-ret));
	return ret < 0 ? -EOPNOTSUPP : 0;
}

static int make_uffd(struct smudge_process *process, struct smi_attachment *a,
		     struct smudge_error *err)
{
	struct smudge_process_stats *stats = &process->stats;
	uint64_t stopped_ns = 0;
	int ret = process->means->attach(&a->target, process->stop_timeout_ms,
					 &a->uffd.uffd, &stopped_ns, err);

	stats->stops++;
	stats->stopped_ns += stopped_ns;
	if (stopped_ns > stats->longest_stop_ns)
		stats->longest_stop_ns = stopped_ns;
	if (ret < 0)
		a->uffd.uffd = -1;
	return ret < 0 ? ret : agree(a, err);
}

/*
 * Is the vector what it was? /proc has that of the program that runs now, and
 * shows it no more when that may not be traced.
 * Return: 0, -ESTALE (no), or -errno.
 */
static int compare_program(const struct smi_attachment *a)
{
	size_t bytes = 0;
	char *auxv = NULL;
	int ret = smi_proc_dir_read(a->uffd.proc, "auxv", MAX_AUXV_BYTES, &auxv,
				    &bytes);

	if (ret == -EPERM || ret == -ESRCH)
		return -ESTALE;
	if (!ret && (bytes != a->auxv_bytes || memcmp(auxv, a->auxv, bytes)))
		ret = -ESTALE;
	free(auxv);
	return ret;
}

static struct smi_attachment *new_attachment(void)
{
	struct smi_attachment *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->mem = a->uffd.uffd = a->uffd.pagemap = a->uffd.proc = -1;
	a->uffd.maps = a->uffd.own_pagemap = -1;
	a->nusers = 1;
	smi_process_populated_open(a);
	return a;
}

static void free_attachment(struct smi_attachment *a)
{
	smi_soft_dirty_free(a->soft);
	smi_process_populated_close(a);
	close_fd(a->mem);
	close_fd(a->uffd.uffd);
	close_fd(a->uffd.pagemap);
	close_fd(a->uffd.own_pagemap);
	close_fd(a->uffd.maps);
	close_fd(a->uffd.proc);
	free(a->auxv);
	free(a);
}

/* What this kernel lacks is known without touching the process. */
static int check_kernel(struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = smi_uffd_probe(&own);

	/* What is forbidden here may be allowed there. */
	if (ret == 0 || ret == -EPERM)
		return 0;
	return smudge_error_set(err, ret, WHERE, "%s", own.message);
}

static int attach_by_uffd(struct smudge_process *process,
			  struct smi_attachment *a, struct smudge_error *err)
{
	int ret = check_kernel(err);

	if (!ret)
		ret = make_uffd(process, a, err);
	if (!ret) {
		process->stats.method = SMUDGE_PROCESS_UFFD;
		return 0;
	}
	close_fd(a->uffd.uffd);
	a->uffd.uffd = -1;
	return ret;
}

static int attach_by_soft_dirty(struct smudge_process *process,
				struct smi_attachment *a,
				struct smudge_error *err)
{
	int ret = smi_soft_dirty_make(process, a, err);

	if (!ret)
		process->stats.method = SMUDGE_PROCESS_SOFT_DIRTY;
	return ret;
}

/* The kernel, or what is allowed here, has no userfaultfd for it. */
static bool is_lacking(int code)
{
	return code == -EOPNOTSUPP || code == -ENOSYS || code == -EPERM ||
	       code == -EIO;
}

/* The first method that works. Both reasons make one sentence. */
static int attach_by_any(struct smudge_process *process,
			 struct smi_attachment *a, struct smudge_error *err)
{
	struct smudge_error uffd = SMUDGE_ERROR_INIT;
	struct smudge_error soft = SMUDGE_ERROR_INIT;
	int ret = attach_by_uffd(process, a, &uffd);

	if (!is_lacking(ret)) {
		smi_sys_error_keep(err, &uffd);
		return ret;
	}
	if (attach_by_soft_dirty(process, a, &soft) == 0)
		return 0;
	return smudge_error_set(err, ret, WHERE,
				"no method tracks process %d: %s; %s",
				(int)process->pid, uffd.message, soft.message);
}

static int attach(struct smudge_process *process, struct smi_attachment *a,
		  struct smudge_error *err)
{
	switch (process->method) {
	case SMUDGE_PROCESS_UFFD:
		return attach_by_uffd(process, a, err);
	case SMUDGE_PROCESS_SOFT_DIRTY:
		return attach_by_soft_dirty(process, a, err);
	default:
		return attach_by_any(process, a, err);
	}
}

/* Return: 0, -ESTALE (it executed another program meanwhile), or -errno. */
static int fill(struct smudge_process *process, struct smi_attachment *a,
		struct smudge_error *err)
{
	int ret = open_files(a, process->pid, err);

	if (!ret)
		ret = process->means->open(process->pid, &a->target, err);
	if (ret < 0)
		return ret;
	a->close_target = process->means->close;
	ret = attach(process, a, err);
	if (!ret)
		ret = open_memory(a, process->pid, err);
	if (!ret && process->means->has_ended(&a->target))
		ret = ended(err, process->pid);
	return ret < 0 ? ret : compare_program(a);
}

int smi_attachment_make(struct smudge_process *process,
			struct smudge_error *err)
{
	int ret = 0;

	for (int attempt = 0; !ret && attempt < MAX_ATTEMPTS; attempt++) {
		struct smi_attachment *a = new_attachment();

		if (!a)
			return smudge_error_set(err, -ENOMEM, WHERE,
						"out of memory");
		ret = fill(process, a, err);
		if (!ret) {
			process->attachment = a;
			return 0;
		}
		smi_attachment_drop(a);
		if (ret == -ESTALE)
			ret = 0;
	}
	return ret < 0 ? ret
		       : smudge_error_set(err, -EBUSY, WHERE,
					  "process %d executes one program "
					  "after the other",
					  (int)process->pid);
}

int smi_attachment_check(const struct smudge_process *process,
			 struct smudge_error *err)
{
	const struct smi_attachment *a = process->attachment;
	uint64_t word;
	int ret;

	if (process->means->has_ended(&a->target))
		return ended(err, process->pid);
	ret = compare_program(a);
	if (!ret && smi_sys_pagemap_words(a->uffd.pagemap, 0, 1, &word) < 0)
		ret = -ESTALE;
	if (ret != -ESTALE)
		return ret < 0 ? smudge_error_set(err, ret, WHERE,
						  "cannot read /proc/%d/auxv: "
						  "%s",
						  (int)process->pid,
						  strerror(-ret))
			       : 0;
	if (smi_target_ends(&a->target))
		return ended(err, process->pid);
	return -ESTALE;
}

int smi_attachment_try_area(const struct smi_area *area,
			    struct smudge_error *err)
{
	struct smi_attachment *a = area->attachment;

	if (!a->soft)
		return smi_uffd_try_register(&a->uffd, area->start, area->end,
					     err);
	if (smi_soft_kind_of(a->uffd.proc, area) != SMI_SOFT_UNKNOWN)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, WHERE,
				"soft-dirty bits do not tell what is written "
				"at 0x%" PRIx64
				": it is shared, of hugetlbfs, or of a file "
				"that cannot be reached",
				area->start);
}

void smi_attachment_stats(const struct smi_attachment *attachment,
			  struct smudge_process_stats *stats)
{
	if (attachment->soft)
		smi_soft_dirty_stats(attachment->soft, stats);
	/* Relaxed: a statistic orders nothing. */
	stats->mappings_replaced += atomic_load_explicit(
		&attachment->uffd.nreplaced, memory_order_relaxed);
}

void smi_attachment_let_go(struct smi_attachment *attachment)
{
	close_fd(attachment->uffd.uffd);
	attachment->uffd.uffd = -1;
}

void smi_attachment_drop(struct smi_attachment *attachment)
{
	if (--attachment->nusers)
		return;
	if (attachment->close_target)
		attachment->close_target(&attachment->target);
	free_attachment(attachment);
}
