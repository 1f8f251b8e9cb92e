/* SPDX-License-Identifier: MIT */
/*
 * The screen as a picture file, straight from guest memory: nothing of VNC
 * and nothing of dirty tracking is in between.
 */
#ifndef VM_SCREENDUMP_H
#define VM_SCREENDUMP_H

struct machine;
struct smudge_error;

/*
 * screendump - write what the guest shows to a file
 * @path: created or overwritten
 * @format: "ppm" or "png"
 *
 * While the guest runs the picture may be of several moments.
 * Return: 0, or -errno with one sentence; a file that was begun is removed.
 */
int screendump(struct machine *machine, const char *path, const char *format,
	       struct smudge_error *err);

#endif
