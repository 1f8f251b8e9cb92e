/* SPDX-License-Identifier: MIT */
/*
 * Which file of the folder a backing file's name means. The name is a file's
 * word: it may have any byte, and lead anywhere.
 */
#ifndef LIB_QCOW2_BACKING_H
#define LIB_QCOW2_BACKING_H

#include <smudge/error.h>

/*
 * smi_qcow2_backing_resolve - the part of a name behind its directory, which
 *      must be the folder itself
 * @backing: as the image has it; not ""
 * @image_name: for sentences
 * @ret_name: points into @backing
 *
 * A relative directory is relative to the folder, as QEMU has it. It is not
 * opened. A name with a protocol ("nbd:", "json:") is QEMU's, and no file.
 * Return: 0, -EXDEV (another folder, or a protocol), -EBADMSG (no file name),
 * or that of stat(2) of the folder.
 */
int smi_qcow2_backing_resolve(int folder_fd, const char *image_name,
			      char *backing, const char **ret_name,
			      struct smudge_error *err);

#endif
