/* SPDX-License-Identifier: MIT */
/*
 * The thread of a lazy restore that brings in what was not touched.
 */
#ifndef LIB_CHECKPOINT_LAZY_STREAM_H
#define LIB_CHECKPOINT_LAZY_STREAM_H

#include "checkpoint/lazy_objects.h"

/* Pages of 4 KiB that are streamed at once: 4 MiB, since in a long chain they
   are in many images. */
#define SMI_LAZY_STREAM_PAGES 1024

/* @opaque: the lazy restore. Sets is_complete, or lets the pager fail. */
void *smi_lazy_stream(void *opaque);

#endif
