/* SPDX-License-Identifier: MIT */
/*
 * The end of an operation's reports. smudge/source_ops.h has the reports.
 */
#ifndef LIB_MEMORY_SINK_H
#define LIB_MEMORY_SINK_H

#include "memory/objects.h"

/*
 * All that was reported goes into the bitmaps. Called when the operation has
 * returned, with the region's lock held all the time.
 */
void smi_sink_flush(struct smudge_sink *sink);

#endif
