/* SPDX-License-Identifier: MIT */
/*
 * Images made by hand, byte by byte, independent of the library's writer. They
 * have no refcounts, which a reader does not need.
 */
#ifndef TESTS_UNIT_QCOW2_BUILDER_H
#define TESTS_UNIT_QCOW2_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct builder_options {
	unsigned int version;	   /* 0: 3 */
	unsigned int cluster_bits; /* 0: 12 */
	uint64_t disk_bytes;
	const char *backing; /* NULL: none */
	const char *format;  /* of the backing file; NULL: no extension */
	bool is_deflate;     /* else the compression type is zstd */
	/* A further header extension; 0: none. */
	uint32_t extension;
	const void *payload;
	size_t payload_bytes;
};

struct builder {
	struct builder_options options;
	uint8_t *bytes; /* the file so far */
	size_t length, room;
	uint64_t l1_off, l1_entries;
};

void builder_start(struct builder *builder,
		   const struct builder_options *options);

/* How a cluster is: raw, zeros by the flag, or one zstd frame. */
void builder_raw(struct builder *builder, uint64_t cluster, const void *bytes);
void builder_zeros(struct builder *builder, uint64_t cluster);
void builder_zstd(struct builder *builder, uint64_t cluster, const void *bytes);

/* Any data as the compressed cluster's. */
void builder_packed(struct builder *builder, uint64_t cluster, const void *data,
		    size_t length);

/* Any entry. */
void builder_entry(struct builder *builder, uint64_t cluster, uint64_t entry);

/* A new cluster at the end. Return: its offset. */
uint64_t builder_cluster(struct builder *builder);

/* Where the entry of a cluster is in the file; makes its table. */
size_t builder_entry_off(struct builder *builder, uint64_t cluster);

/* Numbers of 4 and 8 bytes anywhere in the file. */
void builder_put(struct builder *builder, size_t off, uint64_t value,
		 unsigned int nbytes);

/* Write the file into the folder, and free what the builder has. */
void builder_save(struct builder *builder, const char *name);

#endif
