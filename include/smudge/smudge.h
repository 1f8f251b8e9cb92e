/* SPDX-License-Identifier: MIT */
/*
 * All of smudge: which pages of memory were written, and for whom.
 */
#ifndef SMUDGE_SMUDGE_H
#define SMUDGE_SMUDGE_H

#include "batch.h"
#include "bitmap.h"
#include "client.h"
#include "code.h"
#include "display.h"
#include "error.h"
#include "hub.h"
#include "memory.h"
#include "migrate.h"
#include "source.h"
#include "source_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * smudge_version - the version of the linked library, "major.minor.patch"
 *
 * Blocks: no. Threads: any.
 */
const char *smudge_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
