/* SPDX-License-Identifier: MIT */
/*
 * Soft-dirty bits as a source. soft_dirty_bits.h has what all such sources
 * share.
 */
#include <smudge/soft_dirty.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/range_check.h"
#include "source/soft_dirty_bits.h"
#include "sys/options.h"
#include "sys/smaps.h"
#include "sys/space.h"

#define WHERE "soft_dirty"

struct soft_dirty {
	struct smudge_soft_dirty_options options;
	struct smi_soft_dirty_use use; /* between start and stop */
	uint64_t *words; /* of the use; what a harvest or look reports */
	unsigned int page_shift; /* the host's */
};

struct check {
	uint64_t at;	     /* what comes before was visited */
	uint64_t page_bytes; /* the host's */
};

/* What no bit is kept for. Return: a code that nothing else returns. */
static int check_mapping(void *opaque, const struct smi_sys_smap *m)
{
	struct check *check = opaque;

	if (m->start != check->at)
		return -EFAULT;
	check->at = m->end;
	if (m->page_bytes != check->page_bytes)
		return -EMEDIUMTYPE;
	if (m->is_shared)
		return -ENOTUNIQ;
	return m->is_mergeable ? -EUCLEAN : 0;
}

static int refuse(struct smudge_error *err, int code, uint64_t at)
{
	if (code == -EFAULT)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"memory is not mapped before 0x%" PRIx64
					", or at it",
					at);
	if (code == -EMEDIUMTYPE)
		return smudge_error_set(err, -EOPNOTSUPP, WHERE,
					"memory up to 0x%" PRIx64
					" is hugetlbfs, which has no "
					"soft-dirty bits",
					at);
	if (code == -ENOTUNIQ)
		return smudge_error_set(
			err, -EOPNOTSUPP, WHERE,
			"memory up to 0x%" PRIx64
			" is shared: the kernel forgets the soft-dirty bit of "
			"a shared page that it unmaps",
			at);
	if (code == -EUCLEAN)
		return smudge_error_set(err, -EOPNOTSUPP, WHERE,
					"memory up to 0x%" PRIx64
					" may be merged by KSM, which replaces "
					"entries with soft-dirty bits",
					at);
	return smudge_error_set(err, code, WHERE,
				"cannot read the kinds of memory from "
				"/proc/self/smaps: %s",
				strerror(-code));
}

static int check_memory(uint64_t start, uint64_t end, struct smudge_error *err)
{
	struct check check = {.at = start,
			      .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE)};
	int ret = smi_sys_smaps_each(start, end, check_mapping, &check);

	if (!ret && check.at != end)
		ret = -EFAULT;
	return ret ? refuse(err, ret, check.at) : 0;
}

/* The range's addresses, if they are whole host pages. */
static int get_range(const struct soft_dirty *s,
		     const struct smudge_source_range *range,
		     uint64_t *ret_start, uint64_t *ret_end,
		     struct smudge_error *err)
{
	uint64_t start = (uintptr_t)range->hva;
	uint64_t end = start + (range->npages << range->page_shift);
	int ret = smi_range_check_hva(range, WHERE, err);

	if (ret < 0)
		return ret;
	if (end <= start ||
	    ((start | end) & ((UINT64_C(1) << s->page_shift) - 1)))
		return smudge_error_set(err, -EINVAL, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" is not made of whole host pages",
					start, end);
	*ret_start = start;
	*ret_end = end;
	return 0;
}

/* Bits of @npages; NULL: no memory. */
static uint64_t *allocate_words(uint64_t npages, struct smudge_error *err)
{
	uint64_t *words = calloc((size_t)((npages + 63) / 64), sizeof(*words));

	if (!words)
		smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	return words;
}

static int soft_dirty_start(void *opaque,
			    const struct smudge_source_range *range,
			    struct smudge_error *err)
{
	struct soft_dirty *s = opaque;
	uint64_t start = 0, end = 0;
	int ret = get_range(s, range, &start, &end, err);

	if (!ret)
		ret = check_memory(start, end, err);
	if (ret < 0)
		return ret;
	s->use = (struct smi_soft_dirty_use){
		.options = &s->options,
		.first_page = start >> s->page_shift,
		.npages = (end - start) >> s->page_shift};
	s->words = allocate_words(s->use.npages, err);
	if (!s->words)
		return -ENOMEM;
	ret = smi_soft_dirty_open(&s->use, err);
	if (ret) {
		free(s->words);
		s->words = NULL;
	}
	return ret;
}

