/* SPDX-License-Identifier: MIT */
/*
 * In the order of the regions, piece by piece, with pauses for the rate. What
 * is zeros, as far as that shows without reading, is passed over at once.
 */
#include "checkpoint/lazy_stream.h"

#include <errno.h>
#include <time.h>

#include "checkpoint/lazy_worker.h"
#include "common/range.h"
#include "qcow2/format.h"
#include "sys/clock.h"
#include "sys/guard.h"

#define SECOND_NS UINT64_C(1000000000)

struct streaming {
	struct smudge_lazy *lazy;
	uint64_t next_ns; /* not before that, at the limit of the rate */
	struct smudge_error err;
};

static void wait_until(struct smudge_lazy *lazy, uint64_t at_ns)
{
	const struct timespec at = {
		.tv_sec = (time_t)(at_ns / SECOND_NS),
		.tv_nsec = (long)(at_ns % SECOND_NS),
	};

	pthread_cond_timedwait(&lazy->changed, &lazy->lock, &at);
}

/* Wait until more is wanted, and may come. Return: false: nothing more does. */
static bool may_continue(struct streaming *s)
{
	struct smudge_lazy *lazy = s->lazy;

	SMI_SYS_GUARD(&lazy->lock);
	while (!lazy->failure) {
		if (!lazy->is_wanted)
			pthread_cond_wait(&lazy->changed, &lazy->lock);
		else if (!lazy->is_unlimited && smi_sys_now_ns() < s->next_ns)
			wait_until(lazy, s->next_ns);
		else
			return true;
	}
	return false;
}

/* Relaxed: a statistic. */
static void came_in(struct streaming *s, uint64_t bytes)
{
	uint64_t rate = s->lazy->options.stream_bytes_per_second;
	uint64_t now_ns = smi_sys_now_ns();

	atomic_fetch_add_explicit(&s->lazy->stream_bytes, bytes,
				  memory_order_relaxed);
	/* What was not used for more than a second is lost. */
	if (rate && s->next_ns + SECOND_NS < now_ns)
		s->next_ns = now_ns - SECOND_NS;
	if (rate)
		s->next_ns += (uint64_t)((double)bytes * 1e9 / (double)rate);
}

static int stream_run(struct streaming *s, size_t region, uint64_t start_bytes,
		      uint64_t end_bytes)
{
	struct smi_lazy_worker *worker = &s->lazy->streamer;
	uint64_t room_bytes = worker->room_npages << SMI_QCOW2_PAGE_SHIFT;
	int ret = 0;

	while (ret == 0 && start_bytes < end_bytes) {
		uint64_t n = min_u64(room_bytes, end_bytes - start_bytes);
		uint64_t bytes;

		if (!may_continue(s))
			return -ECANCELED;
		ret = smi_lazy_worker_bring(s->lazy, worker, region,
					    start_bytes >> SMI_QCOW2_PAGE_SHIFT,
					    n >> SMI_QCOW2_PAGE_SHIFT, false,
					    &bytes, &s->err);
		came_in(s, bytes);
		start_bytes += n;
	}
	return ret;
}

/* What of [start, end) is missing. */
static int stream_range(struct streaming *s, size_t region,
			uint64_t start_bytes, uint64_t end_bytes)
{
	uint64_t run_end = end_bytes;
	int ret = 0;

	while (ret == 0 && start_bytes < end_bytes &&
	       smudge_pager_next_missing(s->lazy->pager, region, &start_bytes,
					 &run_end)) {
		ret = stream_run(s, region, start_bytes, run_end);
		start_bytes = run_end;
		run_end = end_bytes;
	}
	return ret;
}

/* A part of one extent: zeros that show, or what is read at once. */
static int next_part(struct streaming *s, size_t region, uint64_t page,
		     uint64_t end_page, uint64_t *ret_npages, bool *ret_zeros)
{
	struct smi_page_reader *reader = s->lazy->streamer.reader;
	struct smi_part part = smi_part_at(&s->lazy->chain->layer,
					   s->lazy->layer_regions[region], page,
					   end_page - page);
	uint64_t nzeros = 0;
	int ret = smi_page_reader_locate(reader, &part, &s->err);

	if (ret == 0)
		ret = smi_page_reader_zeros(reader, &part, &nzeros, &s->err);
	*ret_zeros = nzeros != 0;
	*ret_npages =
		nzeros ? nzeros : min_u64(part.npages, SMI_LAZY_STREAM_PAGES);
	return ret;
}

/* Whole pages of the pager around or within pages of 4 KiB. */
static uint64_t round_down(uint64_t page, uint64_t unit)
{
	return page / unit * unit;
}

