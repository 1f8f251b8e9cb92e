/* SPDX-License-Identifier: MIT */
/*
 * Header extensions, and the table of incompatible features that are known.
 */
#include "qcow2/features.h"

#include <errno.h>
#include <string.h>

#include "common/big_endian.h"
#include "qcow2/format.h"

#define WHERE "qcow2"

/* Type and length, of 4 bytes each; payloads are padded to 8 bytes. */
#define EXTENSION_HEADER_BYTES 8

static void keep(struct smi_qcow2_extensions *extensions, uint64_t type,
		 const uint8_t *bytes, size_t length_bytes)
{
	const struct smi_qcow2_extension found = {bytes, length_bytes};

	if (type == SMI_QCOW2_EXT_BACKING_FORMAT)
		extensions->backing_format = found;
	else if (type == SMI_QCOW2_EXT_FEATURE_NAMES)
		extensions->feature_names = found;
}

int smi_qcow2_extensions_find(const struct smi_qcow2_header *header,
			      const uint8_t *bytes, size_t length_bytes,
			      const char *name,
			      struct smi_qcow2_extensions *ret_extensions,
			      struct smudge_error *err)
{
	size_t at = header->header_bytes;
	size_t end = length_bytes;

	*ret_extensions = (struct smi_qcow2_extensions){0};
	if (header->backing_off && header->backing_off < end)
		end = (size_t)header->backing_off;
	while (at < end && end - at >= EXTENSION_HEADER_BYTES) {
		uint64_t type = big_endian_get(bytes + at, 4);
		uint64_t length = big_endian_get(bytes + at + 4, 4);

		if (type == SMI_QCOW2_EXT_END)
			return 0;
		at += EXTENSION_HEADER_BYTES;
		if (length > end - at)
			return smudge_error_set(err, -EBADMSG, WHERE,
						"%.100s: a header extension "
						"leaves its place",
						name);
		keep(ret_extensions, type, bytes + at, (size_t)length);
		at += (size_t)((length + 7) & ~UINT64_C(7));
	}
	return 0;
}

/* A row of the feature name table: type, bit, name padded with zeros. */
#define ROW_BYTES      48
#define ROW_NAME_BYTES 46

/* Copies a row's name, or nothing if it is not all printable. */
static void copy_name(const uint8_t *row, char text[ROW_NAME_BYTES + 1])
{
	size_t length = strnlen((const char *)row + 2, ROW_NAME_BYTES);

	memset(text, 0, ROW_NAME_BYTES + 1);
	for (size_t i = 0; i < length; i++) {
		if (row[2 + i] < ' ' || row[2 + i] > '~')
			return;
	}
	memcpy(text, row + 2, length);
}

/* The name of incompatible feature @bit; "" if the table has none. */
static void find_name(const struct smi_qcow2_extension *table, unsigned int bit,
		      char text[ROW_NAME_BYTES + 1])
{
	text[0] = 0;
	for (size_t at = 0; table->length_bytes - at >= ROW_BYTES;
	     at += ROW_BYTES) {
		const uint8_t *row = table->bytes + at;

		if (row[0] == 0 && row[1] == bit) {
			copy_name(row, text);
			return;
		}
	}
}

static const struct known_feature {
	uint64_t bit;
	const char *sentence; /* NULL: it is read */
} known_features[] = {
	{SMI_QCOW2_DIRTY, NULL},
	{SMI_QCOW2_COMPRESSION, NULL},
	{SMI_QCOW2_CORRUPT, "is marked corrupt"},
	{SMI_QCOW2_DATA_FILE, "external data files are not read"},
	{SMI_QCOW2_EXTENDED_L2,
	 "extended L2 entries are not read (qemu-img convert without "
	 "extended_l2)"},
};

int smi_qcow2_features_check(const struct smi_qcow2_header *header,
			     const struct smi_qcow2_extensions *extensions,
			     const char *name, struct smudge_error *err)
{
	uint64_t unknown = header->incompatible;
	char text[ROW_NAME_BYTES + 1];
	unsigned int bit;

	for (size_t i = 0;
	     i < sizeof(known_features) / sizeof(known_features[0]); i++) {
		const struct known_feature *known = &known_features[i];

		if ((header->incompatible & known->bit) && known->sentence)
			return smudge_error_set(err, -EMEDIUMTYPE, WHERE,
						"%.100s: %s", name,
						known->sentence);
		unknown &= ~known->bit;
	}
	if (!unknown)
		return 0;
	bit = (unsigned int)__builtin_ctzll(unknown);
	find_name(&extensions->feature_names, bit, text);
	if (!text[0])
		return smudge_error_set(err, -EMEDIUMTYPE, WHERE,
					"%.100s: incompatible feature %u is "
					"not read",
					name, bit);
	return smudge_error_set(err, -EMEDIUMTYPE, WHERE,
				"%.100s: feature %u (%s) is not read", name,
				bit, text);
}
