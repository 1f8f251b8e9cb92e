/* SPDX-License-Identifier: MIT */
/*
 * The screen as a picture file, straight from guest memory, without VNC and
 * without dirty tracking.
 */
#ifndef VM_CONTROL_SCREENDUMP_H
#define VM_CONTROL_SCREENDUMP_H

struct machine;
struct smudge_error;

/*
 * screendump - write the guest's screen to a file
 * @path: made or replaced as file_write does it (common/file.h)
 * @format: "ppm" or "png"
 *
 * While the guest runs, parts of the picture may be of different moments.
 * Blocks: on the disk only. Return: 0, or -errno with one sentence; a file at
 * @path is then unchanged.
 */
int screendump(struct machine *machine, const char *path, const char *format,
	       struct smudge_error *err);

#endif
