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
#include "forecast.h"
#include "hub.h"
#include "kvm_ring.h"
#include "log.h"
#include "memory.h"
#include "migrate.h"
#include "mprotect.h"
#include "pager.h"
#include "populated.h"
#include "process.h"
#include "soft_dirty.h"
#include "source.h"
#include "source_ops.h"
#include "vhost_log.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* The version of these headers. */
#define SMUDGE_VERSION_MAJOR 0
#define SMUDGE_VERSION_MINOR 2
#define SMUDGE_VERSION_PATCH 0

/*
 * A version as one number, which is larger for a later one; also in #if. Minor
 * and patch are below 1000.
 */
#define SMUDGE_VERSION_OF(major, minor, patch) \
	((major)*1000000 + (minor)*1000 + (patch))

#define SMUDGE_VERSION                                                \
	SMUDGE_VERSION_OF(SMUDGE_VERSION_MAJOR, SMUDGE_VERSION_MINOR, \
			  SMUDGE_VERSION_PATCH)

/* Are these headers of that version or a later one? */
#define SMUDGE_VERSION_AT_LEAST(major, minor, patch) \
	(SMUDGE_VERSION >= SMUDGE_VERSION_OF(major, minor, patch))

/*
 * smudge_version - the version of the linked library, "major.minor.patch"
 *
 * Blocks: no. Threads: any.
 */
const char *smudge_version(void);

/*
 * smudge_version_number - the version of the linked library, to compare
 *
 * A program that was built against these headers runs with a library whose
 * number is at least SMUDGE_VERSION. With an earlier one it runs if it uses
 * nothing that was added since.
 * Blocks: no. Threads: any.
 * Return: SMUDGE_VERSION_OF(major, minor, patch).
 */
int smudge_version_number(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
