/* SPDX-License-Identifier: MIT */
/*
 * A migration stream that a test builds piece by piece, with the description of
 * its devices, and a reader of it that reads as much as it may.
 */
#ifndef TESTS_TOOLS_STREAM_RIG_H
#define TESTS_TOOLS_STREAM_RIG_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "qemu/stream.h"

#define RIG_PIPE_BYTES 4096

struct stream_rig {
	uint8_t *bytes;
	size_t length;
	size_t state_length; /* up to its end mark */
	char *text;	     /* the description of its devices so far */
	size_t text_length;
	uint32_t next_section;
	size_t ndevices;
};

void rig_put(struct stream_rig *rig, const void *bytes, size_t length);
void rig_number(struct stream_rig *rig, unsigned int nbytes, uint64_t value);
/* Its length in a byte, and the text. */
void rig_text(struct stream_rig *rig, const char *text);

/* The header and the configuration, with x-ignore-shared. */
void rig_begin(struct stream_rig *rig);
/* The begin of the section "ram", with a block of 16 MiB. */
void rig_ram_begin(struct stream_rig *rig);
/* A page of the block, with these bytes at its begin. */
void rig_page(struct stream_rig *rig, const void *bytes, size_t length);
void rig_ram_part(struct stream_rig *rig);
void rig_ram_end(struct stream_rig *rig);
void rig_footer(struct stream_rig *rig, uint32_t section);
/* What nearly every stream begins with: all of these, and one page. */
void rig_until_devices(struct stream_rig *rig);

/* A device with one field of these bytes, in the stream and the description. */
void rig_device(struct stream_rig *rig, const char *name, const void *bytes,
		size_t length);
/* Some devices of @rig, so that the description is as long as a real one. */
void rig_devices(struct stream_rig *rig, size_t ndevices);
/* The end mark, and the description. */
void rig_finish(struct stream_rig *rig);
void rig_free(struct stream_rig *rig);

/*
 * rig_read - read it as a program would, at most @most bytes at once
 * @ret_length: receives how many bytes were read
 * Return: as the last qemu_stream_take.
 */
int rig_read(const struct stream_rig *rig, struct qemu_stream *stream,
	     size_t most, size_t *ret_length, struct smudge_error *err);

#endif
