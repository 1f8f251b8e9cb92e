/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers of images share: a folder of their own, whose files are the
 * input, and a chain that is opened and read there in several ways. Whatever
 * comes, a call returns 0, or an error with a sentence; two ways of reading
 * agree.
 */
#ifndef TESTS_FUZZ_QCOW2_FOLDER_H
#define TESTS_FUZZ_QCOW2_FOLDER_H

#include <stddef.h>
#include <stdint.h>

/* Make a file of the folder be these bytes. */
void qcow2_folder_write(const char *name, const uint8_t *bytes, size_t length);

/* Open the chain of @name and read what it says it has. */
void qcow2_folder_read(const char *name);

#endif
