/* SPDX-License-Identifier: MIT */
/*
 * One image file of a chain: opened inside its folder, read, closed; and opened
 * again later, when it must still be the same file.
 */
#ifndef LIB_QCOW2_IMAGE_H
#define LIB_QCOW2_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <smudge/error.h>

#include "qcow2/chain.h"
#include "qcow2/format.h"
#include "qcow2/header.h"

struct smi_qcow2_image {
	char *name; /* owned; in the folder, without '/' */
	dev_t dev;  /* with ino and file_bytes: what the file is */
	ino_t ino;
	uint64_t file_bytes;
	struct smi_qcow2_header header;
	struct smi_qcow2_raw raw; /* read is NULL: it is a file */
};

/* What smi_qcow2_chain_open made (chain.h). Image 0 is the top. */
struct smi_qcow2_chain {
	int folder_fd; /* borrowed */
	size_t nimages;
	struct smi_qcow2_image *images;
};

/*
 * smi_qcow2_image_load - what an image file says, from its first cluster
 * @name: in the folder, without '/'
 * @ret_image: its name is to be freed
 * @backing: receives the backing file's name as it is in the image, and a 0;
 *      "" if there is none. A name with a 0 in it is damaged
 *
 * Return: 0, -ENOENT, -EMEDIUMTYPE (no regular file, no qcow2 image, a feature
 * or a backing format that is not read), -EBADMSG, -ESTALE (cut meanwhile),
 * -ENOMEM, or that of open(2) and read(2).
 */
int smi_qcow2_image_load(int folder_fd, const char *name,
			 struct smi_qcow2_image *ret_image,
			 char backing[SMI_QCOW2_MAX_BACKING_NAME_BYTES + 1],
			 struct smudge_error *err);

/*
 * smi_qcow2_image_reopen - a descriptor of the same file, to read
 * Return: the descriptor, -ESTALE (another file, or another length), or as
 * smi_qcow2_image_load.
 */
int smi_qcow2_image_reopen(const struct smi_qcow2_image *image, int folder_fd,
			   struct smudge_error *err);

/*
 * smi_qcow2_image_read - read @length bytes, which end before the file's end
 * Return: 0, -ESTALE (the file was cut meanwhile), or that of read(2).
 */
int smi_qcow2_image_read(const struct smi_qcow2_image *image, int fd,
			 uint64_t file_off, void *bytes, size_t length,
			 struct smudge_error *err);

#endif
