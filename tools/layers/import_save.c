/* SPDX-License-Identifier: MIT */
/*
 * A checkpoint of the files' memory.
 */
#include "layers/import.h"

#include <errno.h>
#include <unistd.h>

#include <smudge/checkpoint.h>

#include "clock.h"
#include "layers/import_memory.h"
#include "task.h"
#include "work.h"

#define NAME	     "layers"
#define BUDGET_BYTES (UINT64_C(64) << 20)
/* No full layer in place of a diff, as far as chains are read. */
#define LONGEST_CHAIN 4096

struct saving {
	struct import *import;
	struct smudge_memory *memory;
	struct smudge_checkpointer *checkpointer;
	struct smudge_layer_info info;
	struct smudge_error err;
};

static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

/* All is read now. */
static int check_files(void *opaque, struct smudge_error *err)
{
	const struct saving *saving = opaque;
	const struct import *import = saving->import;
	int ret = 0;

	for (size_t i = 0; i < import->request->npaths && !ret; i++)
		ret = import_file_check(&import->files[i], err);
	return ret;
}

static int open_all(struct saving *saving, struct smudge_error *err)
{
	const struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = saving->import->request->folder,
		.quiesce = quiesce,
		.resume = check_files,
		.opaque = saving,
		.memory_budget_bytes = BUDGET_BYTES,
		.full_every = LONGEST_CHAIN,
		.clean_as_of = saving->import->parent,
	};
	int ret = import_memory_create(saving->import, &saving->memory, err);

	if (!ret)
		ret = smudge_checkpointer_create(saving->memory, &options,
						 &saving->checkpointer, err);
	if (!ret && saving->import->parent)
		import_memory_mark(saving->import);
	return ret;
}

static int run(void *opaque)
{
	struct saving *saving = opaque;
	uint64_t ticket;
	int ret = smudge_checkpointer_save(saving->checkpointer, NULL, &ticket,
					   &saving->err);

	if (!ret)
		ret = smudge_checkpointer_wait(saving->checkpointer, ticket,
					       &saving->info, &saving->err);
	return ret;
}

static void wait_for_end(struct saving *saving, struct task *task)
{
	struct import *import = saving->import;
	bool is_cancelled = false;
	struct work work;

	work_begin(&work, "read", import->request->is_json);
	while (!task_wait_a_little(task)) {
		uint64_t done = atomic_load_explicit(&import->read_bytes,
						     memory_order_relaxed);

		work_show(&work, (double)done,
			  (double)(done > import->data_bytes
					   ? done
					   : import->data_bytes));
		if (interrupted() && !is_cancelled) {
			smudge_checkpointer_cancel(saving->checkpointer);
			is_cancelled = true;
		}
	}
	work_end(&work);
}

static int save(struct saving *saving)
{
	struct task task;
	int ret = task_begin(&task, run, saving);

	if (ret)
		return smudge_error_set(&saving->err, ret, NAME,
					"no thread could be created");
	wait_for_end(saving, &task);
	return task_end(&task);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0 || errno != ENOENT;
}

int import_save(struct import *import, struct smudge_layer_info *ret_info,
		struct smudge_error *err)
{
	struct saving saving = {
		.import = import,
		.info = {.size = sizeof(saving.info)},
		.err = SMUDGE_ERROR_INIT,
	};
	bool was_there = is_there(import->request->folder);
	int ret = open_all(&saving, &saving.err);

	if (!ret)
		ret = save(&saving);
	(void)smudge_checkpointer_destroy(saving.checkpointer);
	if (saving.memory)
		(void)smudge_memory_destroy(saving.memory, NULL);
	/* Only where nothing is in it. */
	if (ret && !was_there)
		(void)rmdir(import->request->folder);
	if (ret)
		*err = saving.err;
	else
		*ret_info = saving.info;
	return ret;
}
