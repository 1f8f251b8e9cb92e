/* SPDX-License-Identifier: MIT */
/*
 * QEMU's migration stream, as it comes out of a pipe that QEMU writes while its
 * machine stands.
 *
 * The order of the stream: a header and a configuration; sections of what is
 * saved while the machine runs, of which only "ram" is known here; the last of
 * them, after the machine has stopped; a section per device; an end mark;
 * and a description of the devices' sections in JSON. The whole description
 * must never be read: with its last bytes QEMU's migration would complete. So
 * the stream says how much may be read next, and it is whole (for us) when the
 * description is known but for the last bytes that fit into the pipe.
 *
 * Device sections have no lengths, so the end mark is searched for. What the
 * guest put into a device may look like it. A place is believed only if text is
 * behind it that describes the first section, and the state is used only if the
 * text describes all sections: their names, and their lengths to the byte.
 *
 * The versions that are read are those of QEMU 2.4 on.
 */
#ifndef TOOLS_QEMU_STREAM_H
#define TOOLS_QEMU_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qemu_places;
struct qemu_stream;
struct smudge_error;

/*
 * qemu_stream_create - begin
 * @pipe_bytes: how much the pipe holds at most
 * Return: NULL: out of memory.
 */
struct qemu_stream *qemu_stream_create(size_t pipe_bytes);
void qemu_stream_destroy(struct qemu_stream *stream); /* or NULL */

/*
 * qemu_stream_expect - whose pages must not be in it
 * @places: borrowed while it is read; NULL: none
 *
 * Up to QEMU 8.0 x-ignore-shared leaves out all shared memory, later ones only
 * what memory-backend-file has made.
 */
void qemu_stream_expect(struct qemu_stream *stream,
			const struct qemu_places *places);

/* How many bytes may be read next at most; 0 when it is whole. */
size_t qemu_stream_room(const struct qemu_stream *stream);

/*
 * qemu_stream_take - the next bytes
 * @length: at most qemu_stream_room
 * Return: 0, 1 (the stream is whole, and the machine stands), -EBADMSG (no such
 * stream), -EOPNOTSUPP (a part that is not known), -EFBIG, -ENOMEM, with one
 * sentence.
 */
int qemu_stream_take(struct qemu_stream *stream, const void *bytes,
		     size_t length, struct smudge_error *err);

/* The machine has stopped. */
bool qemu_stream_has_stopped(const struct qemu_stream *stream);
/* What looks like the description has begun. */
bool qemu_stream_is_described(const struct qemu_stream *stream);

/*
 * qemu_stream_verify - compare a whole stream with its description
 *
 * It takes a millisecond, so the machine may run again before.
 * Return: 0, or -EBADMSG with one sentence: the state must not be used.
 */
int qemu_stream_verify(const struct qemu_stream *stream,
		       struct smudge_error *err);

/* The state once it is whole, end mark included: valid until destroy. */
const void *qemu_stream_state(const struct qemu_stream *stream,
			      size_t *ret_length);

#endif
