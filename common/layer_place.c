/* SPDX-License-Identifier: MIT */
/*
 * What is read is verified, so a disk that another program writes meanwhile
 * shows as damaged.
 */
#include "common/layer_place.h"

#include <smudge/error.h>

#include <string.h>

#include "common/clock.h"
#include "common/nbd_disk.h"
#include "common/nbd_uri.h"

/* A server that says nothing for so long is given up. */
#define TIMEOUT_NS (60 * CLOCK_NS_PER_S)

static int open_folder(const struct layer_name *name, struct layer_place *ret,
		       struct smudge_error *err)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options),
		.folder = name->folder,
		.number = name->number,
	};

	return smudge_chain_open(&options, &ret->chain, err);
}

/* The library calls it "disk", and a user has more than one. */
static int say(const char *uri, int code, const struct smudge_error *why,
	       struct smudge_error *err)
{
	return smudge_error_set(err, code, why->where, "%.80s: %s", uri,
				why->message);
}

static int open_disk(const char *uri, int end_fd, struct layer_place *ret,
		     struct smudge_error *err)
{
	const struct nbd_disk_options options = {
		.uri = uri,
		.timeout_ns = TIMEOUT_NS,
		.end_fd = end_fd,
		.is_read_only = true,
	};
	struct smudge_error why = SMUDGE_ERROR_INIT;
	struct smudge_disk device;
	struct nbd_disk *disk;
	int code = nbd_disk_open(&options, &disk, err);

	if (code)
		return code;
	device = nbd_disk_device(disk);
	code = smudge_chain_open_disk(&device, &ret->chain, &why);
	if (code) {
		nbd_disk_close(disk);
		return say(uri, code, &why, err);
	}
	ret->disk = disk;
	return 0;
}

int layer_place_open(const struct layer_name *name, int end_fd,
		     struct layer_place *ret, struct smudge_error *err)
{
	return nbd_uri_is(name->folder)
		       ? open_disk(name->folder, end_fd, ret, err)
		       : open_folder(name, ret, err);
}

int layer_place_info(const struct layer_place *place,
		     struct smudge_layer_info *info, struct smudge_error *err)
{
	int ret = smudge_chain_layer(place->chain, 0, info, err);

	if (!ret && place->disk)
		strcpy(info->file_name, "disk");
	return ret;
}

void layer_place_close(struct layer_place *place)
{
	smudge_chain_close(place->chain);
	nbd_disk_close(place->disk);
	*place = (struct layer_place){0};
}
