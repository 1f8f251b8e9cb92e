/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the options of a region: one sentence for each cause.
 *
 * A sentence has the name of the region, the value that is wrong, and what it
 * should be. Names are cut, so that the numbers of two regions fit into it.
 */
#include "memory/region.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define WHERE "region"

static int check_name(const char *name, struct smudge_error *err)
{
	if (!name)
		return smudge_error_set(err, -EINVAL, WHERE,
					"a region needs a name: .name is NULL");
	if (!name[0])
		return smudge_error_set(err, -EINVAL, WHERE,
					"a region needs a name: .name is "
					"empty");
	if (strlen(name) >= sizeof(((struct smudge_region *)NULL)->name))
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %.31s...: its name has %zu "
					"bytes, and 63 are allowed",
					name, strlen(name));
	return 0;
}

static int check_host(const struct smudge_region_options *o,
		      struct smudge_error *err)
{
	if (!o->hva && !o->read)
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %.31s: .hva is NULL, set it to "
					"where its memory is mapped",
					o->name);
	if (o->hva && o->read)
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %.31s: it has both .hva and "
					".read, and needs one of them",
					o->name);
	if (o->hva && o->next_populated)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"region %.31s: .next_populated is for a "
			"region with .read, and it has .hva",
			o->name);
	if ((uintptr_t)o->hva & 4095)
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %.31s: hva 0x%" PRIxPTR
					" is not a multiple of 4096",
					o->name, (uintptr_t)o->hva);
	return 0;
}

static int check_size(const struct smudge_region_options *o,
		      struct smudge_error *err)
{
	uint64_t page_bytes = UINT64_C(1) << o->page_shift;

	if (!o->size_bytes)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"region %.31s: .size_bytes is 0, set it "
			"to the length of its memory",
			o->name);
	if (o->size_bytes & (page_bytes - 1))
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %.31s: size_bytes 0x%" PRIx64
					" is not a multiple of its page size "
					"0x%" PRIx64,
					o->name, o->size_bytes, page_bytes);
	if (o->size_bytes >> o->page_shift > SMUDGE_BITMAP_MAX_PAGES)
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %.31s: size_bytes 0x%" PRIx64
					" is %" PRIu64 " pages, and 2^40 are "
					"allowed",
					o->name, o->size_bytes,
					o->size_bytes >> o->page_shift);
	return 0;
}

static int check_guest(const struct smudge_region_options *o,
		       struct smudge_error *err)
{
	uint64_t page_bytes = UINT64_C(1) << o->page_shift;

	if (o->gpa & (page_bytes - 1))
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %.31s: gpa 0x%" PRIx64
					" is not a multiple of its page size "
					"0x%" PRIx64,
					o->name, o->gpa, page_bytes);
	if (o->size_bytes > UINT64_MAX - o->gpa)
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %.31s: 0x%" PRIx64
					" bytes at gpa 0x%" PRIx64
					" end beyond 2^64 - 1",
					o->name, o->size_bytes, o->gpa);
	return 0;
}

static int bad_max(const struct smudge_region_options *o, const char *why,
		   struct smudge_error *err)
{
	return smudge_error_set(err, -EINVAL, WHERE,
				"region %.31s: max_size_bytes 0x%" PRIx64 " %s",
				o->name, o->max_size_bytes, why);
}

/* What it may grow to, as it was given. */
static int check_max(const struct smudge_region_options *o,
		     struct smudge_error *err)
{
	uint64_t page_bytes = UINT64_C(1) << o->page_shift;

	if (o->max_size_bytes < o->size_bytes)
		return bad_max(o, "is less than size_bytes", err);
	if (o->max_size_bytes & (page_bytes - 1))
		return bad_max(o, "is no multiple of its pages", err);
	if (o->max_size_bytes >> o->page_shift > SMUDGE_BITMAP_MAX_PAGES)
		return bad_max(o, "is more than the 2^40 pages allowed", err);
	if (o->max_size_bytes > UINT64_MAX - o->gpa)
		return bad_max(o, "ends beyond 2^64 - 1, from its gpa on", err);
	if (o->max_size_bytes > UINTPTR_MAX - (uintptr_t)o->hva)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"region %.31s: 0x%" PRIx64 " bytes at hva 0x%" PRIxPTR
			" end beyond 2^64 - 1",
			o->name, o->max_size_bytes, (uintptr_t)o->hva);
	return 0;
}

int smi_region_check_options(const struct smudge_region_options *o,
			     struct smudge_error *err)
{
	int ret = check_name(o->name, err);

	if (ret == 0)
		ret = check_host(o, err);
	if (ret == 0 && (o->page_shift < 12 || o->page_shift > 30))
		ret = smudge_error_set(err, -EINVAL, WHERE,
				       "region %.31s: page_shift %u is not "
				       "from 12 (4 KiB) to 30 (1 GiB)",
				       o->name, o->page_shift);
	if (ret == 0)
		ret = check_size(o, err);
	if (ret == 0)
		ret = check_guest(o, err);
	if (ret == 0)
		ret = check_max(o, err);
	return ret;
}

/* Most second regions that overlap the first one have no gpa of their own. */
static const char *overlap_advice(const struct smudge_region *region,
				  const struct smudge_region_options *o)
{
	return o->gpa || region->gpa ? "" : ": .gpa of both is 0, set it";
}

static int check_beside(const struct smudge_region *region,
			const struct smudge_region_options *o,
			struct smudge_error *err)
{
	uint64_t last = o->gpa + (o->size_bytes - 1);
	int ret = 0;

	if (o->gpa <= smi_region_last_gpa(region) && region->gpa <= last)
		ret = smudge_error_set(
			err, -EEXIST, WHERE,
			"region %.31s, gpa 0x%" PRIx64 " to 0x%" PRIx64
			", overlaps region %.31s, gpa 0x%" PRIx64
			" to 0x%" PRIx64 "%s",
			o->name, o->gpa, last, region->name, region->gpa,
			smi_region_last_gpa(region), overlap_advice(region, o));
	else if (!strcmp(region->name, o->name))
		ret = smudge_error_set(
			err, -EEXIST, WHERE,
			"the name %s is taken by a region of %" PRIu64
			" pages at gpa 0x%" PRIx64,
			o->name, smi_region_npages(region), region->gpa);
	if (ret < 0)
		smudge_error_at(err, region->id, 0);
	return ret;
}

int smi_region_check_room(const struct smi_region_table *table,
			  const struct smudge_region_options *o,
			  struct smudge_error *err)
{
	int ret = 0;

	if (table->n >= SMUDGE_MAX_REGIONS)
		return smudge_error_set(err, -ENOSPC, WHERE,
					"region %.31s is one too many: the "
					"memory has %zu already",
					o->name, table->n);
	for (size_t i = 0; i < table->n && ret == 0; i++)
		ret = check_beside(table->regions[i], o, err);
	return ret;
}