static uint64_t round_up(uint64_t page, uint64_t unit)
{
	return round_down(page + unit - 1, unit);
}

static void know_zeros(struct streaming *s, size_t region, uint64_t page,
		       uint64_t end, uint64_t unit)
{
	uint64_t first = round_up(page, unit);
	uint64_t last = round_down(end, unit);

	if (first < last)
		smudge_pager_know_zeros(s->lazy->pager, region,
					first << SMI_QCOW2_PAGE_SHIFT,
					(last - first) << SMI_QCOW2_PAGE_SHIFT);
}

/* Pages of zeros have digests of zeros. */
static void know_part(struct streaming *s, size_t region,
		      const struct smi_part *part,
		      const struct smi_qcow2_digest *digests, uint64_t unit)
{
	uint64_t end;

	for (uint64_t i = 0; i < part->npages; i = end + 1) {
		end = i;
		while (end < part->npages &&
		       smi_qcow2_digest_is_zero(digests[end]))
			end++;
		know_zeros(s, region, part->first_page + i,
			   part->first_page + end, unit);
	}
}

static int know_region(struct streaming *s, size_t region)
{
	const struct smudge_lazy *lazy = s->lazy;
	const struct smi_layer *layer = &lazy->chain->layer;
	size_t layer_region = lazy->layer_regions[region];
	uint64_t unit = smudge_pager_page_bytes(lazy->pager, region) >>
			SMI_QCOW2_PAGE_SHIFT;
	uint64_t end =
		layer->regions[layer_region].size_bytes >> SMI_QCOW2_PAGE_SHIFT;
	uint64_t n = 0;
	int ret = 0;

	for (uint64_t page = 0; ret == 0 && page < end; page += n) {
		const struct smi_qcow2_digest *digests;
		struct smi_part part =
			smi_part_at(layer, layer_region, page,
				    min_u64(end - page, SMI_PART_PAGES));

		if (!may_continue(s))
			return -ECANCELED;
		ret = smi_page_reader_digests(lazy->streamer.reader, &part,
					      &digests, &s->err);
		if (ret == 0)
			know_part(s, region, &part, digests, unit);
		n = part.npages;
	}
	return ret;
}

/* Where the rest takes long, how much it is shows at once. */
static int know_all_zeros(struct streaming *s)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < s->lazy->match.nheld; i++)
		ret = know_region(s, i);
	return ret;
}

static int stream_region(struct streaming *s, size_t region)
{
	const struct smudge_lazy *lazy = s->lazy;
	uint64_t unit = smudge_pager_page_bytes(lazy->pager, region) >>
			SMI_QCOW2_PAGE_SHIFT;
	uint64_t end_page =
		lazy->chain->layer.regions[lazy->layer_regions[region]]
			.size_bytes >>
		SMI_QCOW2_PAGE_SHIFT;
	uint64_t npages = 0;
	int ret = 0;

	for (uint64_t page = 0; ret == 0 && page < end_page; page += npages) {
		bool are_zeros = false;

		if (!may_continue(s))
			return -ECANCELED;
		ret = next_part(s, region, page, end_page, &npages, &are_zeros);
		if (ret == 0 && are_zeros)
			know_zeros(s, region, page, page + npages, unit);
		/* Of zeros, what is a part of a huge page. */
		if (ret == 0 && (!are_zeros || unit > 1))
			ret = stream_range(s, region,
					   round_down(page, unit)
						   << SMI_QCOW2_PAGE_SHIFT,
					   round_up(page + npages, unit)
						   << SMI_QCOW2_PAGE_SHIFT);
	}
	return ret;
}

static int stream_all(struct streaming *s)
{
	int ret = smi_chain_need_tables(s->lazy->chain, &s->err);

	if (ret == 0 && s->lazy->options.stream_bytes_per_second)
		ret = know_all_zeros(s);
	for (size_t i = 0; ret == 0 && i < s->lazy->match.nheld; i++)
		ret = stream_region(s, i);
	return ret;
}

static void complete(struct smudge_lazy *lazy)
{
	SMI_SYS_GUARD(&lazy->lock);
	lazy->is_complete = !lazy->failure;
	lazy->complete_ns = smi_sys_now_ns();
	pthread_cond_broadcast(&lazy->changed);
}

void *smi_lazy_stream(void *opaque)
{
	struct streaming s = {.lazy = opaque, .err = SMUDGE_ERROR_INIT};
	int ret = stream_all(&s);

	if (ret == 0)
		complete(s.lazy);
	else if (s.err.code)
		smudge_pager_fail(s.lazy->pager, ret, s.err.message);
	return NULL;
}
