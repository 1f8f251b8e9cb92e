/* SPDX-License-Identifier: MIT */
/*
 * The inside of the VNC server, shared by its files only.
 *
 * vnc.c      open, close, the thread's loop
 * serve.c    accept, and what peers send: requests, a viewer's messages
 * screen.c   the display and libvncserver's picture of it
 * place.c    whose place a new connection may take
 * peer.c     connections: send, end
 * link.c     what goes between a viewer and libvncserver
 * message.c  where a viewer's messages end
 * guess.c    what wrong passwords cost
 * web.c      what an HTTP request asks for; the page
 *
 * Each file calls those below it in this list only.
 *
 * Everything is the thread's own but what stands under `lock`.
 */
#ifndef VM_VNC_INTERNAL_H
#define VM_VNC_INTERNAL_H

#include "common/accept.h"
#include "vnc/vnc.h"
#include "vnc/guess.h"
#include "vnc/options.h"

#include <pthread.h>

#include <smudge/display.h>

/* libvncserver's own switches */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>
#pragma GCC diagnostic pop

#define VNC_WHERE "vnc"
#define VNC_NS_MS INT64_C(1000000)
#define VNC_NEVER INT64_MAX

enum vnc_stage {
	VNC_FRESH,  /* nobody knows yet what it wants */
	VNC_PAGE,   /* gets `answer`, then the end */
	VNC_VIEWER, /* libvncserver's, through `link` */
};

struct vnc_link;

/* A connection; fd -1: a free place. */
struct vnc_peer {
	int fd;		      /* under lock */
	enum vnc_stage stage; /* under lock */
	bool is_websocket;    /* under lock */
	bool may_see;	      /* under lock: past its handshake */
	bool is_partial;      /* a fresh one has said something, not enough */
	struct vnc_report_viewer name; /* under lock */
	bool asks_now; /* for what a refresh after its request finds */
	struct vnc_address address; /* whose passwords are counted together */
	rfbClientPtr client;	    /* of a viewer */
	struct vnc_link *link;	    /* of a viewer */
	size_t poll_at;		    /* its place among those polled */
	uint16_t told_width;	    /* the size the viewer knows */
	uint16_t told_height;
	int64_t came_ns;
	int64_t deadline_ns;   /* of a stage that must not last */
	int64_t look_again_ns; /* of a fresh one: not before this */
	const char *answer;    /* of a page: borrowed */
	size_t answer_bytes;
	size_t sent_bytes;
};

struct vnc {
	struct machine *machine;
	struct vnc_options options;
	char *passwords[2]; /* libvncserver's list */
	struct vnc_guesses guesses;
	int listen_fd;
	struct accept_pause pause;
	int quit_fd; /* eventfd */
	pthread_t thread;
	bool has_thread;
	char *page; /* the answer to GET /, or NULL */
	size_t page_bytes;
	char description[512];
	struct vnc_report about; /* host, service, ...: constant */

	rfbScreenInfoPtr screen;
	struct smudge_display *display; /* NULL while nobody looks */
	uint64_t generation;		/* of the mode in force */
	int64_t refreshed_ns;		/* the last time */
	unsigned int nfailures; /* refreshes that failed since one did not */
	int64_t refresh_at_ns;
	int64_t interval_ns;
	int64_t complain_ns; /* no complaint before this time */

	pthread_mutex_t lock;
	bool is_ending; /* under lock */
	struct vnc_peer peers[VNC_MAX_PEERS];
	bool is_open;			   /* under lock */
	struct smudge_display_stats stats; /* under lock */
};

/* peer.c */
void vnc_peer_end(struct vnc *vnc, struct vnc_peer *peer);
/* Send a viewer what it takes; one that takes nothing for long is ended. */
void vnc_peer_send(struct vnc *vnc, struct vnc_peer *peer);
/* libvncserver has dropped it: the end is due. */
bool vnc_peer_is_over(const struct vnc_peer *peer);
/* It knows the screen's present size, or will with its next update. */
void vnc_peer_was_told_size(struct vnc_peer *peer);

/* place.c: for a new connection, or NULL; ends a stranger that had it. */
struct vnc_peer *vnc_place_find(struct vnc *vnc);

/* libvncserver's question whether a viewer's password is right. */
rfbBool vnc_peer_check_password(rfbClientPtr client, const char *response,
				int len);

/* web.c */
int vnc_page_load(struct vnc *vnc, int end_fd, struct smudge_error *err);

enum vnc_request {
	VNC_REQUEST_PARTIAL, /* read on */
	VNC_REQUEST_VNC,     /* not HTTP */
	VNC_REQUEST_WEBSOCKET,
	VNC_REQUEST_PAGE,
	VNC_REQUEST_OTHER,  /* an address that is not there */
	VNC_REQUEST_METHOD, /* neither GET nor HEAD */
	VNC_REQUEST_BAD,    /* not HTTP either */
};

#define VNC_REQUEST_BYTES 8192

/* What the first bytes of a connection ask for. @text ends with NUL. */
enum vnc_request vnc_request_parse(const char *text, size_t len,
				   const struct vnc_options *options);
/*
 * vnc_request_answer - what a request that opens no viewer gets
 * @request: as vnc_request_parse found it: PAGE, OTHER or METHOD
 * @text: the request, ended by NUL; HEAD gets no body
 * @ret_bytes: receives the answer's length
 *
 * Return: the answer, borrowed from @vnc or constant.
 */
const char *vnc_request_answer(const struct vnc *vnc, enum vnc_request request,
			       const char *text, size_t *ret_bytes);

/* serve.c */
void vnc_peer_accept(struct vnc *vnc);
/* @events: what poll said about it. */
void vnc_peer_serve(struct vnc *vnc, struct vnc_peer *peer, short events);

/* screen.c */
int vnc_screen_create(struct vnc *vnc, struct smudge_error *err);
void vnc_screen_destroy(struct vnc *vnc);
/* Open, close or change the display as viewers and guest want it. */
void vnc_screen_follow(struct vnc *vnc);
/* The peer is to see what is there now: refresh as soon as may be. */
void vnc_screen_hurry(struct vnc *vnc, struct vnc_peer *peer);
/* When the next refresh is due, or VNC_NEVER. */
int64_t vnc_screen_due_ns(const struct vnc *vnc);
/* Refresh if it is due, and send what viewers asked for. */
void vnc_screen_send(struct vnc *vnc);

#endif
