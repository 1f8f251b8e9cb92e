/* SPDX-License-Identifier: MIT */
/*
 * A chain's folder: the files layer-00000001.qcow2, layer-00000002.qcow2, ...
 *
 * The number is the only order, and the highest one is the newest: there is no
 * manifest that could disagree. A layer is written under a name that begins
 * with ".smudge-", flushed, renamed without replacing anything, and the folder
 * is flushed: it is there whole, or not at all. Files are 0600, folders 0700.
 *
 * A writer holds flock(2) on the folder; a second one is refused. What a killed
 * writer left under its ".smudge-" name is removed by the next one.
 */
#ifndef LIB_CHECKPOINT_FOLDER_H
#define LIB_CHECKPOINT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

/* "layer-" + digits (at least 8) + ".qcow2" */
#define SMI_FOLDER_NAME_BYTES 40

/* The number of a layer's file name, or 0 when it is none. */
uint64_t smi_folder_number(const char *name);
void smi_folder_name(uint64_t number, char name[SMI_FOLDER_NAME_BYTES]);

/*
 * smi_folder_open - open a chain's folder to read (no lock)
 * Return: a descriptor, -ENOENT, -ENOTDIR, -EACCES, ...
 */
int smi_folder_open(const char *path, struct smudge_error *err);

/*
 * smi_folder_open_to_write - open it or make it (0700; its parent must exist),
 *      lock it, remove what killed writers left
 * Return: a descriptor, -EBUSY (another writer), -EACCES, -ENOSPC, ...
 */
int smi_folder_open_to_write(const char *path, struct smudge_error *err);

/*
 * smi_folder_lock - the same with a folder that is open
 * @path: for the sentence
 * Return: 0, -EBUSY (another writer), ...; it is not locked then.
 */
int smi_folder_lock(int folder_fd, const char *path, struct smudge_error *err);

/* The numbers of all layers, ascending; owned by the caller. */
int smi_folder_list(int folder_fd, uint64_t **ret_numbers, size_t *ret_n,
		    struct smudge_error *err);

/*
 * smi_folder_each_other - every file that is no layer by its name, and that no
 *      writer is writing; @found ends it with what is not 0
 * Return: 0, or as smi_folder_list.
 */
int smi_folder_each_other(int folder_fd,
			  int (*found)(void *opaque, const char *name),
			  void *opaque, struct smudge_error *err);

/* The highest of them; 0 if there is no layer. Return: as smi_folder_list. */
int smi_folder_newest(int folder_fd, uint64_t *ret_number,
		      struct smudge_error *err);

/* A layer that is being written. */
struct smi_folder_file {
	int folder_fd;
	int fd;				  /* -1: none */
	char name[SMI_FOLDER_NAME_BYTES]; /* the name it has now */
	bool is_flushed;
};

int smi_folder_create(int folder_fd, struct smi_folder_file *ret_file,
		      struct smudge_error *err);

/*
 * smi_folder_flush - flush the file, which is written no more; only once
 * Return: 0, -ENOSPC, -EIO, ...
 */
int smi_folder_flush(struct smi_folder_file *file, struct smudge_error *err);

/*
 * smi_folder_commit - flush the file if it was not, give it the name of layer
 * @number, flush the folder, close the file State after failure: the layer is
 * not there; the file is as it was and can be tried again, or dropped. If only
 * the last flush failed, the name is taken back. Return: 0, -EEXIST (another
 * program made a layer of that number), -ENOSPC, -EIO, ...
 */
int smi_folder_commit(struct smi_folder_file *file, uint64_t number,
		      struct smudge_error *err);

/*
 * smi_folder_replace - the same, in place of the file that has the name
 *
 * State after failure: as before, unless only the folder could not be flushed
 * (ret_is_named): the file has the name now, and may not have it after a crash.
 * Return: 0, -ENOSPC, -EIO, ...
 */
int smi_folder_replace(struct smi_folder_file *file, const char *name,
		       bool *ret_is_named, struct smudge_error *err);

/* Remove a file that was not committed. Nothing if there is none. */
void smi_folder_drop(struct smi_folder_file *file);

#endif
