/* SPDX-License-Identifier: MIT */
/*
 * The log that vhost back ends write: fetched by exchanging its words.
 *
 * WHY NOTHING IS LOST. A back end writes memory and then sets the bit, by an
 * atomic OR. The OR comes before the exchange of its word, or after it. Before:
 * the exchange returns the bit, and acquires what the back end wrote (its OR
 * releases, or a barrier comes before it), so a client that reads the page
 * finds it. After: the bit stays for the next harvest. There is no third case,
 * and no order of the clearing against the reading is needed.
 *
 * A word at either end of the range may hold bits of other regions. Those stay:
 * an AND clears the range's own.
 */
#include <smudge/vhost_log.h>

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "sys/options.h"
#include "sys/space.h"

#define WHERE "vhost_log"

#define PAGE_SHIFT 12
#define WORD_PAGES UINT64_C(64)

/* Words that are fetched before they are merged. */
#define NWORDS 512

struct vhost_log {
	struct smudge_vhost_log_options options;
	/* Since the last start: */
	uint64_t space;	     /* the address space */
	uint64_t first_page; /* of the log */
	uint64_t end_page;
	uint64_t words[NWORDS];
};

/* A word of the log, or of its mask, as it is in memory: little-endian. */
static uint64_t raw(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return __builtin_bswap64(word);
#else
	return word;
#endif
}

static uint64_t fetch_word(const struct vhost_log *v, uint64_t index,
			   uint64_t mask, bool is_look)
{
	_Atomic uint64_t *word = (_Atomic uint64_t *)v->options.log + index;
	/* Acquire, each: pairs with the release in smudge_vhost_log_mark. */
	uint64_t found = atomic_load_explicit(word, memory_order_acquire);

	if (is_look || !(found & mask))
		return found & mask;
	if (mask == UINT64_MAX)
		return atomic_exchange_explicit(word, 0, memory_order_acquire);
	return atomic_fetch_and_explicit(word, ~mask, memory_order_acquire) &
	       mask;
}

/* The bits of a word that are pages of the range. */
static uint64_t mask_of(const struct vhost_log *v, uint64_t index)
{
	uint64_t first = index * WORD_PAGES;
	uint64_t mask = UINT64_MAX;

	if (first < v->first_page)
		mask &= UINT64_MAX << (v->first_page - first);
	if (v->end_page - first < WORD_PAGES)
		mask &= ~(UINT64_MAX << (v->end_page - first));
	return raw(mask);
}

/* Fetch the words from @index on, at most NWORDS. Return: how many. */
static uint64_t fetch(struct vhost_log *v, uint64_t index, bool is_look,
		      bool *ret_any)
{
	uint64_t end = (v->end_page + WORD_PAGES - 1) / WORD_PAGES;
	uint64_t n = min_u64(end - index, NWORDS);
	uint64_t any = 0;

	for (uint64_t i = 0; i < n; i++) {
		v->words[i] = fetch_word(v, index + i, mask_of(v, index + i),
					 is_look);
		any |= v->words[i];
	}
	*ret_any = any;
	return n;
}

static int report(struct vhost_log *v, struct smudge_sink *sink, bool is_look,
		  struct smudge_error *err)
{
	uint64_t index = v->first_page / WORD_PAGES;

	if (!smi_sys_space_is(v->space))
		return smudge_error_set(err, -EPERM, WHERE,
					"it was started before fork(2), by the "
					"parent process");
	while (index * WORD_PAGES < v->end_page) {
		uint64_t first = index * WORD_PAGES;
		uint64_t skip =
			first < v->first_page ? v->first_page - first : 0;
		bool any;
		uint64_t n = fetch(v, index, is_look, &any);
		uint64_t end = min_u64(first + n * WORD_PAGES, v->end_page);

		if (any)
			smudge_sink_bitmap(sink, first + skip - v->first_page,
					   v->words, skip, end - first - skip,
					   PAGE_SHIFT);
		index += n;
	}
	return 0;
}

static int vhost_log_harvest(void *opaque, struct smudge_sink *sink,
			     struct smudge_error *err)
{
	return report(opaque, sink, false, err);
}

static int vhost_log_look(void *opaque, struct smudge_sink *sink,
			  struct smudge_error *err)
{
	return report(opaque, sink, true, err);
}

