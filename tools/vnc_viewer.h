/* SPDX-License-Identifier: MIT */
/*
 * A VNC viewer without a window, by libvncclient.
 *
 * It stays connected on a thread of its own and asks for changes all the time,
 * as a viewer with a window does.
 */
#ifndef TOOLS_VNC_VIEWER_H
#define TOOLS_VNC_VIEWER_H

struct picture;
struct smudge_error;
struct vnc_viewer;

/*
 * vnc_viewer_open - connect, and ask for changes from now on
 * @host, @port: where the server listens
 * @password: NULL: none
 * Return: 0, or -errno with one sentence; -ENOTSUP when built without VNC.
 */
int vnc_viewer_open(const char *host, int port, const char *password,
		    struct vnc_viewer **ret_viewer, struct smudge_error *err);
void vnc_viewer_close(struct vnc_viewer *viewer); /* or NULL */

/*
 * vnc_viewer_picture - get a picture of what the screen shows now
 * @ret_picture: receives it, freed with picture_free; what it held is freed
 *
 * Asks the server for the whole screen, and waits for the answer.
 * Return: 0, or -errno with one sentence.
 */
int vnc_viewer_picture(struct vnc_viewer *viewer, struct picture *ret_picture,
		       struct smudge_error *err);

/*
 * vnc_viewer_last_picture - get the last picture that the server sent
 * @ret_picture: as above
 *
 * For a server that disconnects its viewers once they have it: waits for that.
 * Return: 0, or -errno with one sentence.
 */
int vnc_viewer_last_picture(struct vnc_viewer *viewer,
			    struct picture *ret_picture,
			    struct smudge_error *err);

#endif
