/* SPDX-License-Identifier: MIT */
/*
 * A source that detects nothing.
 */
#include "idle_source.h"

int idle_start(void *opaque, const struct smudge_source_range *range,
	       struct smudge_error *err)
{
	return 0;
}

void idle_stop(void *opaque)
{
}

int idle_harvest(void *opaque, struct smudge_sink *sink,
		 struct smudge_error *err)
{
	return 0;
}
