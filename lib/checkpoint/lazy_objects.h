/* SPDX-License-Identifier: MIT */
/*
 * The structs of a lazy restore. This file has no prototypes.
 *
 * Each thread that brings pages has a worker: a reader of the chain, which
 * stays warm, and a buffer. The pager's threads answer faults; one more
 * streams.
 *
 * The digests of all pages are summed up by the streaming thread before it
 * streams, unless that was done first: only then are the digests known to be
 * the moment's.
 *
 * LOCKS: the lazy restore's own, which is never held while pages are read or
 * the pager is called. Faults need it for a moment only, and to wait until
 * there are workers.
 */
#ifndef LIB_CHECKPOINT_LAZY_OBJECTS_H
#define LIB_CHECKPOINT_LAZY_OBJECTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/lazy.h>
#include <smudge/pager.h>

#include "checkpoint/chain.h"
#include "checkpoint/match.h"
#include "checkpoint/page_reader.h"

struct smi_lazy_worker {
	struct smi_page_reader *reader;
	uint8_t *buffer;
	bool *are_zeros;      /* of each page of 4 KiB in the buffer */
	uint64_t room_npages; /* in both */
};

struct smudge_lazy {
	struct smudge_chain *chain;
	struct smudge_lazy_options options;
	struct smi_match match;
	size_t *layer_regions; /* of each of match.held: index in the layer */
	struct smudge_pager *pager;
	uint64_t space; /* address space that it was created in */

	struct smi_qcow2_kept *kept;	 /* what the workers read through */
	struct smi_lazy_worker *workers; /* options.nthreads */
	struct smi_lazy_worker streamer;
	_Atomic uint64_t fault_bytes, read_ahead_bytes, stream_bytes;
	uint64_t begin_ns;
	pthread_t thread; /* streams */
	bool has_thread;

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	enum {
		SMI_LAZY_BEGINS,
		SMI_LAZY_HAS_BEGUN,
		SMI_LAZY_ABANDONED
	} phase;
	bool is_wanted;	   /* the rest shall come in */
	bool is_unlimited; /* at any rate */
	bool is_complete;
	uint64_t complete_ns;
	int failure; /* 0, or why nothing more comes in; then: */
	struct smudge_error why;
};

#endif
