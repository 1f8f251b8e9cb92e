/* SPDX-License-Identifier: MIT */
/*
 * An open chain, and what reads layers of it.
 *
 * Nothing of an open chain changes but the parts that its lock guards. Files
 * are opened anew for each read, so layers may be added to the folder.
 */
#ifndef LIB_CHECKPOINT_CHAIN_H
#define LIB_CHECKPOINT_CHAIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>
#include <smudge/layers.h>

#include "checkpoint/layer.h"
#include "checkpoint/tail.h"
#include "qcow2/chain.h"

struct smi_disk;
struct smi_page_reader;

/* As many as threads that read at once, usually. */
#define SMI_CHAIN_IDLE_READERS 4

struct smudge_chain {
	int folder_fd;	       /* -1: a disk's */
	struct smi_disk *disk; /* owned; NULL: a folder's */
	uint64_t number;       /* of the open layer; 0: its name has none */
	struct smi_qcow2_chain *images;
	struct smi_layer layer; /* the open one, image 0 */
	pthread_mutex_t lock;
	bool are_tables_right;		/* lock; they were summed up */
	struct smi_page_reader *walker; /* lock; of next_data; or NULL */
	struct smi_page_reader *idle[SMI_CHAIN_IDLE_READERS]; /* lock */
	size_t nidle;					      /* lock */
};

/* One without images, for smudge_chain_close; NULL: no memory. */
struct smudge_chain *smi_chain_create(void);

/*
 * smi_chain_open_at - a layer of any name, for who changes the folder: as a
 *      reader it is not seen
 * @folder_fd: borrowed for the call
 * Return: as smudge_chain_open.
 */
int smi_chain_open_at(int folder_fd, const char *name,
		      struct smudge_chain **ret_chain,
		      struct smudge_error *err);

/*
 * smi_chain_footer, smi_chain_layer - of image @image, a layer of its own
 * @ret_layer: cleared by the caller
 * Return: as smi_qcow2_reader_read, smi_footer_decode, smi_tail_decode; the
 * sentence names the file.
 */
int smi_chain_footer(const struct smi_qcow2_chain *images, size_t image,
		     struct smi_footer *ret_footer, struct smudge_error *err);
int smi_chain_layer(const struct smi_qcow2_chain *images, size_t image,
		    struct smi_layer *ret_layer, struct smudge_error *err);

/* What is public of it; size and what is beyond are the caller's. */
void smi_chain_info(const struct smi_qcow2_chain *images, size_t image,
		    const struct smi_layer *layer,
		    struct smudge_layer_info *ret_info);

/*
 * smi_chain_find_other_parent - is each parent the one that its layer was made
 *      on?
 * @ret_image: the first image whose parent is another one, or is no layer; the
 *      last image if there is none
 * Return: 0, or as smi_chain_footer.
 */
int smi_chain_find_other_parent(const struct smi_qcow2_chain *images,
				size_t *ret_image, struct smudge_error *err);

/*
 * smi_chain_check_parents - the same; but where one is another, the pages
 *      decide: they are right after a tool put the layer on another parent with
 *      care. All of them are read then
 * Return: 0, -ESTALE, or as smi_chain_footer, smi_qcow2_reader_read.
 */
int smi_chain_check_parents(struct smudge_chain *chain,
			    struct smudge_error *err);

/*
 * smi_chain_check_tables - is the sum of all tables the moment's digest?
 * smi_chain_need_tables - the same, once per chain
 * Return: 0, -EBADMSG, or as smi_qcow2_reader_read.
 */
int smi_chain_check_tables(struct smudge_chain *chain,
			   struct smudge_error *err);
int smi_chain_need_tables(struct smudge_chain *chain, struct smudge_error *err);

/*
 * smi_chain_check_pages - is each page what its digest says? In several threads
 * @progress, @opaque: as in smudge_chain_verify
 * Return: 0, -EBADMSG, -ECANCELED, or as smi_qcow2_reader_read.
 */
int smi_chain_check_pages(struct smudge_chain *chain,
			  int (*progress)(void *opaque, uint64_t done_bytes,
					  uint64_t total_bytes),
			  void *opaque, struct smudge_error *err);

#endif
