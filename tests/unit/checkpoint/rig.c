/* SPDX-License-Identifier: MIT */
/*
 * The machine that tests checkpoint.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/source.h>

enum {
	PAGE = 4096
};

static void make_folder(struct rig *rig, const char *test_name)
{
	snprintf(rig->folder, sizeof(rig->folder), "/tmp/smudge-%.24s-XXXXXX",
		 test_name);
	assert_non_null(mkdtemp(rig->folder));
	rig->options.size = sizeof(rig->options);
}

static void remove_folder(struct rig *rig)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", rig->folder);
	assert_int_equal(system(command), 0);
}

/* A pause is not kept waiting by writers that take turns. */
static void init_lock(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

void rig_open(struct rig *rig, const char *test_name)
{
	*rig = (struct rig){.does_mark = true, .machine = rig};
	make_folder(rig, test_name);
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	init_lock(&rig->running);
}

void rig_open_beside(struct rig *rig, struct rig *machine)
{
	*rig = (struct rig){.machine = machine, .memory = machine->memory};
	make_folder(rig, "beside");
}

static void close_machine(struct rig *rig)
{
	rig_stop(rig);
	for (size_t i = 0; i < RIG_MAX_REGIONS; i++)
		if (rig->regions[i].region)
			rig_remove(rig, &rig->regions[i]);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	pthread_rwlock_destroy(&rig->running);
	for (size_t i = 0; i < RIG_MAX_REGIONS; i++)
		if (rig->sources[i])
			smudge_source_destroy(rig->sources[i]);
}

void rig_close(struct rig *rig)
{
	if (rig->machine == rig)
		rig_stop(rig);
	rig_destroy(rig);
	if (rig->machine == rig)
		close_machine(rig);
	rig_free_moment(&rig->last);
	remove_folder(rig);
}

void rig_free_moment(struct rig_moment *moment)
{
	for (size_t i = 0; i < moment->nregions; i++)
		free(moment->regions[i].bytes);
	moment->nregions = 0;
}

struct rig_moment rig_take_moment(struct rig *rig)
{
	struct rig_moment moment = rig->last;

	rig->last.nregions = 0;
	return moment;
}

static int call_hook(struct rig *rig, const char *callback)
{
	return rig->hook ? rig->hook(rig, callback) : 0;
}

/* cmocka's assertions are for the main thread: this one runs there. */
static void copy_moment(struct rig *rig)
{
	struct rig_moment *to = &rig->last;

	rig_free_moment(to);
	for (size_t i = 0; i < RIG_MAX_REGIONS; i++) {
		struct rig_region *from = &rig->machine->regions[i];

		if (!from->region)
			continue;
		memcpy(to->regions[to->nregions].name, from->name,
		       sizeof(from->name));
		to->regions[to->nregions].npages = from->npages;
		/* One may fail: that was meant for the library. */
		do
			to->regions[to->nregions].bytes =
				malloc(from->npages * PAGE);
		while (!to->regions[to->nregions].bytes);
		memcpy(to->regions[to->nregions].bytes, from->bytes,
		       from->npages * PAGE);
		to->nregions++;
	}
}

static int quiesce(void *opaque, struct smudge_error *err)
{
	struct rig *rig = opaque;
	int ret = call_hook(rig, "quiesce");

	if (ret)
		return ret;
	rig_pause(rig);
	rig->npauses++;
	if (rig->options.quiesce_harvests)
		ret = smudge_memory_harvest_quiesced(rig->memory, err);
	if (ret)
		rig_resume(rig);
	return ret;
}

static int resume(void *opaque, struct smudge_error *err)
{
	struct rig *rig = opaque;

	/* Not before, since it populates all that it reads. */
	copy_moment(rig);
	rig->nresumes++;
	rig_resume(rig);
	return call_hook(rig, "resume");
}

static int save_state(void *opaque, struct smudge_checkpointer *cp,
		      struct smudge_error *err)
{
	struct rig *rig = opaque;
	int ret = call_hook(rig, "save_state");

	return ret ? ret
		   : smudge_checkpoint_add_blob(cp, "pauses", &rig->npauses,
						sizeof(rig->npauses), err);
}

static int store_full(void *opaque)
{
	struct rig *rig = opaque;

	rig->nfull++;
	return call_hook(rig, "store_full");
}

void rig_create(struct rig *rig)
{
	struct smudge_error err;

	rig->options.folder = rig->options.disk ? NULL : rig->folder;
	rig->options.quiesce = quiesce;
	rig->options.resume = resume;
	rig->options.save_state = save_state;
	rig->options.store_full = store_full;
	rig->options.opaque = rig;
	if (smudge_checkpointer_create(rig->memory, &rig->options, &rig->cp,
				       &err))
		fail_msg("%s", err.message);
}

void rig_destroy(struct rig *rig)
{
	assert_int_equal(smudge_checkpointer_destroy(rig->cp), 0);
	rig->cp = NULL;
	assert_int_equal(rig->npauses, rig->nresumes);
}

uint64_t rig_save(struct rig *rig)
{
	struct smudge_error err;
	uint64_t ticket = 0;

	if (smudge_checkpointer_save(rig->cp, NULL, &ticket, &err))
		fail_msg("%s", err.message);
	return ticket;
}

void rig_check(struct rig *rig, uint64_t ticket,
	       const struct rig_moment *moment,
	       struct smudge_layer_info *ret_info)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct smudge_error err;

	if (smudge_checkpointer_wait(rig->cp, ticket, &info, &err))
		fail_msg("%s", err.message);
	rig_compare(rig, info.number, moment);
	if (ret_info)
		*ret_info = info;
}

void rig_checkpoint(struct rig *rig, struct smudge_layer_info *ret_info)
{
	uint64_t ticket = rig_save(rig);
	struct rig_moment moment = rig_take_moment(rig);

	rig_check(rig, ticket, &moment, ret_info);
	rig_free_moment(&moment);
}
