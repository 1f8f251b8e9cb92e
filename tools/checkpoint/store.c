/* SPDX-License-Identifier: MIT */
/*
 * A folder needs no opening: the library does that.
 *
 * Each wait has its own deadline here, and a sentence that names the store. The
 * library's is a little later, for what does not keep its own.
 */
#include "checkpoint/store.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "common/clock.h"
#include "common/commit.h"
#include "common/nbd_disk.h"
#include "common/nbd_uri.h"

#define NAME		 "checkpoint"
#define DISK_DEADLINE_NS ((uint64_t)(60 * CLOCK_NS_PER_S))
#define LATER_NS	 ((uint64_t)(2 * CLOCK_NS_PER_S))

struct checkpoint_store {
	const struct checkpoint_request *request;
	struct commit *commit;
	uint64_t deadline_ns; /* 0: none */
	struct nbd_disk *nbd; /* NULL: a folder */
	struct smudge_disk disk;
	uint64_t last_number;
	bool must_be_full; /* nothing was committed since it was lost */
};

static int open_disk(struct checkpoint_store *store, struct smudge_error *err)
{
	const struct nbd_disk_options options = {
		.uri = store->request->folder,
		.timeout_ns = store->deadline_ns,
		.end_fd = interrupt_end_fd(),
		.may_lack_flush = store->request->may_lack_flush,
	};
	int ret = nbd_disk_open(&options, &store->nbd, err);

	if (ret)
		return ret;
	store->disk = nbd_disk_device(store->nbd);
	return commit_last_number(store->commit, options.end_fd,
				  &store->last_number, err);
}

int checkpoint_store_open(const struct checkpoint_request *request,
			  struct checkpoint_store **ret,
			  struct smudge_error *err)
{
	bool is_disk = nbd_uri_is(request->folder);
	uint64_t deadline_ns = request->store_deadline_ns;
	const struct commit_options options = {
		.place = request->folder,
		.command = request->on_commit,
		.snapshot_qmp = request->snapshot_qmp,
		.snapshot_node = request->snapshot_node,
		.timeout_ns = deadline_ns || !is_disk ? deadline_ns
						      : DISK_DEADLINE_NS,
	};
	struct checkpoint_store *store = calloc(1, sizeof(*store));
	int code;

	if (!store)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	store->request = request;
	store->deadline_ns = options.timeout_ns;
	code = commit_create(&options, &store->commit, err);
	if (!code && is_disk)
		code = open_disk(store, err);
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
	nbd_disk_close(store->nbd);
	commit_destroy(store->commit);
	free(store);
}

void checkpoint_store_set(const struct checkpoint_store *store,
			  struct smudge_checkpointer_options *options)
{
	if (!store->nbd) {
		options->folder = store->request->folder;
		return;
	}
	options->disk = &store->disk;
	options->last_number = store->last_number;
	options->store_deadline_ns = store->deadline_ns + LATER_NS;
}

int checkpoint_store_begin(struct checkpoint_store *store, bool *ret_is_full,
			   struct smudge_error *err)
{
	bool is_new = false;
	int ret;

	*ret_is_full = store->request->is_full;
	if (!store->nbd)
		return 0;
	/* a failure before this one is no wish to end */
	if (!interrupted())
		commit_expect(store->commit);
	ret = nbd_disk_renew(store->nbd, &is_new, err);
	store->must_be_full |= is_new;
	*ret_is_full |= store->must_be_full;
	return ret;
}

int checkpoint_store_commit(struct checkpoint_store *store,
			    const struct smudge_layer_info *info,
			    struct smudge_error *err)
{
	int ret;

	if (!store->nbd)
		return 0;
	ret = commit_run(store->commit, info, err);
	if (!ret)
		store->must_be_full = false;
	return ret;
}

int checkpoint_store_settle(struct checkpoint_store *store,
			    const struct smudge_layer_info *info,
			    struct smudge_error *err)
{
	struct smudge_error why = SMUDGE_ERROR_INIT;
	int ret = store->nbd ? 0 : commit_run(store->commit, info, &why);

	if (!ret)
		return 0;
	return smudge_error_set(err, ret, NAME, "%s is in place, but %s",
				info->file_name, why.message);
}

const char *checkpoint_store_awaited(const struct checkpoint_store *store)
{
	return commit_awaited(store->commit);
}

void checkpoint_store_cancel(struct checkpoint_store *store)
{
	commit_cancel(store->commit);
	if (store->nbd)
		nbd_disk_cancel(store->nbd);
}
