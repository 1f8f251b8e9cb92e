/* SPDX-License-Identifier: MIT */
/*
 * What an image says about itself beyond the header's numbers: its header
 * extensions, and the features without which it cannot be read. Pure.
 */
#ifndef LIB_QCOW2_FEATURES_H
#define LIB_QCOW2_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/header.h"

/* Payload of an extension, in the caller's bytes; NULL: the image has none. */
struct smi_qcow2_extension {
	const uint8_t *bytes;
	size_t length_bytes;
};

struct smi_qcow2_extensions {
	struct smi_qcow2_extension backing_format, feature_names;
};

/*
 * smi_qcow2_extensions_find - the extensions that the reader needs
 * @bytes: the first @length_bytes of the file: its first cluster, or all of it
 *      if it ends before
 *
 * Return: 0, -EBADMSG (one leaves the place for extensions).
 */
int smi_qcow2_extensions_find(const struct smi_qcow2_header *header,
			      const uint8_t *bytes, size_t length_bytes,
			      const char *name,
			      struct smi_qcow2_extensions *ret_extensions,
			      struct smudge_error *err);

/*
 * smi_qcow2_features_check - refuse what is not read, by its name
 * Return: 0, -EMEDIUMTYPE.
 */
int smi_qcow2_features_check(const struct smi_qcow2_header *header,
			     const struct smi_qcow2_extensions *extensions,
			     const char *name, struct smudge_error *err);

#endif
