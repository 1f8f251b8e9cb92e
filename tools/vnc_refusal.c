/* SPDX-License-Identifier: MIT */
/*
 * Reads the log of libvncclient 0.9.14, which has these lines:
 *
 *   Not a valid VNC server (...)
 *   VNC connection failed: REASON        also for a wrong password
 *   VNC authentication failed            without a reason, of old servers
 *   VNC authentication failed - too many tries
 */
#include "vnc_refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <rfb/rfbclient.h>
#pragma GCC diagnostic pop

#include <smudge/error.h>

#include "common/text.h"

#define WHERE "viewer"

static _Thread_local struct vnc_refusal *listener;

static void set_reason(struct vnc_refusal *refusal, const char *text)
{
	snprintf(refusal->reason, sizeof(refusal->reason), "%.*s",
		 (int)sizeof(refusal->reason) - 1, text);
	refusal->reason[strcspn(refusal->reason, "\r\n")] = '\0';
}

static void note(const char *format, ...)
{
	static const char failed[] = "VNC connection failed: ";
	char text[256];
	va_list args;

	if (!listener)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (text_begins(text, "Not a valid VNC server"))
		listener->is_no_vnc = true;
	else if (text_begins(text, failed))
		set_reason(listener, text + strlen(failed));
	else if (text_begins(text, "VNC authentication failed - too many"))
		set_reason(listener, "too many tries");
	else if (text_begins(text, "VNC authentication failed"))
		set_reason(listener, "it is wrong");
}

void vnc_refusal_listen(struct vnc_refusal *refusal)
{
	rfbClientLog = note;
	rfbClientErr = note;
	if (refusal)
		*refusal = (struct vnc_refusal){0};
	listener = refusal;
}

int vnc_refusal_say(const struct vnc_refusal *refusal, const char *host,
		    int port, bool has_password, int ret,
		    struct smudge_error *err)
{
	const char *reason = refusal->reason;

	if (refusal->is_no_vnc)
		return smudge_error_set(err, ret, WHERE,
					"what answers at %.60s port %d is no "
					"VNC server",
					host, port);
	if (refusal->was_asked && !has_password)
		return smudge_error_set(err, ret, WHERE,
					"the VNC server at %.60s port %d wants "
					"a password, and none is given",
					host, port);
	if (*reason)
		return smudge_error_set(
			err, ret, WHERE,
			"the VNC server at %.60s port %d "
			"refuses the %s: %s",
			host, port, refusal->was_asked ? "password" : "viewer",
			reason);
	return smudge_error_set(err, ret, WHERE,
				"the VNC server at %.60s port %d %s before it "
				"let the viewer in",
				host, port,
				refusal->is_silent ? "fell silent"
						   : "closed the connection");
}
