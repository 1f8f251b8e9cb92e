/* SPDX-License-Identifier: MIT */
/*
 * Harvests and looks of a region or of the whole memory: what the sources
 * detected goes into every view's bitmap, in one pass. RE-ARMING in objects.h
 * explains when writers are re-armed.
 */
#include "memory/source.h"

#include "memory/space.h"
#include "sys/clock.h"
#include "sys/guard.h"
#include "sys/log.h"

static void count_region(struct smudge_region *region, enum smi_harvest how,
			 uint64_t ns)
{
	struct smi_counters *counters = &region->memory->counters;

	smi_add(how == SMI_LOOK ? &counters->looks : &counters->harvests, 1);
	smi_add(how == SMI_LOOK ? &counters->look_ns : &counters->harvest_ns,
		ns);
}

static int harvest_region(struct smudge_region *region, enum smi_harvest how,
			  struct smudge_error *err)
{
	uint64_t start_ns = smi_sys_now_ns();
	int ret = 0;

	smi_add(&region->memory->generation, 1);
	SMI_SYS_GUARD(&region->lock);
	/* Every source has a look while a quiesced client watches. */
	if (how == SMI_HARVEST && region->nquiesced)
		how = SMI_LOOK;
	else if (how == SMI_LOOK && smi_region_is_watched(region))
		ret = smi_sources_check_look(region, err);
	if (ret == 0 && smi_region_is_watched(region)) {
		ret = smi_sources_harvest(region, how, err);
		count_region(region, how, smi_sys_now_ns() - start_ns);
	}
	return ret;
}

/* memory->lock held. Every region, whatever fails. */
static int harvest_all(struct smudge_memory *memory, enum smi_harvest how,
		       struct smudge_error *err)
{
	const struct smi_region_table *table = smi_memory_table(memory);
	int first = 0;

	for (size_t i = 0; i < table->n; i++) {
		int ret = harvest_region(table->regions[i], how, err);

		if (ret < 0 && first == 0)
			first = ret;
	}
	return first;
}

static int harvest_memory(struct smudge_memory *memory, enum smi_harvest how,
			  struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	ret = smi_memory_check_space(memory, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&memory->lock);
	return harvest_all(memory, how, err);
}

static int harvest_one(struct smudge_region *region, enum smi_harvest how,
		       struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	ret = smi_memory_check_space(region->memory, err);
	return ret < 0 ? ret : harvest_region(region, how, err);
}

int smudge_region_harvest(struct smudge_region *region,
			  struct smudge_error *err)
{
	SMI_SYS_LOG_SCOPE();
	return harvest_one(region, SMI_HARVEST, err);
}

int smudge_memory_harvest(struct smudge_memory *memory,
			  struct smudge_error *err)
{
	SMI_SYS_LOG_SCOPE();
	return harvest_memory(memory, SMI_HARVEST, err);
}

int smudge_region_harvest_quiesced(struct smudge_region *region,
				   struct smudge_error *err)
{
	SMI_SYS_LOG_SCOPE();
	return harvest_one(region, SMI_QUIESCED, err);
}

int smudge_memory_harvest_quiesced(struct smudge_memory *memory,
				   struct smudge_error *err)
{
	SMI_SYS_LOG_SCOPE();
	return harvest_memory(memory, SMI_QUIESCED, err);
}

int smudge_region_look(struct smudge_region *region, struct smudge_error *err)
{
	SMI_SYS_LOG_SCOPE();
	return harvest_one(region, SMI_LOOK, err);
}

static int check_look(struct smudge_region *region, struct smudge_error *err)
{
	SMI_SYS_GUARD(&region->lock);
	return smi_region_is_watched(region)
		       ? smi_sources_check_look(region, err)
		       : 0;
}

/* Every source is checked for its look before the first one is asked. */
int smudge_memory_look(struct smudge_memory *memory, struct smudge_error *err)
{
	const struct smi_region_table *table;
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_memory_check_space(memory, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&memory->lock);
	table = smi_memory_table(memory);
	for (size_t i = 0; i < table->n && ret == 0; i++)
		ret = check_look(table->regions[i], err);
	if (ret == 0)
		ret = harvest_all(memory, SMI_LOOK, err);
	return ret;
}

enum smudge_rearm_policy
smudge_region_rearm_policy(struct smudge_region *region)
{
	SMI_SYS_GUARD(&region->lock);
	return region->nquiesced ? SMUDGE_REARM_QUIESCED : SMUDGE_REARM_ALWAYS;
}
