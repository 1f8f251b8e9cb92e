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

/* Those from @start on, behind the ones that are known. */
static int find_pieces(struct smi_mprotect_area *area, uint64_t start,
		       struct smudge_error *err)
{
	uint64_t end = smi_mprotect_area_end(area);
	int ret = smi_sys_smaps_each(start, end, add_piece, area);
	size_t n = area->npieces;

	if (!ret && (!n || area->pieces[n - 1].end != end))
		ret = -EFAULT;
	if (ret == -EFAULT)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" is not mapped throughout",
					start, end);
	if (ret == -EINVAL)
		return smudge_error_set(
			err, ret, WHERE,
			"memory from 0x%" PRIx64 " to 0x%" PRIx64
			" is not made of whole pages of hugetlbfs",
			start, end);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE,
				 "cannot read the protections of memory from "
				 "/proc/self/smaps: %s",
				 ret == -ENOENT &&
						 access("/proc/self", F_OK) < 0
					 ? "/proc is not mounted"
					 : strerror(-ret));
	return ret;
}

/* Mappings only merge, so the kernel needs hardly any memory for it. */
static void unprotect(const struct smi_mprotect_area *area, uint64_t start,
		      uint64_t end)
{
	for (size_t i = 0; i < area->npieces; i++) {
		const struct smi_mprotect_piece *piece = &area->pieces[i];
		uint64_t from = max_u64(start, piece->start);
		uint64_t to = min_u64(end, piece->end);
		int ret = -ENOMEM;

		for (int n = 0; from < to && piece->prot & PROT_WRITE &&
				ret == -ENOMEM && n < MAX_ATTEMPTS;
		     n++) {
			ret = set(from, to, piece->prot);
			if (ret == -ENOMEM)
				sched_yield();
		}
	}
}

