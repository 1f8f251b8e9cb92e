/* SPDX-License-Identifier: MIT */
/*
 * Images made by hand: the header first, then tables and clusters as they come.
 */
#include "builder.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "common/big_endian.h"
#include "folder.h"
#include "qcow2/format.h"
#include "support.h"

static size_t cluster_bytes_of(const struct builder *builder)
{
	return (size_t)1 << builder->options.cluster_bits;
}

/* Make the file so long, with zeros. */
static void grow(struct builder *builder, size_t length)
{
	if (length > builder->room) {
		size_t room = 2 * length;

		builder->bytes = realloc(builder->bytes, room);
		assert_non_null(builder->bytes);
		memset(builder->bytes + builder->room, 0, room - builder->room);
		builder->room = room;
	}
	if (length > builder->length)
		builder->length = length;
}

void builder_put(struct builder *builder, size_t off, uint64_t value,
		 unsigned int nbytes)
{
	grow(builder, off + nbytes);
	big_endian_put(builder->bytes + off, value, nbytes);
}

uint64_t builder_cluster(struct builder *builder)
{
	size_t bytes = cluster_bytes_of(builder);
	size_t off = (builder->length + bytes - 1) & ~(bytes - 1);

	grow(builder, off + bytes);
	return off;
}

/* Return: where the next extension begins. */
static size_t put_extension(struct builder *builder, size_t off, uint32_t type,
			    const void *payload, size_t length)
{
	builder_put(builder, off, type, 4);
	builder_put(builder, off + 4, length, 4);
	grow(builder, off + 8 + length);
	if (length)
		memcpy(builder->bytes + off + 8, payload, length);
	return off + 8 + ((length + 7) & ~(size_t)7);
}

static void put_extensions(struct builder *builder, size_t off)
{
	const struct builder_options *options = &builder->options;

	if (options->format)
		off = put_extension(builder, off, SMI_QCOW2_EXT_BACKING_FORMAT,
				    options->format, strlen(options->format));
	if (options->extension)
		off = put_extension(builder, off, options->extension,
				    options->payload, options->payload_bytes);
	off = put_extension(builder, off, SMI_QCOW2_EXT_END, NULL, 0);
	if (!options->backing)
		return;
	builder_put(builder, 8, off, 8);
	builder_put(builder, 16, strlen(options->backing), 4);
	grow(builder, off + strlen(options->backing));
	memcpy(builder->bytes + off, options->backing,
	       strlen(options->backing));
}

void builder_start(struct builder *builder,
		   const struct builder_options *options)
{
	unsigned int shift;

	*builder = (struct builder){.options = *options};
	if (!builder->options.version)
		builder->options.version = 3;
	if (!builder->options.cluster_bits)
		builder->options.cluster_bits = 12;
	options = &builder->options;
	shift = 2 * options->cluster_bits - 3;
	builder->l1_entries =
		(options->disk_bytes + (UINT64_C(1) << shift) - 1) >> shift;
	builder_put(builder, 0, SMI_QCOW2_MAGIC, 4);
	builder_put(builder, 4, options->version, 4);
	builder_put(builder, 20, options->cluster_bits, 4);
	builder_put(builder, 24, options->disk_bytes, 8);
	builder_put(builder, 36, builder->l1_entries, 4);
	if (options->version == 3) {
		if (!options->is_deflate) {
			builder_put(builder, 72, SMI_QCOW2_COMPRESSION, 8);
			builder_put(builder, 104, SMI_QCOW2_ZSTD, 1);
		}
		builder_put(builder, 96, 4, 4);
		builder_put(builder, 100, 112, 4);
	}
	put_extensions(builder, options->version == 3 ? 112 : 72);
	assert_true(builder->length <= cluster_bytes_of(builder));
	grow(builder, cluster_bytes_of(builder));
	builder->l1_off = builder->length;
	builder_put(builder, 40, builder->l1_off, 8);
	grow(builder, builder->length + 8 * (size_t)builder->l1_entries);
}

size_t builder_entry_off(struct builder *builder, uint64_t cluster)
{
	uint64_t entries = cluster_bytes_of(builder) / 8;
	size_t l1 = (size_t)(builder->l1_off + 8 * (cluster / entries));
	uint64_t table = big_endian_get(builder->bytes + l1, 8);

	if (!table) {
		table = builder_cluster(builder) | SMI_QCOW2_COPIED;
		builder_put(builder, l1, table, 8);
	}
	return (size_t)((table & SMI_QCOW2_OFFSET) + 8 * (cluster % entries));
}

void builder_entry(struct builder *builder, uint64_t cluster, uint64_t entry)
{
	builder_put(builder, builder_entry_off(builder, cluster), entry, 8);
}

void builder_raw(struct builder *builder, uint64_t cluster, const void *bytes)
{
	uint64_t off = builder_cluster(builder);

	memcpy(builder->bytes + off, bytes, cluster_bytes_of(builder));
	builder_entry(builder, cluster, off | SMI_QCOW2_COPIED);
}

void builder_zeros(struct builder *builder, uint64_t cluster)
{
	builder_entry(builder, cluster, SMI_QCOW2_ZERO);
}

void builder_packed(struct builder *builder, uint64_t cluster, const void *data,
		    size_t length)
{
	unsigned int shift = 62 - (builder->options.cluster_bits - 8);
	/* Before the data, since the file's end is where they go. */
	size_t entry_off = builder_entry_off(builder, cluster);
	uint64_t off = builder->length;
	uint64_t sectors = (off + length - 1) / 512 - off / 512;

	grow(builder, builder->length + length);
	memcpy(builder->bytes + off, data, length);
	builder_put(builder, entry_off,
		    SMI_QCOW2_COMPRESSED | sectors << shift | off, 8);
}

void builder_zstd(struct builder *builder, uint64_t cluster, const void *bytes)
{
	size_t room = ZSTD_compressBound(cluster_bytes_of(builder));
	void *data = malloc(room);
	size_t length;

	assert_non_null(data);
	length = ZSTD_compress(data, room, bytes, cluster_bytes_of(builder), 1);
	assert_false(ZSTD_isError(length));
	builder_packed(builder, cluster, data, length);
	free(data);
}

void builder_save(struct builder *builder, const char *name)
{
	folder_write(name, builder->bytes, builder->length);
	free(builder->bytes);
	*builder = (struct builder){0};
}
