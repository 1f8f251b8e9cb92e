/* SPDX-License-Identifier: MIT */
/*
 * Code handles: open, close, and adding blocks.
 */
#include "code/code.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/log.h"
#include "sys/options.h"
#include "sys/space.h"

#define WHERE "code"

static int add_regions(struct smudge_code *code,
		       struct smudge_region *const *regions, size_t n,
		       struct smudge_error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct smi_code_region new = {
			.region = regions[i],
			.gpa = smudge_region_gpa(regions[i]),
			.npages = smudge_region_npages(regions[i]),
			.page_shift = smudge_region_page_shift(regions[i]),
		};
		size_t at = code->nregions;

		for (; at > 0 && code->regions[at - 1].gpa >= new.gpa; at--) {
			if (code->regions[at - 1].region == new.region)
				return smudge_error_set(
					err, -EINVAL, WHERE,
					"region %s is named twice",
					smudge_region_name(new.region));
			code->regions[at] = code->regions[at - 1];
		}
		code->regions[at] = new;
		code->nregions++;
	}
	return 0;
}

/* A handle with room for @n regions. */
static struct smudge_code *new_code(struct smudge_memory *memory,
				    const struct smudge_code_options *options,
				    size_t n)
{
	struct smudge_code *code =
		calloc(1, sizeof(*code) + n * sizeof(code->regions[0]));

	if (!code)
		return NULL;
	if (smudge_batch_create(0, &code->batch, NULL) < 0) {
		free(code);
		return NULL;
	}
	if (pthread_mutex_init(&code->lock, NULL)) {
		smudge_batch_destroy(code->batch);
		free(code);
		return NULL;
	}
	code->memory = memory;
	code->space = smi_sys_space_id();
	code->marks_only = options->marks_only;
	snprintf(code->name, sizeof(code->name), "%s",
		 options->name ? options->name : "code");
	return code;
}

/* A copy of the list in the options, or of all regions; each is held. */
static struct smudge_region **
list_regions(struct smudge_memory *memory,
	     const struct smudge_code_options *options, size_t *ret_n)
{
	size_t room =
		options->nregions ? options->nregions : SMUDGE_MAX_REGIONS;
	struct smudge_region **regions = calloc(room, sizeof(*regions));

	if (!regions)
		return NULL;
	if (!options->nregions) {
		*ret_n = smudge_memory_hold_regions(memory, regions, room);
		return regions;
	}
	memcpy(regions, options->regions, room * sizeof(*regions));
	for (size_t i = 0; i < room; i++)
		smudge_region_hold(regions[i]);
	*ret_n = room;
	return regions;
}

static void release_regions(struct smudge_region **regions, size_t n)
{
	for (size_t i = 0; i < n; i++)
		smudge_region_release(regions[i]);
	free(regions);
}

static int check_options(const struct smudge_code_options *o,
			 struct smudge_error *err)
{
	if (o->nregions && !o->regions)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the options count %zu regions, and "
					"name none",
					o->nregions);
	if (o->name &&
	    strlen(o->name) >= sizeof(((struct smudge_code *)0)->name))
		return smudge_error_set(err, -EINVAL, WHERE,
					"the name is longer than 31 bytes");
	return 0;
}

int smudge_code_open(struct smudge_memory *memory,
		     const struct smudge_code_options *options,
		     struct smudge_code **ret_code, struct smudge_error *err)
{
	struct smudge_code_options own;
	struct smudge_region **regions;
	struct smudge_code *code;
	size_t n = 0;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(
		&own, options, SMI_SYS_SHAPE(smudge_code_options, marks_only),
		WHERE, err);
	if (ret == 0)
		ret = check_options(&own, err);
	if (ret < 0)
		return ret;
	regions = list_regions(memory, &own, &n);
	code = regions ? new_code(memory, &own, n) : NULL;
	if (!code) {
		release_regions(regions, n);
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory to watch %zu regions", n);
	}
	ret = add_regions(code, regions, n, err);
	if (ret < 0) {
		code->nregions = 0; /* released below, not by the close */
		smudge_code_close(code);
		release_regions(regions, n);
		return ret;
	}
	free(regions);
	*ret_code = code;
	return 0;
}

void smudge_code_close(struct smudge_code *code)
{
	if (!code)
		return;
	for (size_t i = 0; i < code->nregions; i++) {
		smi_code_end_region(&code->regions[i]);
		smudge_region_release(code->regions[i].region);
	}
	smudge_batch_destroy(code->batch);
	pthread_mutex_destroy(&code->lock);
	free(code);
}

static int add_locked(struct smudge_code *code, uint64_t gpa,
		      uint64_t length_bytes, uint64_t since,
		      struct smudge_error *err)
{
	struct smi_code_region *r = smi_code_find(code, gpa, length_bytes);
	struct smudge_run run;
	int ret = 0;

	if (!r)
		return smudge_error_set(err, -EINVAL, WHERE,
					"a block of %llu bytes at %#llx lies "
					"in no watched region",
					(unsigned long long)length_bytes,
					(unsigned long long)gpa);
	run.first_page = (gpa - r->gpa) >> r->page_shift;
	run.npages = ((gpa - r->gpa + length_bytes - 1) >> r->page_shift) -
		     run.first_page + 1;
	if (run.npages > 2)
		return smudge_error_set(err, -EINVAL, WHERE,
					"a block of %llu bytes at %#llx "
					"touches more than two pages: add it "
					"in pieces",
					(unsigned long long)length_bytes,
					(unsigned long long)gpa);
	if (!r->client)
		ret = smi_code_begin_region(code, r, err);
	if (ret == 0)
		ret = smi_code_watch(code, r, run, since, err);
	if (ret == 0)
		smi_code_count(code, r, run);
	return ret;
}

uint64_t smudge_code_now(struct smudge_code *code)
{
	uint64_t now;

	pthread_mutex_lock(&code->lock);
	now = code->now;
	pthread_mutex_unlock(&code->lock);
	return now;
}

int smudge_code_add(struct smudge_code *code, uint64_t gpa,
		    uint64_t length_bytes, uint64_t since,
		    struct smudge_error *err)
{
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_sys_space_check(code->space, WHERE, "code handle", err);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&code->lock);
	ret = add_locked(code, gpa, length_bytes, since, err);
	pthread_mutex_unlock(&code->lock);
	return ret;
}