/* Nothing is cleared: what was stored to the new pages is reported once. */
static int soft_dirty_grow(void *opaque,
			   const struct smudge_source_range *range,
			   struct smudge_error *err)
{
	struct soft_dirty *s = opaque;
	uint64_t start = 0, end = 0, npages;
	uint64_t *words;
	int ret = get_range(s, range, &start, &end, err);

	if (ret < 0)
		return ret;
	npages = (end - start) >> s->page_shift;
	ret = check_memory(start + (s->use.npages << s->page_shift), end, err);
	if (ret < 0)
		return ret;
	words = allocate_words(npages, err);
	if (!words)
		return -ENOMEM;
	ret = smi_soft_dirty_grow(&s->use, npages, err);
	if (ret < 0) {
		free(words);
		return ret;
	}
	free(s->words);
	s->words = words;
	return 0;
}

static void soft_dirty_shrink(void *opaque,
			      const struct smudge_source_range *range)
{
	struct soft_dirty *s = opaque;

	smi_soft_dirty_cut(&s->use, (range->npages << range->page_shift) >>
					    s->page_shift);
}

static void soft_dirty_stop(void *opaque)
{
	struct soft_dirty *s = opaque;

	smi_soft_dirty_close(&s->use);
	free(s->words);
	s->words = NULL;
}

static int check_alive(const struct soft_dirty *s, struct smudge_error *err)
{
	if (smi_sys_space_is(s->use.space))
		return 0;
	return smudge_error_set(
		err, -EPERM, WHERE,
		"it was started before fork(2), by the parent process");
}

/* After a failure the pages of this range are dirty by that; what is pending
 * is reported again later. */
static int soft_dirty_harvest(void *opaque, struct smudge_sink *sink,
			      struct smudge_error *err)
{
	struct soft_dirty *s = opaque;
	int ret = check_alive(s, err);

	if (!ret)
		ret = smi_soft_dirty_fetch(&s->use, err);
	if (ret)
		return ret;
	smi_soft_dirty_take(&s->use, s->words);
	smudge_sink_bitmap(sink, 0, s->words, 0, s->use.npages, s->page_shift);
	return 0;
}

static int soft_dirty_look(void *opaque, struct smudge_sink *sink,
			   struct smudge_error *err)
{
	struct soft_dirty *s = opaque;
	int ret = check_alive(s, err);

	if (!ret)
		ret = smi_soft_dirty_look(&s->use, s->words, err);
	if (ret)
		return ret;
	smudge_sink_bitmap(sink, 0, s->words, 0, s->use.npages, s->page_shift);
	return 0;
}

static const struct smudge_source_ops soft_dirty_ops = {
	.size = sizeof(soft_dirty_ops),
	.name = "soft_dirty",
	.start = soft_dirty_start,
	.stop = soft_dirty_stop,
	.harvest = soft_dirty_harvest,
	.look = soft_dirty_look,
	.destroy = free,
	.grow = soft_dirty_grow,
	.shrink = soft_dirty_shrink,
};

static int create(const struct smudge_soft_dirty_options *own,
		  struct smudge_source **ret_source, struct smudge_error *err)
{
	struct soft_dirty *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	s->options = *own;
	s->page_shift = (unsigned int)__builtin_ctzl(
		(unsigned long)sysconf(_SC_PAGESIZE));
	ret = smudge_source_create(&soft_dirty_ops, s, ret_source, err);
	if (ret < 0)
		free(s);
	return ret;
}

int smudge_soft_dirty_create(const struct smudge_soft_dirty_options *options,
			     struct smudge_source **ret_source,
			     struct smudge_error *err)
{
	struct smudge_soft_dirty_options own;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(
		&own, options, SMI_SYS_SHAPE(smudge_soft_dirty_options, opaque),
		WHERE, err);
	if (ret < 0)
		return ret;
	if (!own.quiesce || !own.resume)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"without quiesce and resume, what is written between "
			"reading and clearing the bits would be lost");
	ret = smi_soft_dirty_probe(err);
	return ret < 0 ? ret : create(&own, ret_source, err);
}
