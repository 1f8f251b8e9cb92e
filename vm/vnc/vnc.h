/* SPDX-License-Identifier: MIT */
/*
 * The machine's display over VNC, with libvncserver, and a page for browsers.
 *
 * One thread serves all viewers. The display (smudge/display.h) is open only
 * while an authenticated viewer is connected: without one there is no bitmap,
 * no harvest and no logging on the framebuffer. Several viewers share one
 * display. The thread never stops the machine. It reads the framebuffer while
 * the guest draws; the next refresh repairs a torn picture.
 *
 * Port 5900 + N takes VNC, VNC in WebSockets, and plain HTTP for the page.
 */
#ifndef VM_VNC_VNC_H
#define VM_VNC_VNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
struct smudge_error;
struct vnc;

#define VNC_MAX_CONNS 64

/* Is @spec a value of --vnc? 0, or -EINVAL with one sentence. */
int vnc_check(const char *spec, struct smudge_error *err);

/*
 * vnc_open - listen, and serve viewers on a thread of its own
 * @machine: has a display; borrowed, outlives it
 * @spec: the value of --vnc
 * @end_fd: ends waits of this call (for a FIFO with the password or the page);
 *          -1 for none
 *
 * Return: 0, or -errno with one sentence; -ENOTSUP when smudge-vm was built
 * without VNC, -ECANCELED.
 */
int vnc_open(struct machine *machine, const char *spec, int end_fd,
	     struct vnc **ret_vnc, struct smudge_error *err);

/* Disconnect the viewers and end the thread. NULL is fine. */
void vnc_close(struct vnc *vnc);

/* One line for stderr: the address, and the page's. */
const char *vnc_describe(const struct vnc *vnc);

struct vnc_report {
	char host[64]; /* numeric */
	char service[16];
	bool is_ipv6;
	bool has_password;
	bool is_open; /* the display is open */
	size_t nviewers;
	struct vnc_report_viewer {
		char host[64];
		char service[16];
		bool is_ipv6;
		bool is_websocket;
	} viewers[VNC_MAX_CONNS];
	/* since the display was opened */
	uint64_t refreshes;
	uint64_t refresh_ns;
	uint64_t taken_pages;
	uint64_t compared_bytes;
	uint64_t changed_bytes;
	uint64_t rects;
};

/* Threads: any. */
void vnc_report(struct vnc *vnc, struct vnc_report *ret);

#endif
