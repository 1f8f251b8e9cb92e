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

#include "sys/uffd.h"

#define WHERE "uffd"

/* Protecting twice is harmless, so a disturbed call is repeated. */
static int protect_window(const struct smi_uffd *u, uint64_t start,
			  uint64_t end)
{
	int ret = -EAGAIN;

	for (int i = 0; i < SMI_UFFD_MAX_ATTEMPTS; i++) {
		ret = smi_sys_uffd_protect(u->fds.use.fd, start, end - start);
		if (ret != -EAGAIN && ret != -EINTR)
			break;
	}
	return ret;
}

static int protect(const struct smi_uffd *u, uint64_t start, uint64_t end,
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

/* Registering skips holes. This call only finds them. */
static int check_mapped(uint64_t start, uint64_t end, struct smudge_error *err)
{
	int ret;

	if (msync((void *)(uintptr_t)start, end - start, MS_ASYNC) == 0)
		return 0;
	ret = -errno;
	return smudge_error_set(err, ret, WHERE,
				"memory from 0x%" PRIx64 " to 0x%" PRIx64
				" is not mapped throughout",
				start, end);
}

/* The range's addresses, if they are whole host pages. */
static int get_range(const struct smudge_source_range *range,
		     uint64_t *ret_start, uint64_t *ret_end,
		     struct smudge_error *err)
{
	uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	uint64_t start = (uintptr_t)range->hva;
	uint64_t end = start + (range->npages << range->page_shift);

	uint64_t edge = start & page_mask ? start : end;

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

int smi_uffd_start(struct smi_uffd *u, const struct smudge_source_range *range,
		   struct smudge_error *err)
{
	int ret = get_range(range, &u->start, &u->end, err);

	if (ret < 0)
		return ret;
	ret = smi_uffd_open(&u->fds, err);
	if (ret < 0)
		return ret;
	u->runs = calloc(SMI_UFFD_MAX_RUNS, sizeof(*u->runs));
	if (!u->runs)
		ret = smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	if (!ret)
		ret = check_mapped(u->start, u->end, err);
	if (!ret)
		ret = smi_sys_uffd_use_register(&u->fds.use, u->start, u->end,
						err);
	if (!ret)
		ret = smi_drops_start(&u->drops, u->fds.use.fd, u->fds.pagemap,
				      u->start, u->end, err);
	if (!ret)
		ret = protect(u, u->start, u->end, err);
	if (!ret)
		ret = smi_drops_armed(&u->drops, err);
	if (ret < 0)
		release(u);
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
	int ret = smi_drops_start(&more, u->fds.use.fd, u->fds.pagemap, u->end,
				  end, err);

	if (!ret)
		ret = protect(u, u->end, end, err);
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
	int ret = get_range(range, &start, &end, err);

	if (!ret)
		ret = check_mapped(u->end, end, err);
	if (!ret)
		ret = smi_sys_uffd_use_extend(&u->fds.use, end, err);
	if (ret < 0)
		return ret;
	ret = arm_more(u, end, err);
	if (ret < 0)
		smi_sys_uffd_use_cut(&u->fds.use, u->end);
	else
		u->end = end;
	return ret;
}

void smi_uffd_shrink(struct smi_uffd *u,
		     const struct smudge_source_range *range)
{
	u->end = u->start + (range->npages << range->page_shift);
	smi_drops_cut(&u->drops, u->end);
	smi_sys_uffd_use_cut(&u->fds.use, u->end);
}
