/* SPDX-License-Identifier: MIT */
/*
 * What takes the place of the VNC server in a build without it.
 */
#include "vnc/vnc.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

int vnc_check(const char *spec, struct smudge_error *err)
{
	return 0;
}

int vnc_open(struct machine *machine, const char *spec, int end_fd,
	     struct vnc **ret, struct smudge_error *err)
{
	return smudge_error_set(err, -ENOTSUP, "vnc",
				"this smudge-vm was built without VNC "
				"(libvncserver-dev was missing, or "
				"-Dvnc=disabled)");
}

void vnc_close(struct vnc *vnc)
{
}

const char *vnc_describe(const struct vnc *vnc)
{
	return "";
}

void vnc_report(struct vnc *vnc, struct vnc_report *ret)
{
	memset(ret, 0, sizeof(*ret));
}
