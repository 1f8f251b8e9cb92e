/* SPDX-License-Identifier: MIT */
/*
 * Stamps of files, and the footer where a stamp differs.
 */
#include "checkpoint/in_place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "checkpoint/chain.h"
#include "checkpoint/folder.h"
#include "common/range.h"

struct smi_stamp smi_stamp_of(int folder_fd, const char *name)
{
	struct stat st;

	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return (struct smi_stamp){0};
	return (struct smi_stamp){
		.dev = st.st_dev,
		.ino = st.st_ino,
		.file_bytes = st.st_size,
		.written = st.st_mtim,
	};
}

bool smi_stamp_is_same(const struct smi_stamp *a, const struct smi_stamp *b)
{
	return a->file_bytes && a->dev == b->dev && a->ino == b->ino &&
	       a->file_bytes == b->file_bytes &&
	       a->written.tv_sec == b->written.tv_sec &&
	       a->written.tv_nsec == b->written.tv_nsec;
}

void smi_in_place_stamp(int folder_fd, struct smi_moment *moment)
{
	char name[SMI_FOLDER_NAME_BYTES];

	smi_folder_name(moment->number, name);
	moment->stamp = smi_stamp_of(folder_fd, name);
}

/* Return: 0, -ENOENT (other than the moment), or as smi_qcow2_chain_open. */
static int read_footer(int folder_fd, const char *name,
		       const struct smi_layer *layer, struct smudge_error *err)
{
	struct smi_qcow2_chain *images;
	struct smi_footer footer;
	int ret = smi_qcow2_chain_open(folder_fd, name, &images, err);

	if (ret < 0)
		return ret;
	ret = smi_chain_footer(images, 0, &footer, err);
	if (!ret && (!smi_qcow2_digest_is_equal(footer.digest, layer->digest) ||
		     smi_qcow2_chain_npages(images, 0) != layer->disk_npages))
		ret = -ENOENT;
	smi_qcow2_chain_close(images);
	return ret;
}

/* Failures that say nothing of the file. */
static bool is_no_answer(int ret)
{
	return ret == -EACCES || ret == -EIO || ret == -EMFILE ||
	       ret == -ENFILE || ret == -ENOMEM;
}

int smi_in_place_check(int folder_fd, const struct smi_moment *moment,
		       const struct smi_stamp *stamp, struct smudge_error *err)
{
	char name[SMI_FOLDER_NAME_BYTES];
	struct smi_stamp now;
	int ret;

	smi_folder_name(moment->number, name);
	now = smi_stamp_of(folder_fd, name);
	if (smi_stamp_is_same(&now, stamp))
		return 0;
	ret = read_footer(folder_fd, name, &moment->layer, err);
	/* It may be replaced, and what it stood on removed, by one that prunes.
	 */
	if (ret == -ENOENT || ret == -ESTALE)
		ret = read_footer(folder_fd, name, &moment->layer, err);
	if (!ret || is_no_answer(ret))
		return ret;
	return smudge_error_set(err, -ENOENT, SMI_WHERE,
				"%s, which the layer stands on, is gone or "
				"shows another moment: the next one will be a "
				"full one",
				name);
}

int smi_in_place_next_number(int folder_fd, uint64_t last, uint64_t *ret_number,
			     struct smudge_error *err)
{
	uint64_t newest;
	int ret = smi_folder_newest(folder_fd, &newest, err);

	if (ret < 0)
		return ret;
	last = max_u64(last, newest);
	if (last == UINT64_MAX)
		return smudge_error_set(err, -EEXIST, SMI_WHERE,
					"the folder has a layer of the highest "
					"number that there is");
	*ret_number = last + 1;
	return 0;
}
