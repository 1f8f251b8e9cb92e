/* SPDX-License-Identifier: MIT */
/*
 * The viewer of a build without VNC: every call fails.
 */
#include "vnc_viewer.h"

#include <errno.h>

#include <smudge/error.h>

static int refuse(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOTSUP, "viewer",
				"this program was built without VNC");
}

int vnc_viewer_open(const char *host, int port, const char *password,
		    struct vnc_viewer **ret_viewer, struct smudge_error *err)
{
	(void)host;
	(void)port;
	(void)password;
	(void)ret_viewer;
	return refuse(err);
}

void vnc_viewer_close(struct vnc_viewer *viewer)
{
	(void)viewer;
}

int vnc_viewer_picture(struct vnc_viewer *viewer, struct picture *ret_picture,
		       struct smudge_error *err)
{
	(void)viewer;
	(void)ret_picture;
	return refuse(err);
}

int vnc_viewer_last_picture(struct vnc_viewer *viewer,
			    struct picture *ret_picture,
			    struct smudge_error *err)
{
	(void)viewer;
	(void)ret_picture;
	return refuse(err);
}
