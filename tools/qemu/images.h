/* SPDX-License-Identifier: MIT */
/*
 * The disk images that a QEMU's command line names: "-drive file=PATH", and
 * "-hda PATH". Block nodes (-blockdev) are not understood.
 */
#ifndef TOOLS_QEMU_IMAGES_H
#define TOOLS_QEMU_IMAGES_H

#include <stdbool.h>

#include "qemu/words.h"

/*
 * qemu_names_image - does a command line name an image?
 * @cwd: that its paths are relative to; or NULL
 * @path: absolute
 */
bool qemu_names_image(char *const words[], const char *cwd, const char *path);

/*
 * qemu_replace_image - have it name a qcow2 image instead
 * @words: changed in place
 * Return: was it named? If memory ran out, @words says so.
 */
bool qemu_replace_image(struct qemu_words *words, const char *cwd,
			const char *path, const char *image);

#endif
