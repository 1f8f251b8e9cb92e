/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of QEMU's stream: the first byte says how much is read at once,
 * the rest is the stream, from a pipe so small that short ones come to their
 * end.
 */
#include <stdbool.h>
#include <stdlib.h>

#include <smudge/error.h>

#include "qemu/stream.h"

#define PIPE_BYTES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void read_all(struct qemu_stream *stream, const uint8_t *data,
		     size_t size, size_t most)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	size_t at = 0, state_length;
	int ret = 0;

	while (!ret && at < size) {
		size_t n = qemu_stream_room(stream);

		expect(n > 0);
		n = n < most ? n : most;
		n = n < size - at ? n : size - at;
		ret = qemu_stream_take(stream, data + at, n, &err);
		at += n;
	}
	expect(ret <= 1 && (ret >= 0) == (err.code == 0));
	if (ret < 1)
		return;
	qemu_stream_state(stream, &state_length);
	expect(state_length < at && qemu_stream_has_stopped(stream));
	ret = qemu_stream_verify(stream, &err);
	expect(ret <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qemu_stream *stream = qemu_stream_create(PIPE_BYTES);

	if (stream && size)
		read_all(stream, data + 1, size - 1, (size_t)data[0] * 16 + 1);
	qemu_stream_destroy(stream);
	return 0;
}
