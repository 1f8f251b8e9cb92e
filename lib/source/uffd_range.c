/* SPDX-License-Identifier: MIT */
/*
 * Start, stop, and the moves of the end of a userfaultfd source's range.
 *
 * A page that is new is registered, what it holds is remembered, and it is
 * protected, as at a start; what is known of the other pages stays. A page that
 * goes is not registered any more, so the program may unmap it.
 */
#include "source/uffd_range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/range_check.h"
#include "sys/error.h"
#include "sys/log.h"
#include "sys/uffd.h"

#define WHERE "uffd"

/* Memory that is not registered may be so while another use ends. */
static int protect_registered(const struct smi_uffd *u, uint64_t start,
			      uint64_t length_bytes)
{
	int ret = smi_sys_uffd_protect(u->fds.uffd, start, length_bytes);

	if (ret == -ENOENT && smi_uffd_hold(&u->fds)) {
		ret = smi_sys_uffd_protect(u->fds.uffd, start, length_bytes);
		smi_uffd_release();
	}
	return ret;
}

/* Protecting twice is harmless, so a disturbed call is repeated. */
static int protect_window(const struct smi_uffd *u, uint64_t start,
			  uint64_t end)
{
	int ret = -EAGAIN;

	for (int i = 0; i < SMI_UFFD_MAX_ATTEMPTS; i++) {
		ret = protect_registered(u, start, end - start);
		if (ret != -EAGAIN && ret != -EINTR)
			break;
	}
	return ret;
}

int smi_uffd_protect(const struct smi_uffd *u, uint64_t start, uint64_t end,
		     struct smudge_error *err)
{
	for (uint64_t at = start; at < end; at = smi_uffd_window_end(at, end)) {
		int ret = protect_window(u, at, smi_uffd_window_end(at, end));

		if (ret < 0)
			return smudge_error_set(
				err, ret, WHERE,
				"cannot write-protect memory at 0x%" PRIx64
				": %s",
				at, strerror(-ret));
	}
	return 0;
}

/*
 * Registering skips holes. This call only finds them. A target makes holes as
 * it likes, and they have no content to lose.
 */
static int check_mapped(const struct smi_uffd *u, uint64_t start, uint64_t end,
			struct smudge_error *err)
{
	int ret;

	if (u->fds.target ||
	    msync((void *)(uintptr_t)start, end - start, MS_ASYNC) == 0)
		return 0;
	ret = -errno;
	if (ret != -ENOMEM)
		return smudge_error_set(err, ret, WHERE,
					"cannot look for holes in memory by "
					"msync(2): %s",
					strerror(-ret));
	return smudge_error_set(err, ret, WHERE,
				"memory from 0x%" PRIx64 " to 0x%" PRIx64
				" is not mapped throughout",
				start, end);
}

/*
 * The range's addresses, if they are whole host pages. Memory of a target has
 * its addresses there for gpas.
 */
static int get_range(const struct smi_uffd *u,
		     const struct smudge_source_range *range,
		     uint64_t *ret_start, uint64_t *ret_end,
		     struct smudge_error *err)
{
	uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	uint64_t start = u->fds.target ? range->gpa : (uintptr_t)range->hva;
	uint64_t end = start + (range->npages << range->page_shift);
	uint64_t edge = start & page_mask ? start : end;

	if (!u->fds.target && smi_range_check_hva(range, WHERE, err) < 0)
		return -EOPNOTSUPP;
	if (end <= start)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"memory from 0x%" PRIx64 " ends beyond 2^64", start);
	if (edge & page_mask)
		return smudge_error_set(err, -EINVAL, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" divides a page of the host at "
					"0x%" PRIx64,
					start, end, edge);
	*ret_start = start;
	*ret_end = end;
	return 0;
}

/* Closing the use drops its registration. */
static void release(struct smi_uffd *u)
{
	smi_drops_stop(&u->drops);
	smi_uffd_close(&u->fds);
	free(u->runs);
	u->runs = NULL;
}

static void set_lost(struct smi_uffd *u, int code)
{
	/* Relaxed: the region's lock orders it; others read a statistic. */
	atomic_store_explicit(u->lost_code, code, memory_order_relaxed);
}

/* Register, protect and learn the range. @u is open. */
static int arm(struct smi_uffd *u, struct smudge_error *err)
{
	int ret = smi_uffd_register(&u->fds, u->start, u->end, err);

	if (!ret)
		ret = smi_drops_start(&u->drops, &u->fds, u->start, u->end,
				      err);
	if (!ret)
		ret = smi_uffd_protect(u, u->start, u->end, err);
	if (!ret)
		ret = smi_drops_armed(&u->drops, err);
	return ret;
}

