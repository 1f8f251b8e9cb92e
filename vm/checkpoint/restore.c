/* SPDX-License-Identifier: MIT */
/*
 * The order matters: memory, then the folder of the next checkpoints, whose
 * client finds all memory clean, then vCPUs and devices, which may write.
 */
#include "checkpoint/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/say.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/lazy.h"
#include "checkpoint/origin.h"
#include "checkpoint/saver.h"
#include "common/layer_name.h"
#include "common/layer_place.h"
#include "common/nbd_uri.h"
#include "common/wait.h"
#include "machine/machine.h"
#include "machine/moment.h"

#define WHERE	  "restore"
#define REPORT_NS INT64_C(2000000000)

struct restore {
	struct machine *machine;
	const struct restore_options *options;
	struct layer_name name;
	struct layer_place place;
	struct smudge_chain *chain; /* of the place */
	struct checkpoint_origin origin;
	void *moment; /* of the machine; owned */
	size_t moment_len;
	struct lazy *lazy; /* NULL: all memory comes in first */
	int64_t reported_ns;
};

static int parse(const char *from, struct layer_name *ret_name,
		 struct smudge_error *err)
{
	int ret = layer_name_parse(from, ret_name);

	if (!ret)
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"'%.60s' names no layer: %s", from,
				layer_name_reason(ret));
}

int restore_check(const char *from, struct smudge_error *err)
{
	struct layer_name name;

	return parse(from, &name, err);
}

static int progress(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct restore *restore = opaque;
	int64_t now_ns = host_now_ns();

	if (now_ns - restore->reported_ns >= REPORT_NS && total_bytes) {
		say("restored %.0f of %.0f MiB", (double)done_bytes / 1048576,
		    (double)total_bytes / 1048576);
		restore->reported_ns = now_ns;
	}
	return wait_is_over(restore->options->end_fd);
}

/* 0 if the layer has no such region. */
static uint64_t region_bytes(const struct smudge_chain *chain, const char *name)
{
	for (size_t i = 0; i < smudge_chain_nregions(chain); i++) {
		struct smudge_layer_region region = {.size = sizeof(region)};

		if (smudge_chain_region(chain, i, &region) == 0 &&
		    strcmp(region.name, name) == 0)
			return region.size_bytes;
	}
	return 0;
}

static uint64_t piece_bytes(const struct machine *machine, const char *name)
{
	const struct ram *ram = machine_ram(machine);

	for (size_t i = 0; i < ram->npieces; i++)
		if (strcmp(ram->pieces[i].name, name) == 0)
			return ram->pieces[i].size_bytes;
	return 0;
}

/* As -m takes it. */
static void format_size(uint64_t bytes, char *text, size_t size)
{
	if (bytes % (1 << 20) == 0)
		snprintf(text, size, "%" PRIu64 "M", bytes >> 20);
	else
		snprintf(text, size, "%" PRIu64 "K", bytes >> 10);
}

/* The library would refuse it too, but knows no options of this program. */
static int check_sizes(struct restore *restore, struct smudge_error *err)
{
	uint64_t theirs = region_bytes(restore->chain, "ram-low") +
			  region_bytes(restore->chain, "ram-high");
	uint64_t ours = piece_bytes(restore->machine, "ram-low") +
			piece_bytes(restore->machine, "ram-high");
	char wanted[32], found[32];

	format_size(theirs, wanted, sizeof(wanted));
	format_size(ours, found, sizeof(found));
	if (theirs != ours)
		return smudge_error_set(err, -ERANGE, WHERE,
					"the checkpoint in %.100s is of a "
					"machine with -m %s, and this one has "
					"-m %s",
					restore->options->from, wanted, found);
	if (region_bytes(restore->chain, "vram") !=
	    piece_bytes(restore->machine, "vram"))
		return smudge_error_set(err, -ERANGE, WHERE,
					"the checkpoint in %.120s is of a "
					"machine with another --display",
					restore->options->from);
	return 0;
}

static int open_chain(struct restore *restore, struct smudge_error *err)
{
	int ret = layer_place_open(&restore->name, restore->options->end_fd,
				   &restore->place, err);

	if (ret)
		return ret;
	restore->chain = restore->place.chain;
	restore->origin.chain = restore->chain;
	restore->origin.moment.size = sizeof(restore->origin.moment);
	return layer_place_info(&restore->place, &restore->origin.moment, err);
}

