/* SPDX-License-Identifier: MIT */
/*
 * What folder.c and folder_file.c share: names of files that are being written,
 * and flushing a folder's names.
 */
#ifndef LIB_CHECKPOINT_FOLDER_SYNC_H
#define LIB_CHECKPOINT_FOLDER_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/folder.h"

/* ".smudge-" and 16 hexadecimal digits: no file of anyone else. */
void smi_folder_temporary_name(uint64_t value,
			       char name[SMI_FOLDER_NAME_BYTES]);
bool smi_folder_is_temporary(const char *name);

/* Names that were given and taken are on the disk. Return: 0, or -1 (errno). */
int smi_folder_sync(int folder_fd);

/* The same for the name of the folder itself. */
int smi_folder_sync_parent(int folder_fd);

#endif
