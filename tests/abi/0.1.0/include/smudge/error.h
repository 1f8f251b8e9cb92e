/* SPDX-License-Identifier: MIT */
/*
 * The one sentence that says what failed.
 *
 * Calls that can fail for more than one reason take a struct smudge_error,
 * owned by the caller. Each such call clears it first, so what is in it
 * afterwards is about that call, and nothing is in it after a success. Within
 * one call the first failure is kept: it is the cause, later ones are its echo.
 */
#ifndef SMUDGE_ERROR_H
#define SMUDGE_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define SMUDGE_NO_REGION (-1)

struct smudge_error {
	int code;	/* 0, or the -errno the call returned */
	char where[32]; /* the part that failed: "kvm_log", "wire", ... */
	int64_t region; /* region id, SMUDGE_NO_REGION where none applies */
	uint64_t page;	/* first page concerned, in pages of the region */
	uint64_t stream_offset_bytes; /* migration stream only, else 0 */
	char message[200]; /* what, where and what to do, in UTF-8; no newline
			      and no other control character */
};

/* An error that notes nothing, as smudge_error_clear leaves it. */
#define SMUDGE_ERROR_INIT                         \
	{                                         \
		0, "", SMUDGE_NO_REGION, 0, 0, "" \
	}

/*
 * smudge_error_clear - note nothing
 * @err: may hold anything, as it is not read; NULL is a no-op
 *
 * Calls of the library do it themselves. For a program that notes failures
 * of its own with smudge_error_set.
 * Blocks: no. Threads: one at a time per @err.
 */
void smudge_error_clear(struct smudge_error *err);

/*
 * smudge_error_set - note a failure, if none is noted yet
 * @err: receives it if it notes nothing yet; NULL is allowed, then nothing is
 *      kept
 * @code: a negative errno
 * @where: short name of the part that failed (copied, cut at 31 bytes)
 * @format: printf format of the sentence (cut at 199 bytes)
 *
 * Control characters, and bytes that are no UTF-8, become '?' in both texts:
 * names that others chose can neither end the line nor steer a terminal.
 * Blocks: no. Threads: one at a time per @err.
 * Return: @code, so that "return smudge_error_set(...)" reads well.
 */
int smudge_error_set(struct smudge_error *err, int code, const char *where,
		     const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * smudge_error_at - say which region and page a noted failure concerns
 * @err: a noted failure; NULL or a cleared error is a no-op, and so is one
 *       that names a region already
 * @region: region id
 * @page: page of that region
 *
 * Blocks: no. Threads: one at a time per @err.
 */
void smudge_error_at(struct smudge_error *err, int64_t region, uint64_t page);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
