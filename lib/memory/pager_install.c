/* SPDX-License-Identifier: MIT */
/*
 * Pages are installed run by run, under their block's lock.
 *
 * A page that is not brought and is there nevertheless was touched in a way
 * that no userfaultfd sees: through another mapping of the same file, or its
 * descriptor. It holds zeros, or what was written over zeros, and not the
 * content that belongs there: the pager fails.
 */
#include "memory/pager_install.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/range.h"
#include "memory/pager_bits.h"
#include "sys/guard.h"
#include "sys/uffd_missing.h"
#include "sys/uffd_zeros.h"

#define WHERE "pager"

struct installing {
	struct smi_pager_area *area;
	const uint8_t *bytes; /* of first_page; NULL: zeros */
	uint64_t first_page;
	bool protects;
	uint64_t npages; /* installed so far */
	struct smudge_error *err;
};

static uint64_t address_of(const struct smi_pager_area *area, uint64_t page)
{
	return area->start + page * area->page_bytes;
}

static int refused(const struct smi_pager_area *area, uint64_t page, int code,
		   struct smudge_error *err)
{
	uint64_t offset = page * area->page_bytes;
	bool is_there = code == -EEXIST;

	if (code != -EEXIST && code != -ENOENT && code != -ENOMEM &&
	    code != -EPERM)
		code = -EIO;
	smudge_error_set(
		err, code, WHERE, "byte 0x%" PRIx64 " of region %s %s", offset,
		area->region->name,
		is_there ? "was touched before its page came in, through "
			   "another "
			   "mapping of it or its descriptor"
		: code == -ENOENT ? "is no longer mapped as it was"
		: code == -ENOMEM
			? "gets no memory for its page"
			: "cannot get its page: the kernel refuses it");
	smudge_error_at(err, area->region->id,
			offset >> area->region->page_shift);
	return code;
}

/*
 * The kernel copies into one mapping at a time, and says -ENOENT of more: it is
 * tried with fewer pages, then with more again.
 */
static int copy_content(const struct installing *in, uint64_t page,
			uint64_t end, uint64_t *ret_npages)
{
	const struct smi_pager_area *area = in->area;
	uint64_t at = page, some = end - page;
	int ret = 0;

	while (at < end) {
		uint64_t bytes;

		some = min_u64(some, end - at);
		ret = smi_sys_uffd_copy(
			area->use.fd, address_of(area, at),
			in->bytes + (at - in->first_page) * area->page_bytes,
			some * area->page_bytes, in->protects, &bytes);
		at += bytes / area->page_bytes;
		if (ret < 0 && (ret != -ENOENT || some == 1))
			break;
		some = ret < 0 ? some / 2 : some * 2;
	}
	*ret_npages = at - page;
	return at < end ? ret : 0;
}

/* Return: 0 or -errno; *ret_npages of them are there. */
static int copy_run(const struct installing *in, uint64_t page, uint64_t end,
		    uint64_t *ret_npages)
{
	struct smi_pager_area *area = in->area;
	uint64_t n = 0;
	int ret = 0;

	if (in->bytes)
		return copy_content(in, page, end, ret_npages);
	for (; ret == 0 && n < end - page; n += ret == 0)
		ret = smi_sys_uffd_bring_zeros(
			area->use.fd, address_of(area, page + n),
			area->page_bytes, area->pager->zeros, in->protects);
	*ret_npages = n;
	return ret;
}

/* Under the block's lock. */
static int install_runs(struct installing *in, uint64_t page, uint64_t end)
{
	int ret = 0;

	while (ret == 0 && page < end) {
		bool is_brought = smi_pager_bit(in->area->brought, page);
		uint64_t next = smi_pager_run_end(in->area, page, end);
		uint64_t n = 0;

		if (!is_brought) {
			ret = copy_run(in, page, next, &n);
			smi_pager_bring_bits(in->area, page, page + n);
			in->npages += n;
		}
		if (ret < 0)
			return refused(in->area, page + n, ret, in->err);
		page = next;
	}
	return ret;
}

/* Pages of one block. */
static int install_block(struct installing *in, uint64_t page, uint64_t end)
{
	SMI_SYS_GUARD(smi_pager_lock(in->area, page));
	unsigned int phase;
	int ret;

	/* Relaxed: what made it fail has passed this lock since. */
	if (atomic_load_explicit(&in->area->pager->failure,
				 memory_order_relaxed))
		return smudge_error_set(in->err, -ECANCELED, WHERE,
					"the pager has failed");
	in->protects = smi_sys_uffd_install_begin(in->area->start,
						  in->area->end, &phase) &&
		       !in->area->is_private_file;
	ret = install_runs(in, page, end);
	smi_sys_uffd_install_end(phase);
	return ret;
}

int smi_pager_install(struct smi_pager_area *area, uint64_t page, uint64_t end,
		      const uint8_t *bytes, uint64_t *ret_npages,
		      struct smudge_error *err)
{
	struct installing in = {
		.area = area,
		.bytes = bytes,
		.first_page = page,
		.err = err,
	};
	int ret = 0;

	if (!smi_sys_uffd_use_is_alive(&area->use))
		ret = smudge_error_set(err, -EPERM, WHERE,
				       "the pager is the parent's");
	for (uint64_t next; ret == 0 && page < end; page = next) {
		next = min_u64(end, (page / SMI_PAGER_BLOCK_PAGES + 1) *
					    SMI_PAGER_BLOCK_PAGES);
		ret = install_block(&in, page, next);
	}
	*ret_npages = in.npages;
	return ret;
}

void smi_pager_wake(struct smi_pager_area *area, uint64_t page)
{
	smi_sys_uffd_wake(area->use.fd, address_of(area, page),
			  area->page_bytes);
}

void smi_pager_refill(struct smi_pager_area *area, uint64_t page)
{
	if (smi_sys_uffd_bring_zeros(area->use.fd, address_of(area, page),
				     area->page_bytes, area->pager->zeros,
				     false) < 0)
		smi_pager_wake(area, page);
}