static int protect(const struct smi_mprotect_area *area, uint64_t start,
		   uint64_t end, struct smudge_error *err)
{
	for (size_t i = 0; i < area->npieces; i++) {
		const struct smi_mprotect_piece *piece = &area->pieces[i];
		uint64_t from = max_u64(start, piece->start);
		uint64_t to = min_u64(end, piece->end);
		int ret = 0;

		if (from < to && piece->prot & PROT_WRITE)
			ret = set(from, to, armed(piece));
		if (ret < 0)
			return smudge_error_set(
				err, ret, WHERE,
				"cannot protect memory from 0x%" PRIx64
				" to 0x%" PRIx64 ": %s",
				from, to,
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

/* Its pieces from @from on, where those that are known end, and its bits. */
static int prepare(struct smi_mprotect_area *area, uint64_t from,
		   struct smudge_error *err)
{
	int ret = find_pieces(area, from, err);

	if (!ret)
		ret = smudge_bitmap_create(smi_mprotect_area_npages(area),
					   &area->pending, err);
	return ret;
}

int smi_mprotect_area_open(struct smi_mprotect_area *area, uint64_t start,
			   uint64_t end, struct smudge_error *err)
{
	int ret;

	area->start = start;
	atomic_init(&area->end, end);
	area->page_shift = (unsigned int)__builtin_ctzl(
		(unsigned long)sysconf(_SC_PAGESIZE));
	ret = prepare(area, start, err);
	if (!ret)
		ret = smi_mprotect_publish(area, err);
	if (ret < 0) {
		free_area(area);
		return ret;
	}
	ret = protect(area, start, end, err);
	if (ret < 0)
		smi_mprotect_area_close(area);
	return ret;
}

bool smi_mprotect_area_close(struct smi_mprotect_area *area)
{
	unprotect(area, area->start, smi_mprotect_area_end(area));
	if (!smi_mprotect_unpublish(area))
		return false;
	free_area(area);
	return true;
}

/* A larger area, with the pieces that are known. NULL: no memory. */
static struct smi_mprotect_area *copy_area(const struct smi_mprotect_area *area,
					   uint64_t end)
{
	uint64_t old_end = smi_mprotect_area_end(area);
	struct smi_mprotect_area *next = calloc(1, sizeof(*next));

	if (!next)
		return NULL;
	next->start = area->start;
	atomic_init(&next->end, end);
	next->page_shift = area->page_shift;
	next->pieces = calloc(area->npieces, sizeof(*next->pieces));
	if (!next->pieces) {
		free(next);
		return NULL;
	}
	for (size_t i = 0; i < area->npieces; i++) {
		struct smi_mprotect_piece piece = area->pieces[i];

		piece.end = min_u64(piece.end, old_end);
		if (piece.start < piece.end)
			next->pieces[next->npieces++] = piece;
	}
	return next;
}

static void move_bits(struct smi_mprotect_area *from,
		      struct smi_mprotect_area *to)
{
	struct smudge_run run = {0, 0};

	while (smudge_bitmap_next_dirty(from->pending,
					run.first_page + run.npages,
					smi_mprotect_area_npages(from), &run))
		smudge_bitmap_mark_range(to->pending, run.first_page,
					 run.npages);
}

/*
 * Handlers find @to from now on. Those that found @from have marked there, and
 * their bits move. Where they cannot be waited for, everything counts as
 * written, and @from stays for ever.
 */
static void finish_replacing(struct smi_mprotect_area *from,
			     struct smi_mprotect_area *to)
{
	if (!smi_sys_rcu_synchronize()) {
		smudge_bitmap_mark_range(to->pending, 0,
					 smi_mprotect_area_npages(to));
		return;
	}
	move_bits(from, to);
	free_area(from);
	free(from);
}

int smi_mprotect_area_grow(struct smi_mprotect_area *area, uint64_t end,
			   struct smi_mprotect_area **ret_area,
			   struct smudge_error *err)
{
	uint64_t old_end = smi_mprotect_area_end(area);
	struct smi_mprotect_area *next = copy_area(area, end);
	int ret;

	if (!next)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = prepare(next, old_end, err);
	if (!ret)
		ret = smi_mprotect_replace(area, next, err);
	if (ret < 0) {
		free_area(next);
		free(next);
		return ret;
	}
	ret = protect(next, old_end, end, err);
	if (ret < 0) {
		unprotect(next, old_end, end);
		smi_mprotect_put_back(next, area);
		finish_replacing(next, area);
		return ret;
	}
	finish_replacing(area, next);
	*ret_area = next;
	return 0;
}

/* Where the piece that has @at may be cut, at it or behind it. */
static uint64_t cut_of(const struct smi_mprotect_area *area, uint64_t at)
{
	for (size_t i = 0; i < area->npieces; i++) {
		uint64_t mask = area->pieces[i].page_bytes - 1;

		if (at < area->pieces[i].end)
			return (at + mask) & ~mask;
	}
	return at;
}

void smi_mprotect_area_cut(struct smi_mprotect_area *area, uint64_t end)
{
	uint64_t old_end = smi_mprotect_area_end(area);

	end = cut_of(area, end);
	if (end >= old_end)
		return;
	unprotect(area, end, old_end);
	smi_mprotect_cut(area, end);
}

int smi_mprotect_area_protect(const struct smi_mprotect_area *area,
			      uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < area->npieces; i++) {
		const struct smi_mprotect_piece *piece = &area->pieces[i];
		uint64_t piece_end =
			min_u64(piece->end, smi_mprotect_area_end(area));
		uint64_t from = max_u64(start, piece->start);
		uint64_t to = min_u64(end, piece_end);
		int ret;

		if (from >= to || !(piece->prot & PROT_WRITE))
			continue;
		ret = set(from, to, armed(piece));
		if (ret == -ENOMEM)
			ret = set(piece->start, piece_end, armed(piece));
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
	uint64_t end = smi_mprotect_area_end(area);
	int ret = smi_sys_maps_each(area->start, end, check_mapping, &check);

	if (!ret && check.at != end)
		ret = -EPERM;
	if (!ret && !smi_sys_rcu_synchronize())
		ret = -EIO;
	if (ret == -EPERM)
		return smudge_error_set(
			err, ret, WHERE,
			"a mapping or protection between 0x%" PRIx64
			" and 0x%" PRIx64 " was changed while it was tracked",
			area->start, end);
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
