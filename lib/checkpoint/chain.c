/* SPDX-License-Identifier: MIT */
/*
 * Open and close a chain; what it says of itself without reading pages.
 */
#include "checkpoint/chain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/folder.h"
#include "checkpoint/idle.h"
#include "checkpoint/page_reader.h"
#include "checkpoint/readers.h"
#include "sys/options.h"

#define WHERE "chain"

static int newest(int folder_fd, const char *folder, uint64_t *ret_number,
		  struct smudge_error *err)
{
	int ret = smi_folder_newest(folder_fd, ret_number, err);

	if (ret == 0 && !*ret_number)
		ret = smudge_error_set(err, -ENOENT, WHERE,
				       "%.100s has no layers", folder);
	return ret;
}

static int open_layer(struct smudge_chain *chain,
		      const struct smudge_chain_options *options,
		      struct smudge_error *err)
{
	char name[SMI_FOLDER_NAME_BYTES];
	int ret = 0;

	chain->folder_fd = smi_folder_open(options->folder, err);
	if (chain->folder_fd < 0)
		return chain->folder_fd;
	/* What it stands on is neither replaced nor removed from here on. */
	ret = smi_readers_enter(chain->folder_fd, err);
	chain->number = options->number;
	if (ret == 0 && !chain->number)
		ret = newest(chain->folder_fd, options->folder, &chain->number,
			     err);
	if (ret < 0)
		return ret;
	smi_readers_stay(chain->folder_fd, chain->number);
	smi_folder_name(chain->number, name);
	ret = smi_qcow2_chain_open(chain->folder_fd, name, &chain->images, err);
	if (ret == 0)
		ret = smi_chain_layer(chain->images, 0, &chain->layer, err);
	return ret < 0 ? ret : smi_chain_check_parents(chain, err);
}

struct smudge_chain *smi_chain_create(void)
{
	struct smudge_chain *chain = calloc(1, sizeof(*chain));

	if (!chain)
		return NULL;
	chain->folder_fd = -1;
	pthread_mutex_init(&chain->lock, NULL);
	return chain;
}

int smudge_chain_open(const struct smudge_chain_options *options,
		      struct smudge_chain **ret_chain, struct smudge_error *err)
{
	struct smudge_chain_options o;
	struct smudge_chain *chain;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(&o, options,
				   SMI_SYS_SHAPE(smudge_chain_options, number),
				   WHERE, err);
	if (ret < 0)
		return ret;
	if (!o.folder || !o.folder[0])
		return smudge_error_set(err, -EINVAL, WHERE,
					"a chain needs a folder: .folder is "
					"NULL or empty");
	chain = smi_chain_create();
	if (!chain)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a chain");
	ret = open_layer(chain, &o, err);
	if (ret < 0) {
		smudge_chain_close(chain);
		return ret;
	}
	*ret_chain = chain;
	return 0;
}

void smudge_chain_close(struct smudge_chain *chain)
{
	if (!chain)
		return;
	smi_page_reader_destroy(chain->walker);
	smi_idle_clear(chain);
	smi_layer_clear(&chain->layer);
	smi_qcow2_chain_close(chain->images);
	if (chain->folder_fd >= 0)
		close(chain->folder_fd);
	pthread_mutex_destroy(&chain->lock);
	free(chain->disk);
	free(chain);
}

size_t smudge_chain_nlayers(const struct smudge_chain *chain)
{
	return smi_qcow2_chain_nimages(chain->images);
}

int smudge_chain_layer(struct smudge_chain *chain, size_t index,
		       struct smudge_layer_info *info, struct smudge_error *err)
{
	struct smudge_layer_info own;
	struct smi_layer layer = {0};
	int ret = 0;

	smudge_error_clear(err);
	if (index >= smudge_chain_nlayers(chain))
		return smudge_error_set(err, -EINVAL, WHERE,
					"the chain has %zu layers: no layer "
					"%zu",
					smudge_chain_nlayers(chain), index);
	if (index)
		ret = smi_chain_layer(chain->images, index, &layer, err);
	if (ret < 0)
		return ret;
	smi_chain_info(chain->images, index, index ? &layer : &chain->layer,
		       &own);
	smi_layer_clear(&layer);
	ret = smi_sys_stats_copy(
		info, &own, SMI_SYS_SHAPE(smudge_layer_info, memory_bytes));
	return ret < 0 ? smudge_error_set(
				 err, ret, WHERE,
				 "the size of smudge_layer_info is %zu "
				 "bytes, which is too short",
				 info->size)
		       : 0;
}

size_t smudge_chain_nregions(const struct smudge_chain *chain)
{
	return chain->layer.nregions;
}

int smudge_chain_region(const struct smudge_chain *chain, size_t index,
			struct smudge_layer_region *region)
{
	struct smudge_layer_region own = {0};
	const struct smi_layer_region *from;

	if (index >= chain->layer.nregions)
		return -EINVAL;
	from = &chain->layer.regions[index];
	memcpy(own.name, from->name, sizeof(from->name));
	own.id = from->id;
	own.page_shift = from->page_shift;
	own.gpa = from->gpa;
	own.size_bytes = from->size_bytes;
	return smi_sys_stats_copy(
		region, &own, SMI_SYS_SHAPE(smudge_layer_region, size_bytes));
}

int smudge_chain_blob(const struct smudge_chain *chain, const char *name,
		      size_t index, const void **ret_bytes,
		      size_t *ret_length_bytes, const char **ret_name)
{
	if (name)
		index = smi_layer_find_blob(&chain->layer, name);
	if (index >= chain->layer.nblobs)
		return -ENOENT;
	*ret_bytes = chain->layer.blobs[index].bytes;
	*ret_length_bytes = chain->layer.blobs[index].length_bytes;
	if (ret_name)
		*ret_name = chain->layer.blobs[index].name;
	return 0;
}
