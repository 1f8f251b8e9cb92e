/* SPDX-License-Identifier: MIT */
/*
 * The scratch folder of qemu_img.h, and its descriptor, which a chain is opened
 * in.
 */
#ifndef TESTS_UNIT_QCOW2_FOLDER_H
#define TESTS_UNIT_QCOW2_FOLDER_H

#include <stddef.h>
#include <stdint.h>

extern char folder_path[64];
extern int folder_fd;

/* TEST_MAIN_WITH's. Folders in it are removed by the test that made them. */
int folder_create(void **state);
int folder_remove(void **state);

void folder_write(const char *name, const void *bytes, size_t length);

/* A file's bytes, to be freed. */
uint8_t *folder_read(const char *name, size_t *ret_length);

#endif
