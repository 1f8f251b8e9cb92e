/* SPDX-License-Identifier: MIT */
/*
 * What goes between a viewer and libvncserver.
 *
 * libvncserver reads a message as a whole and writes an update as a whole, and
 * waits for the viewer meanwhile: on the one thread that serves them all. So
 * it never meets the viewer's socket. It gets whole messages, each when all
 * of it is there, and writes updates into a file in memory (the box), which
 * takes everything at once. From there they go to the viewer as it takes them.
 * There is one update in the box at most, since the next is made when the box
 * is empty, and few answers to messages: with VNC_MAX_ANSWERS bytes of them
 * nothing more is read from the viewer until it has taken them.
 *
 * A WebSocket's frames are taken off and put on here.
 */
#ifndef VM_VNC_LINK_H
#define VM_VNC_LINK_H

#include "vnc/internal.h"
#include "vnc/message.h"

#define VNC_MAX_ANSWERS 65536

struct vnc_link {
	int our_fd, their_fd; /* the pair; libvncserver has a copy of its end */
	int box_fd;
	uint64_t box_bytes;    /* in it */
	uint64_t box_at;       /* of these went to `out` */
	uint64_t answer_bytes; /* written for messages since it was empty */
	bool is_websocket;
	struct vnc_websocket ws;
	size_t raw_len; /* a WebSocket's frames */
	size_t in_len;	/* messages */
	uint64_t skip_bytes;
	size_t out_at, out_len; /* to the viewer next */
	uint8_t raw[VNC_MAX_MESSAGE];
	uint8_t in[VNC_MAX_MESSAGE];
	uint8_t out[16384];
};

/*
 * vnc_link_open - let libvncserver greet a viewer
 * @request: of a WebSocket, all of it, or NULL
 * @ret_client: receives libvncserver's client
 * Return: 0, or -errno; libvncserver refuses with -EPROTO.
 */
int vnc_link_open(rfbScreenInfoPtr screen, const char *request,
		  struct vnc_link **ret_link, rfbClientPtr *ret_client);
/* Once libvncserver's client is gone. NULL is fine. */
void vnc_link_close(struct vnc_link *link);

/* Everything written has gone to the socket. */
bool vnc_link_is_empty(const struct vnc_link *link);
/* Too many answers wait: no message is passed on before they are taken. */
bool vnc_link_is_held(const struct vnc_link *link);
/* False: nothing is read before the viewer has taken more. */
bool vnc_link_may_read(const struct vnc_link *link);

/* Read once from @fd. Return: 0, or -errno; -ECONNRESET at the end. */
int vnc_link_read(struct vnc_link *link, int fd);
/* Write what @fd takes. Return: how much that was, or -errno. */
ssize_t vnc_link_write(struct vnc_link *link, int fd);

/*
 * Hand the next whole message to libvncserver. Return: 1, 0 (there is none),
 * or -errno: the viewer has to go.
 */
int vnc_link_pass(struct vnc_link *link, rfbClientPtr client);
/* Let libvncserver write what @client asked for; the box is empty. */
int vnc_link_update(struct vnc_link *link, rfbClientPtr client);

#endif
