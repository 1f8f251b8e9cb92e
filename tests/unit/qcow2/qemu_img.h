/* SPDX-License-Identifier: MIT */
/*
 * QEMU's qemu-img as the second reader and writer of images, in a folder of the
 * test's own, which is the current one while the test runs.
 */
#ifndef TESTS_UNIT_QCOW2_QEMU_IMG_H
#define TESTS_UNIT_QCOW2_QEMU_IMG_H

#include <stdbool.h>
#include <stdint.h>

/* TEST_MAIN_WITH's: an empty folder, and its removal with all files in it. */
int scratch_enter(void **state);
int scratch_leave(void **state);

/* Make a file there, open for read and write. */
int scratch_file(const char *name);

/* A raw image of @npages pages there. */
void scratch_raw(const char *name, const uint8_t *bytes, uint64_t npages);

/* For a test that does more where there is a qemu-img. */
bool qemu_img_is_there(void);
/* Skip the running test where there is none. */
void qemu_img_need(void);

/*
 * Run it with these arguments, the last NULL; what it prints is on stderr if it
 * fails. Return: its exit status.
 */
int qemu_img(const char *const *arguments);
/* The same of another program. Return: its exit status, 127 if there is none.
 */
int qemu_tool(const char *program, const char *const *arguments);

#define QEMU_IMG(...) qemu_img((const char *const[]){__VA_ARGS__, NULL})
#define QEMU_TOOL(program, ...) \
	qemu_tool(program, (const char *const[]){__VA_ARGS__, NULL})

/* Neither an error nor a leak is in the image. */
#define assert_qemu_checks(name) \
	assert_int_equal(QEMU_IMG("check", "-q", "-f", "qcow2", name), 0)

/* Image @name, with all below it, has the contents of the raw file @raw. */
#define assert_qemu_reads(name, raw)                                           \
	assert_int_equal(QEMU_IMG("compare", "-q", "-f", "qcow2", "-F", "raw", \
				  name, raw),                                  \
			 0)

#endif
