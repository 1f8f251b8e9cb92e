/* SPDX-License-Identifier: MIT */
/*
 * A folder needs no opening: the library does that.
 */
#include "checkpoint/store.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdlib.h>

#include "common/commit.h"

#define NAME "checkpoint"

struct checkpoint_store {
	const struct checkpoint_request *request;
	struct commit *commit;
};

int checkpoint_store_open(const struct checkpoint_request *request,
			  struct checkpoint_store **ret,
			  struct smudge_error *err)
{
	const struct commit_options options = {
		.place = request->folder,
		.command = request->on_commit,
		.timeout_ns = request->store_deadline_ns,
	};
	struct checkpoint_store *store = calloc(1, sizeof(*store));
	int code;

	if (!store)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	store->request = request;
	code = commit_create(&options, &store->commit, err);
	if (code)
		checkpoint_store_close(store);
	else
		*ret = store;
	return code;
}

void checkpoint_store_close(struct checkpoint_store *store)
{
	if (!store)
		return;
	commit_destroy(store->commit);
	free(store);
}

int checkpoint_store_settle(struct checkpoint_store *store,
			    const struct smudge_layer_info *info,
			    struct smudge_error *err)
{
	struct smudge_error why = SMUDGE_ERROR_INIT;
	int ret = commit_run(store->commit, info, &why);

	if (!ret)
		return 0;
	return smudge_error_set(err, ret, NAME, "%s is in place, but %s",
				info->file_name, why.message);
}

void checkpoint_store_cancel(struct checkpoint_store *store)
{
	commit_cancel(store->commit);
}
