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
	(void)spec;
	(void)err;
	return 0;
}

int vnc_open(struct machine *machine, const char *spec, int end_fd,
	     struct vnc **ret, struct smudge_error *err)
{
	(void)end_fd;
	(void)machine;
	(void)spec;
	(void)ret;
	return smudge_error_set(err, -ENOTSUP, "vnc",
				"This smudge-vm was built without VNC "
				"(libvncserver-dev was missing, or "
				"-Dvnc=disabled).");
}

void vnc_close(struct vnc *vnc)
{
	(void)vnc;
}

const char *vnc_describe(const struct vnc *vnc)
{
	(void)vnc;
	return "";
}

void vnc_report(struct vnc *vnc, struct vnc_report *ret)
{
	(void)vnc;
	memset(ret, 0, sizeof(*ret));
}
