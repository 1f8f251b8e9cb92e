/* SPDX-License-Identifier: MIT */
/*
 * The screen as a picture file, straight from guest memory: nothing of VNC
 * and nothing of dirty tracking is in between.
 */
#ifndef VM_CONTROL_SCREENDUMP_H
#define VM_CONTROL_SCREENDUMP_H

struct machine;
struct smudge_error;

/*
 * screendump - write what the guest shows to a file
 * @path: made or replaced as file_write does it (common/file.h)
 * @format: "ppm" or "png"
 *
 * While the guest runs the picture may be of several moments.
 * Blocks: on the disk only. Return: 0, or -errno with one sentence; what was
 * at @path is still there then.
 */
int screendump(struct machine *machine, const char *path, const char *format,
	       struct smudge_error *err);

#endif
