/* SPDX-License-Identifier: MIT */
/*
 * A chain by the descriptor of its folder and any name in it.
 */
#include "checkpoint/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/folder.h"

#define WHERE "chain"

static int open_images(struct smudge_chain *chain, int folder_fd,
		       const char *name, struct smudge_error *err)
{
	int ret;

	chain->folder_fd =
		openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (chain->folder_fd < 0) {
		ret = -errno;
		return smudge_error_set(err, ret, WHERE,
					"the folder of layers cannot be "
					"opened: %s",
					strerror(-ret));
	}
	chain->number = smi_folder_number(name);
	ret = smi_qcow2_chain_open(chain->folder_fd, name, &chain->images, err);
	if (ret == 0)
		ret = smi_chain_layer(chain->images, 0, &chain->layer, err);
	return ret < 0 ? ret : smi_chain_check_parents(chain, err);
}

int smi_chain_open_at(int folder_fd, const char *name,
		      struct smudge_chain **ret_chain, struct smudge_error *err)
{
	struct smudge_chain *chain = calloc(1, sizeof(*chain));
	int ret;

	if (!chain)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a chain");
	chain->folder_fd = -1;
	pthread_mutex_init(&chain->lock, NULL);
	ret = open_images(chain, folder_fd, name, err);
	if (ret < 0)
		smudge_chain_close(chain);
	else
		*ret_chain = chain;
	return ret;
}
