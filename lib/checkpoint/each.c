/* SPDX-License-Identifier: MIT */
/*
 * All layers of a folder.
 *
 * They are read from the newest to the oldest, so that the chain of one layer
 * has those below it; then they are handed out from the oldest on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/chain.h"
#include "checkpoint/folder.h"
#include "checkpoint/readers.h"

#define WHERE "chain"

struct entry {
	struct smudge_layer_info info;
	struct smudge_error *why; /* owned; NULL: it can be read */
};

struct listing {
	int folder_fd;
	uint64_t *numbers;
	struct entry *entries; /* one per number */
	size_t n;
	struct smi_qcow2_chain *images; /* of the last layer that was opened */
};

static size_t find_image(const struct smi_qcow2_chain *images, const char *name)
{
	size_t n = images ? smi_qcow2_chain_nimages(images) : 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(smi_qcow2_chain_name(images, i), name) == 0)
			return i;
	return SIZE_MAX;
}

static int read_info(struct listing *l, const char *name,
		     struct smudge_layer_info *info, struct smudge_error *err)
{
	size_t image = find_image(l->images, name);
	struct smi_layer layer;
	int ret;

	if (image == SIZE_MAX) {
		struct smi_qcow2_chain *images;

		ret = smi_qcow2_chain_open(l->folder_fd, name, &images, err);
		if (ret < 0)
			return ret;
		smi_qcow2_chain_close(l->images);
		l->images = images;
		image = 0;
	}
	ret = smi_chain_layer(l->images, image, &layer, err);
	if (ret < 0)
		return ret;
	smi_chain_info(l->images, image, &layer, info);
	smi_layer_clear(&layer);
	return 0;
}

/* Failures of this process, not of the layer. */
static bool ends_it(int ret)
{
	return ret == -ENOMEM || ret == -EMFILE || ret == -ENFILE;
}

static int read_entry(struct listing *l, size_t index, struct smudge_error *err)
{
	struct entry *entry = &l->entries[index];
	struct smudge_error own = SMUDGE_ERROR_INIT;
	char name[SMI_FOLDER_NAME_BYTES];
	struct stat st;
	int ret;

	smi_folder_name(l->numbers[index], name);
	ret = read_info(l, name, &entry->info, &own);
	if (ret == 0)
		return 0;
	if (ends_it(ret))
		return smudge_error_set(err, ret, own.where, "%s", own.message);
	entry->info = (struct smudge_layer_info){
		.size = sizeof(entry->info),
		.number = l->numbers[index],
	};
	snprintf(entry->info.file_name, sizeof(entry->info.file_name), "%s",
		 name);
	if (fstatat(l->folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		entry->info.file_bytes = (uint64_t)st.st_size;
	entry->why = malloc(sizeof(*entry->why));
	if (!entry->why)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a list of layers");
	*entry->why = own;
	return 0;
}

static int read_entries(struct listing *l, const char *folder,
			struct smudge_error *err)
{
	int ret;

	l->folder_fd = smi_folder_open(folder, err);
	if (l->folder_fd < 0)
		return l->folder_fd;
	ret = smi_readers_enter(l->folder_fd, err);
	if (ret == 0)
		ret = smi_folder_list(l->folder_fd, &l->numbers, &l->n, err);
	if (ret < 0)
		return ret;
	l->entries = calloc(l->n + 1, sizeof(*l->entries));
	if (!l->entries)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for %zu layers", l->n);
	for (size_t i = l->n; ret == 0 && i-- > 0;)
		ret = read_entry(l, i, err);
	return ret;
}

static void clear(struct listing *l)
{
	for (size_t i = 0; l->entries && i < l->n; i++)
		free(l->entries[i].why);
	free(l->entries);
	free(l->numbers);
	smi_qcow2_chain_close(l->images);
	if (l->folder_fd >= 0)
		close(l->folder_fd);
}

int smudge_layers_each(const char *folder,
		       int (*found)(void *opaque,
				    const struct smudge_layer_info *info,
				    const struct smudge_error *why),
		       void *opaque, struct smudge_error *err)
{
	struct listing listing = {.folder_fd = -1};
	int ret;

	smudge_error_clear(err);
	ret = read_entries(&listing, folder, err);
	for (size_t i = 0; ret == 0 && i < listing.n; i++)
		if (found(opaque, &listing.entries[i].info,
			  listing.entries[i].why))
			ret = smudge_error_set(err, -ECANCELED, WHERE,
					       "cancelled");
	clear(&listing);
	return ret;
}
