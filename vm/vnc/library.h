/* SPDX-License-Identifier: MIT */
/*
 * libvncserver's functions under their own names; the library is loaded when
 * the server is opened (base/library.h).
 */
#ifndef VM_VNC_LIBRARY_H
#define VM_VNC_LIBRARY_H

/* libvncserver's headers use undefined macros and old prototypes */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>
#pragma GCC diagnostic pop

struct smudge_error;

/* clang-format off */
#define VNC_FUNCTIONS(X) \
	X(rfbCheckPasswordByList) \
	X(rfbClientConnectionGone) \
	X(rfbCloseClient) \
	X(rfbGetScreen) \
	X(rfbLogEnable) \
	X(rfbMarkRectAsModified) \
	X(rfbNewClient) \
	X(rfbNewFramebuffer) \
	X(rfbProcessClientMessage) \
	X(rfbScreenCleanup) \
	X(rfbUpdateClient) \
	X(sraRgnEmpty)
/* clang-format on */

/* One per process, as the library; vnc_load writes it. */
#define VNC_MEMBER(name) __typeof__(&name) name;
extern struct vnc_library {
	VNC_FUNCTIONS(VNC_MEMBER)
} vnc_library;

/* Before any of them is called. Return: 0, or -ENODEV with one sentence. */
int vnc_load(struct smudge_error *err);

#define rfbCheckPasswordByList	(vnc_library.rfbCheckPasswordByList)
#define rfbClientConnectionGone (vnc_library.rfbClientConnectionGone)
#define rfbCloseClient		(vnc_library.rfbCloseClient)
#undef rfbGetScreen
#define rfbGetScreen		(vnc_library.rfbGetScreen)
#define rfbLogEnable		(vnc_library.rfbLogEnable)
#define rfbMarkRectAsModified	(vnc_library.rfbMarkRectAsModified)
#define rfbNewClient		(vnc_library.rfbNewClient)
#define rfbNewFramebuffer	(vnc_library.rfbNewFramebuffer)
#define rfbProcessClientMessage (vnc_library.rfbProcessClientMessage)
#define rfbScreenCleanup	(vnc_library.rfbScreenCleanup)
#define rfbUpdateClient		(vnc_library.rfbUpdateClient)
#define sraRgnEmpty		(vnc_library.sraRgnEmpty)

#endif
