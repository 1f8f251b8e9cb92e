/* SPDX-License-Identifier: MIT */
/*
 * Equal digests are equal pages at equal places of the disk. The time is to
 * tell moments apart whose memory is the same: nothing depends on it.
 */
#include "checkpoint/disk.h"

#include <errno.h>
#include <string.h>

#include "common/commit.h"
#include "common/nbd_disk.h"

#define WHERE "checkpoint"

int checkpoint_disk_open(const struct saver_place *place, int end_fd,
			 struct nbd_disk **ret, uint64_t *ret_last_number,
			 struct smudge_error *err)
{
	const struct nbd_disk_options options = {
		.uri = place->folder,
		.timeout_ns = place->deadline_ns,
		.end_fd = end_fd,
		.may_lack_flush = place->may_lack_flush,
	};
	int code = nbd_disk_open(&options, ret, err);

	*ret_last_number = 0;
	if (code || !place->commit)
		return code;
	code = commit_last_number(place->commit, end_fd, ret_last_number, err);
	if (code)
		nbd_disk_close(*ret);
	return code;
}

static bool is_same(const struct smudge_layer_info *a,
		    const struct smudge_layer_info *b)
{
	return memcmp(&a->digest, &b->digest, sizeof(a->digest)) == 0 &&
	       a->time_ns == b->time_ns && a->nregions == b->nregions &&
	       a->memory_bytes == b->memory_bytes;
}

static int other_moment(struct smudge_error *err)
{
	smudge_error_clear(err);
	return smudge_error_set(err, -ESTALE, WHERE,
				"the disk shows another moment than the one "
				"that was restored");
}

/* The disk is torn, or was never written, or not by this version. */
static bool is_no_moment(int code)
{
	return code == -ENODATA || code == -EBADMSG || code == -EPROTONOSUPPORT;
}

int checkpoint_disk_find(struct nbd_disk *disk,
			 const struct smudge_layer_info *moment,
			 struct smudge_chain **ret_chain,
			 struct smudge_error *err)
{
	const struct smudge_disk device = nbd_disk_device(disk);
	struct smudge_layer_info shown = {.size = sizeof(shown)};
	struct smudge_chain *chain;
	int ret = smudge_chain_open_disk(&device, &chain, err);

	if (ret)
		return is_no_moment(ret) ? other_moment(err) : ret;
	ret = smudge_chain_layer(chain, 0, &shown, err);
	if (!ret && !is_same(&shown, moment))
		ret = other_moment(err);
	if (ret)
		smudge_chain_close(chain);
	else
		*ret_chain = chain;
	return ret;
}
