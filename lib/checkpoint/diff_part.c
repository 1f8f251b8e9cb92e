/* SPDX-License-Identifier: MIT */
/*
 * Two parts of one length, page by page.
 */
#include "checkpoint/diff_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "qcow2/format.h"

#define WHERE "chain"

#define BUFFER_BYTES (SMI_READ_PAGES * SMI_QCOW2_PAGE_BYTES)

int smi_diff_open(struct smi_diff_sides *sides, struct smudge_chain *from,
		  struct smudge_chain *to, struct smudge_error *err)
{
	int ret = smi_page_reader_create(from, &sides->from_reader, err);

	if (ret == 0)
		ret = smi_page_reader_create(to, &sides->to_reader, err);
	if (ret < 0) {
		smi_diff_close(sides);
		return ret;
	}
	sides->from = from;
	sides->to = to;
	return 0;
}

void smi_diff_close(struct smi_diff_sides *sides)
{
	smi_page_reader_destroy(sides->from_reader);
	smi_page_reader_destroy(sides->to_reader);
	free(sides->from_bytes);
	free(sides->to_bytes);
}

static int need_buffers(struct smi_diff_sides *s, struct smudge_error *err)
{
	if (!s->from_bytes)
		s->from_bytes = malloc(BUFFER_BYTES);
	if (!s->to_bytes)
		s->to_bytes = malloc(BUFFER_BYTES);
	if (s->from_bytes && s->to_bytes)
		return 0;
	return smudge_error_set(err, -ENOMEM, WHERE,
				"no memory to compare pages");
}

/* The pages themselves, since their digests say nothing. */
static int compare_pages(struct smi_diff_sides *s, const struct smi_part *a,
			 const struct smi_part *b, struct smudge_error *err)
{
	int ret = need_buffers(s, err);

	if (ret == 0)
		ret = smi_page_reader_pages(s->from_reader, a, s->from_bytes,
					    err);
	if (ret == 0)
		ret = smi_page_reader_pages(s->to_reader, b, s->to_bytes, err);
	for (uint64_t i = 0; ret == 0 && i < a->npages; i++)
		s->differs[i] = memcmp(s->from_bytes + i * SMI_QCOW2_PAGE_BYTES,
				       s->to_bytes + i * SMI_QCOW2_PAGE_BYTES,
				       SMI_QCOW2_PAGE_BYTES) != 0;
	return ret;
}

static int compare_parts(struct smi_diff_sides *s, const struct smi_part *a,
			 const struct smi_part *b, struct smudge_error *err)
{
	bool is_one_place = a->disk_page == b->disk_page;
	const struct smi_qcow2_digest *x, *y;
	bool must_read = false;
	int ret = smi_page_reader_digests(s->from_reader, a, &x, err);

	if (ret == 0)
		ret = smi_page_reader_digests(s->to_reader, b, &y, err);
	if (ret < 0)
		return ret;
	for (uint64_t i = 0; i < a->npages; i++) {
		s->differs[i] = !smi_qcow2_digest_is_equal(x[i], y[i]);
		must_read |= !is_one_place && !smi_qcow2_digest_is_zero(x[i]) &&
			     !smi_qcow2_digest_is_zero(y[i]);
	}
	return must_read ? compare_pages(s, a, b, err) : 0;
}

/* Pages that have no digest at both moments are zeros. */
static int count_zeros(struct smi_diff_sides *s, const struct smi_part *a,
		       const struct smi_part *b, uint64_t *ret_npages,
		       struct smudge_error *err)
{
	uint64_t n;
	int ret = smi_page_reader_no_digests(s->from_reader, a, &n, err);

	*ret_npages = 0;
	if (ret == 0 && n)
		ret = smi_page_reader_no_digests(s->to_reader, b, ret_npages,
						 err);
	*ret_npages = min_u64(*ret_npages, n);
	return ret;
}

/* The pages from @page on are compared, or skipped: then none is known. */
static int look_at(struct smi_diff_sides *s, size_t from, size_t to,
		   uint64_t page, uint64_t end_page, uint64_t *ret_nzeros,
		   struct smudge_error *err)
{
	struct smi_part a =
		smi_part_at(&s->from->layer, from, page, end_page - page);
	struct smi_part b = smi_part_at(&s->to->layer, to, page, a.npages);
	int ret;

	a.npages = b.npages;
	s->is_known = false;
	ret = count_zeros(s, &a, &b, ret_nzeros, err);
	if (ret < 0 || *ret_nzeros)
		return ret;
	a.npages = min_u64(a.npages, SMI_READ_PAGES);
	b.npages = a.npages;
	ret = compare_parts(s, &a, &b, err);
	s->is_known = ret == 0;
	s->region = to;
	s->first_page = page;
	s->npages = a.npages;
	return ret;
}

int smi_diff_next(struct smi_diff_sides *sides, size_t from, size_t to,
		  uint64_t *page, uint64_t end_page, bool *ret_differs,
		  struct smudge_error *err)
{
	uint64_t nzeros = 0, index, n = 1;
	int ret = 0;

	if (!sides->is_known || sides->region != to ||
	    *page < sides->first_page ||
	    *page - sides->first_page >= sides->npages)
		ret = look_at(sides, from, to, *page, end_page, &nzeros, err);
	if (ret < 0)
		return ret;
	*ret_differs = false;
	if (nzeros) {
		*page += nzeros;
		return 0;
	}
	index = *page - sides->first_page;
	while (index + n < sides->npages &&
	       sides->differs[index + n] == sides->differs[index])
		n++;
	*ret_differs = sides->differs[index];
	*page += n;
	return 0;
}