/* Also says that it is a smudge-vm's checkpoint at all. */
static int find_moment(struct restore *restore, struct smudge_error *err)
{
	const void *bytes;

	if (smudge_chain_blob(restore->chain, SAVER_BLOB, 0, &bytes,
			      &restore->moment_len, NULL) != 0)
		return smudge_error_set(err, -ENODATA, WHERE,
					"%.120s holds memory, but no machine "
					"of a smudge-vm",
					restore->options->from);
	restore->moment = malloc(restore->moment_len + 1);
	if (!restore->moment)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	memcpy(restore->moment, bytes, restore->moment_len);
	return 0;
}

static int restore_eagerly(struct restore *restore, struct smudge_error *err)
{
	const struct smudge_restore_options options = {
		.size = sizeof(options),
		.is_zeroed = true,
		.progress = progress,
		.opaque = restore,
	};

	restore->reported_ns = host_now_ns();
	return smudge_restore(machine_memory(restore->machine), restore->chain,
			      &options, err);
}

/* A server may take one connection only: it is the next checkpoints' then. */
static void leave_disk(struct restore *restore)
{
	if (!restore->place.disk)
		return;
	layer_place_close(&restore->place);
	restore->chain = NULL;
	restore->origin.chain = NULL;
}

static int restore_memory(struct restore *restore, struct smudge_error *err)
{
	int ret;

	if (restore->options->lazy)
		return lazy_begin(restore->options->lazy, restore->chain,
				  &restore->lazy, err);
	ret = restore_eagerly(restore, err);
	if (!ret)
		leave_disk(restore);
	return ret;
}

/* Without an explicit wish it is no failure when it cannot be written. */
static int open_folder(struct restore *restore, struct checkpoints *checkpoints,
		       struct smudge_error *err)
{
	const char *to = restore->options->to;
	struct smudge_error why = {0};
	int ret;

	if (to ? strcmp(to, RESTORE_NOWHERE) == 0
	       : nbd_uri_is(restore->name.folder))
		return 0;
	ret = checkpoints_open(checkpoints, to ? to : restore->name.folder,
			       &restore->origin, &why);
	if (!to || !ret)
		return 0;
	/* a full layer is first in another folder, or on a later layer */
	if (ret == -ESTALE || ret == -EOPNOTSUPP)
		return checkpoints_open(checkpoints, to, NULL, err);
	return smudge_error_set(err, ret, WHERE, "%s", why.message);
}

static int restore_all(struct restore *restore, struct checkpoints *checkpoints,
		       bool *ret_is_running, struct smudge_error *err)
{
	int ret = find_moment(restore, err);

	if (!ret)
		ret = check_sizes(restore, err);
	if (!ret)
		ret = restore_memory(restore, err);
	if (!ret)
		ret = open_folder(restore, checkpoints, err);
	if (!ret)
		ret = moment_load(restore->machine, restore->moment,
				  restore->moment_len, ret_is_running, err);
	return ret;
}

/* A page that the state needs may be what failed. */
static int explain(struct restore *restore, int ret, struct smudge_error *err)
{
	struct smudge_error why = {0};

	if (!restore->lazy || !lazy_has_failed(restore->lazy, &why))
		return ret;
	smudge_error_clear(err);
	return smudge_error_set(err, why.code, WHERE, "%s", why.message);
}

/* The place is closed here, unless it is the lazy's. */
static int finish(struct restore *restore, int ret, struct lazy **ret_lazy,
		  struct smudge_error *err)
{
	free(restore->moment);
	if (ret)
		ret = explain(restore, ret, err);
	if (!ret && restore->lazy) {
		lazy_take_place(restore->lazy, &restore->place);
		*ret_lazy = restore->lazy;
		return 0;
	}
	lazy_destroy(restore->lazy);
	layer_place_close(&restore->place);
	return ret;
}

int restore_machine(struct machine *machine, struct checkpoints *checkpoints,
		    const struct restore_options *options, bool *ret_is_running,
		    struct lazy **ret_lazy, struct smudge_error *err)
{
	struct restore restore = {.machine = machine, .options = options};
	int ret = parse(options->from, &restore.name, err);

	if (ret)
		return ret;
	ret = open_chain(&restore, err);
	if (!ret)
		ret = restore_all(&restore, checkpoints, ret_is_running, err);
	return finish(&restore, ret, ret_lazy, err);
}
