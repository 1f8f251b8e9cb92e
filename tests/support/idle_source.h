/* SPDX-License-Identifier: MIT */
/*
 * Operations of a source that detects nothing, for tests of something else.
 */
#ifndef TESTS_SUPPORT_IDLE_SOURCE_H
#define TESTS_SUPPORT_IDLE_SOURCE_H

#include <smudge/source_ops.h>

int idle_start(void *opaque, const struct smudge_source_range *range,
	       struct smudge_error *err);
void idle_stop(void *opaque);
int idle_harvest(void *opaque, struct smudge_sink *sink,
		 struct smudge_error *err);

#endif