static int check_range(const struct vhost_log *v,
		       const struct smudge_source_range *range,
		       struct smudge_error *err)
{
	uint64_t npages = range->npages << (range->page_shift - PAGE_SHIFT);
	uint64_t first_page = range->gpa >> PAGE_SHIFT;
	uint64_t end_page = first_page + npages;
	/* More pages than addresses have are as many. */
	uint64_t has = min_u64(v->options.log_bytes, UINT64_MAX / 8) * 8;

	if (range->gpa & (SMUDGE_VHOST_LOG_PAGE_BYTES - 1))
		return smudge_error_set(err, -EINVAL, WHERE,
					"gpa 0x%" PRIx64
					" is within a page of the log",
					range->gpa);
	if (first_page >= has || npages > has - first_page)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"a log of %" PRIu64 " bytes ends before page 0x%" PRIx64
			", which takes %" PRIu64 " bytes",
			v->options.log_bytes, end_page - 1, (end_page + 7) / 8);
	return 0;
}

static void set_range(struct vhost_log *v,
		      const struct smudge_source_range *range)
{
	v->first_page = range->gpa >> PAGE_SHIFT;
	v->end_page = v->first_page +
		      (range->npages << (range->page_shift - PAGE_SHIFT));
}

/*
 * Bits that were set before are left: they are reported once for nothing, and a
 * source of another range may have to report its own.
 */
static int vhost_log_start(void *opaque,
			   const struct smudge_source_range *range,
			   struct smudge_error *err)
{
	struct vhost_log *v = opaque;
	int ret = check_range(v, range, err);

	if (ret < 0)
		return ret;
	set_range(v, range);
	v->space = smi_sys_space_id();
	if (!v->space)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	return v->options.start ? v->options.start(v->options.opaque, err) : 0;
}

static void vhost_log_stop(void *opaque)
{
	struct vhost_log *v = opaque;

	if (v->options.stop && smi_sys_space_is(v->space))
		v->options.stop(v->options.opaque);
}

/* The back ends log all the time, and the bits are there already. */
static int vhost_log_grow(void *opaque, const struct smudge_source_range *range,
			  struct smudge_error *err)
{
	struct vhost_log *v = opaque;
	int ret = check_range(v, range, err);

	if (ret == 0)
		set_range(v, range);
	return ret;
}

/* Bits of pages that went stay, and are reported if the pages come back. */
static void vhost_log_shrink(void *opaque,
			     const struct smudge_source_range *range)
{
	set_range(opaque, range);
}

static const struct smudge_source_ops vhost_log_ops = {
	.size = sizeof(vhost_log_ops),
	.name = "vhost_log",
	.start = vhost_log_start,
	.stop = vhost_log_stop,
	.harvest = vhost_log_harvest,
	.look = vhost_log_look,
	.destroy = free,
	.grow = vhost_log_grow,
	.shrink = vhost_log_shrink,
};

static int check_options(const struct smudge_vhost_log_options *o,
			 struct smudge_error *err)
{
	if (!o->log || !o->log_bytes)
		return smudge_error_set(err, -EINVAL, WHERE, "no log is given");
	if (((uintptr_t)o->log | o->log_bytes) % sizeof(uint64_t))
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"the log is not made of whole words of 8 bytes");
	if (!o->start != !o->stop)
		return smudge_error_set(err, -EINVAL, WHERE,
					"start and stop belong together");
	return 0;
}

int smudge_vhost_log_create(const struct smudge_vhost_log_options *options,
			    struct smudge_source **ret_source,
			    struct smudge_error *err)
{
	struct smudge_vhost_log_options own;
	struct vhost_log *v;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(
		&own, options, SMI_SYS_SHAPE(smudge_vhost_log_options, opaque),
		WHERE, err);
	if (!ret)
		ret = check_options(&own, err);
	if (ret < 0)
		return ret;
	v = calloc(1, sizeof(*v));
	if (!v)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	v->options = own;
	ret = smudge_source_create(&vhost_log_ops, v, ret_source, NULL);
	if (ret < 0) {
		smudge_error_set(err, ret, WHERE, "cannot make a source: %s",
				 strerror(-ret));
		free(v);
	}
	return ret;
}