int smi_uffd_start(struct smi_uffd *u, const struct smudge_source_range *range,
		   struct smudge_error *err)
{
	int ret = get_range(u, range, &u->start, &u->end, err);

	if (ret < 0)
		return ret;
	set_lost(u, 0);
	ret = smi_uffd_open(&u->fds, err);
	if (ret < 0)
		return ret;
	u->runs = calloc(SMI_UFFD_MAX_RUNS, sizeof(*u->runs));
	if (!u->runs)
		ret = smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	if (!ret)
		ret = check_mapped(u, u->start, u->end, err);
	if (!ret)
		ret = u->fds.target ? smi_uffd_restart(u, err) : arm(u, err);
	if (ret < 0)
		release(u);
	return ret;
}

/* Not for want of memory, and not because the target is gone. */
static bool is_refused(int code)
{
	return code < 0 && code != -ENOMEM && code != -ESRCH;
}

int smi_uffd_restart(struct smi_uffd *u, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret;

	smi_drops_stop(&u->drops);
	ret = arm(u, &own);
	/* What is known of a part of it must not be used. */
	if (ret < 0)
		smi_drops_stop(&u->drops);
	set_lost(u, ret);
	if (is_refused(ret)) {
		SMI_SYS_LOG(SMUDGE_LOG_WARNING, WHERE,
			    "all %llu bytes at 0x%llx are reported by each "
			    "harvest: %s",
			    (unsigned long long)(u->end - u->start),
			    (unsigned long long)u->start, own.message);
		return 0;
	}
	smi_sys_error_keep(err, &own);
	return ret;
}

void smi_uffd_stop(struct smi_uffd *u)
{
	release(u);
}

/* Arm [u->end, end), which is registered, and remember what it holds. */
static int arm_more(struct smi_uffd *u, uint64_t end, struct smudge_error *err)
{
	struct smi_drops more;
	int ret = smi_drops_start(&more, &u->fds, u->end, end, err);

	if (!ret)
		ret = smi_uffd_protect(u, u->end, end, err);
	if (!ret)
		ret = smi_drops_armed(&more, err);
	if (!ret) {
		ret = smi_drops_append(&u->drops, &more);
		if (ret < 0)
			smudge_error_set(err, ret, WHERE, "out of memory");
	}
	if (ret < 0)
		smi_drops_stop(&more);
	return ret;
}

/* Dropping the registration drops the protection too. */
int smi_uffd_grow(struct smi_uffd *u, const struct smudge_source_range *range,
		  struct smudge_error *err)
{
	uint64_t start = 0, end = 0;
	int ret = get_range(u, range, &start, &end, err);

	if (!ret && smi_uffd_is_lost(u)) {
		u->end = end;
		return 0;
	}
	if (!ret && end <= u->end) /* within a huge page that was cut */
		return 0;
	if (!ret)
		ret = check_mapped(u, u->end, end, err);
	if (!ret)
		ret = smi_uffd_extend(&u->fds, end, err);
	if (ret < 0)
		return ret;
	ret = arm_more(u, end, err);
	if (ret < 0)
		smi_uffd_cut(&u->fds, u->end);
	else
		u->end = end;
	return ret;
}

/*
 * Where the range may end, at @end or behind it: the kernel tracks a page of
 * hugetlbfs whole or not at all. What is registered may be registered again in
 * whole pages only, so the smallest block around @end that may be is its page.
 */
static uint64_t end_of_page(const struct smi_uffd *u, uint64_t end)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	int is_huge = -EINVAL;
	uint64_t start = end;

	while (is_huge < 0 && start >= u->start && start + bytes <= u->end) {
		is_huge = smi_sys_uffd_is_hugetlb(u->fds.uffd, start, bytes);
		if (is_huge == 1 && start < end)
			return start + bytes;
		bytes *= 2;
		start = end & ~(bytes - 1);
	}
	return end;
}

void smi_uffd_shrink(struct smi_uffd *u,
		     const struct smudge_source_range *range)
{
	uint64_t end = u->start + (range->npages << range->page_shift);

	if (!smi_uffd_is_lost(u))
		end = end_of_page(u, end);
	if (end >= u->end)
		return;
	u->end = end;
	smi_drops_cut(&u->drops, u->end);
	smi_uffd_cut(&u->fds, u->end);
}
