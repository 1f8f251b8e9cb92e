/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of sealed layers: a chain that the library wrote is mutated,
 * checksums are made right where the input says so, and then all of it is
 * listed, opened, read, verified and restored. Whatever comes, a call returns
 * 0 or an error with a sentence, and
 *	- a layer that says that it is a moment of ours gives its pages only;
 *	- pages that were all read are those of the layer's digest;
 *	- what verifies can be read and restored, and all ways agree.
 *
 * Input: a byte that says what is sealed, and in its upper bits which layer is
 * opened, from the newest on; then mutations of 12 bytes each: kind, layer,
 * target (2 bytes), value (8), little-endian. To find allocations that a
 * layer's word alone asks for: -malloc_limit_mb=64; to go faster:
 * ASAN_OPTIONS=quarantine_size_mb=16.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "checkpoint/folder.h"
#include "common/little_endian.h"
#include "layers_check.h"
#include "layers_edit.h"

#define MAX_EDITS 12

static char path[64];

static void name_of(size_t layer, char name[128])
{
	char file[SMI_FOLDER_NAME_BYTES];

	smi_folder_name(layer + 1, file);
	snprintf(name, 128, "%s/%s", path, file);
}

static void remove_folder(void)
{
	char name[128];

	for (size_t i = 0; i < LAYERS_N; i++) {
		name_of(i, name);
		unlink(name);
	}
	rmdir(path);
}

static const struct layers_template *prepare(void)
{
	if (!path[0]) {
		snprintf(path, sizeof(path), "%s/smudge-fuzz-XXXXXX",
			 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		if (!mkdtemp(path))
			abort();
		atexit(remove_folder);
	}
	return layers_template(path);
}

static void write_file(size_t layer, const struct layers_image *image)
{
	char name[128];
	int fd;

	name_of(layer, name);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 ||
	    write(fd, image->bytes, image->length) != (ssize_t)image->length)
		abort();
	close(fd);
}

/* ---- an input --------------------------------------------------------- */

static int count_entry(void *opaque, const struct smudge_layer_info *info,
		       const struct smudge_error *why)
{
	(void)info;
	++*(unsigned int *)opaque;
	if (why)
		layers_check(why->code, why);
	return 0;
}

static void play(const struct layers_template *t, unsigned int seal)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options),
		.folder = path,
		.number = LAYERS_N - (seal >> 4) % LAYERS_N,
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	unsigned int nentries = 0;
	struct smudge_chain *chain;

	if (layers_check(smudge_layers_each(path, count_entry, &nentries, &err),
			 &err) &&
	    nentries != LAYERS_N)
		abort();
	smudge_error_clear(&err);
	if (!layers_check(smudge_chain_open(&options, &chain, &err), &err))
		return;
	layers_check_chain(t, chain, !(seal & LAYERS_SEAL_TABLES));
	smudge_chain_close(chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct layers_chain chain;
	size_t n = size ? (size - 1) / LAYERS_EDIT_BYTES : 0;

	if (!size || n > MAX_EDITS)
		return 0;
	chain.template = prepare();
	for (size_t i = 0; i < LAYERS_N; i++)
		layers_image_set(&chain.images[i],
				 chain.template->layers[i].file,
				 chain.template->layers[i].file_bytes);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *at = data + 1 + i * LAYERS_EDIT_BYTES;
		const struct layers_edit edit = {
			.kind = at[0],
			.layer = at[1],
			.target = (uint16_t)little_endian_get(at + 2, 2),
			.value = little_endian_get(at + 4, 8),
		};

		layers_edit(&chain, &edit);
	}
	layers_seal(&chain, data[0]);
	for (size_t i = 0; i < LAYERS_N; i++)
		write_file(i, &chain.images[i]);
	play(chain.template, data[0]);
	return 0;
}
