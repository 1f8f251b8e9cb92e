/* SPDX-License-Identifier: MIT */
/*
 * Areas: their pieces, protecting them, and whether the program interfered.
 */
#include "source/mprotect_area.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/range.h"
#include "source/mprotect_fault.h"
#include "sys/maps.h"
#include "sys/rcu.h"
#include "sys/smaps.h"

#define WHERE "mprotect"

/* The kernel may be short of memory for a moment. */
#define MAX_ATTEMPTS 1000

/* x86 lets what may be written be read as well; nothing is lost by it. */
static int armed(const struct smi_mprotect_piece *piece)
{
	return PROT_READ | (piece->prot & PROT_EXEC);
}

static int set(uint64_t start, uint64_t end, int prot)
{
	int ret = mprotect((void *)(uintptr_t)start, end - start, prot);

	return ret < 0 ? -errno : 0;
}

static int add_piece(void *opaque, const struct smi_sys_smap *m)
{
	struct smi_mprotect_area *area = opaque;
	size_t n = area->npieces;
	uint64_t at = n ? area->pieces[n - 1].end : area->start;
	struct smi_mprotect_piece *more;

	if (m->start != at)
		return -EFAULT;
	if ((m->start | m->end) & (m->page_bytes - 1))
		return -EINVAL;
	more = realloc(area->pieces, (n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[n] = (struct smi_mprotect_piece){.start = m->start,
					      .end = m->end,
					      .page_bytes = m->page_bytes,
					      .prot = m->prot};
	area->pieces = more;
	area->npieces = n + 1;
	return 0;
}

static int find_pieces(struct smi_mprotect_area *area, struct smudge_error *err)
{
	int ret = smi_sys_smaps_each(area->start, area->end, add_piece, area);
	size_t n = area->npieces;

	if (!ret && (!n || area->pieces[n - 1].end != area->end))
		ret = -EFAULT;
	if (ret == -EFAULT)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" is not mapped throughout",
					area->start, area->end);
	if (ret == -EINVAL)
		return smudge_error_set(
			err, ret, WHERE,
			"memory from 0x%" PRIx64 " to 0x%" PRIx64
			" is not made of whole pages of hugetlbfs",
			area->start, area->end);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE,
				 "cannot read the protections of memory from "
				 "/proc/self/smaps: %s",
				 strerror(-ret));
	return ret;
}

/* Mappings only merge, so the kernel needs hardly any memory for it. */
static void unprotect_all(const struct smi_mprotect_area *area)
{
	for (size_t i = 0; i < area->npieces; i++) {
		const struct smi_mprotect_piece *piece = &area->pieces[i];
		int ret = -ENOMEM;

		for (int n = 0; piece->prot & PROT_WRITE && ret == -ENOMEM &&
				n < MAX_ATTEMPTS;
		     n++) {
			ret = set(piece->start, piece->end, piece->prot);
			if (ret == -ENOMEM)
				sched_yield();
		}
	}
}

static int protect_all(const struct smi_mprotect_area *area,
		       struct smudge_error *err)
{
	for (size_t i = 0; i < area->npieces; i++) {
		const struct smi_mprotect_piece *piece = &area->pieces[i];
		int ret = 0;

		if (piece->prot & PROT_WRITE)
			ret = set(piece->start, piece->end, armed(piece));
		if (ret < 0)
			return smudge_error_set(
				err, ret, WHERE,
				"cannot protect memory from 0x%" PRIx64
				" to 0x%" PRIx64 ": %s",
				piece->start, piece->end,
				ret == -ENOMEM ? "the process has too many "
						 "mappings (vm.max_map_count)"
					       : strerror(-ret));
	}
	return 0;
}

static void free_area(struct smi_mprotect_area *area)
{
	smudge_bitmap_destroy(area->pending);
	free(area->pieces);
	area->pending = NULL;
	area->pieces = NULL;
	area->npieces = 0;
}

int smi_mprotect_area_open(struct smi_mprotect_area *area, uint64_t start,
			   uint64_t end, struct smudge_error *err)
{
	int ret;

	area->start = start;
	area->end = end;
	area->page_shift = (unsigned int)__builtin_ctzl(
		(unsigned long)sysconf(_SC_PAGESIZE));
	ret = find_pieces(area, err);
	if (!ret)
		ret = smudge_bitmap_create((end - start) >> area->page_shift,
					   &area->pending, err);
	if (!ret)
		ret = smi_mprotect_publish(area, err);
	if (ret < 0) {
		free_area(area);
		return ret;
	}
	ret = protect_all(area, err);
	if (ret < 0)
		smi_mprotect_area_close(area);
	return ret;
}

bool smi_mprotect_area_close(struct smi_mprotect_area *area)
{
	unprotect_all(area);
	if (!smi_mprotect_unpublish(area))
		return false;
	free_area(area);
	return true;
}

int smi_mprotect_area_protect(const struct smi_mprotect_area *area,
			      uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < area->npieces; i++) {
		const struct smi_mprotect_piece *piece = &area->pieces[i];
		uint64_t from = max_u64(start, piece->start);
		uint64_t to = min_u64(end, piece->end);
		int ret;

		if (from >= to || !(piece->prot & PROT_WRITE))
			continue;
		ret = set(from, to, armed(piece));
		if (ret == -ENOMEM)
			ret = set(piece->start, piece->end, armed(piece));
		if (ret < 0)
			return ret;
	}
	return 0;
}

struct check {
	struct smi_mprotect_area *area;
	uint64_t at; /* what comes before was visited */
};

static bool is_pending(struct smi_mprotect_area *area, uint64_t start,
		       uint64_t end)
{
	return smudge_bitmap_all(area->pending,
				 (start - area->start) >> area->page_shift,
				 (end - start) >> area->page_shift);
}

/* Of pages that are writable now, handlers made all so, and have marked them
 * once their sections have ended. */
static int check_mapping(void *opaque, const struct smi_sys_mapping *m)
{
	struct check *check = opaque;
	struct smi_mprotect_area *area = check->area;

	if (m->start != check->at)
		return -EPERM;
	check->at = m->end;
	if (!m->is_writable || is_pending(area, m->start, m->end))
		return 0;
	if (!smi_sys_rcu_synchronize())
		return -EIO;
	return is_pending(area, m->start, m->end) ? 0 : -EPERM;
}

int smi_mprotect_area_settle(struct smi_mprotect_area *area,
			     struct smudge_error *err)
{
	struct check check = {.area = area, .at = area->start};
	int ret = smi_sys_maps_each(area->start, area->end, check_mapping,
				    &check);

	if (!ret && check.at != area->end)
		ret = -EPERM;
	if (!ret && !smi_sys_rcu_synchronize())
		ret = -EIO;
	if (ret == -EPERM)
		return smudge_error_set(
			err, ret, WHERE,
			"a mapping or protection between 0x%" PRIx64
			" and 0x%" PRIx64 " was changed while it was tracked",
			area->start, area->end);
	if (ret == -EIO)
		return smudge_error_set(err, ret, WHERE,
					"no barrier works, so handlers cannot "
					"be waited for");
	if (ret < 0)
		smudge_error_set(err, ret, WHERE,
				 "cannot read /proc/self/maps: %s",
				 strerror(-ret));
	return ret;
}
