/* SPDX-License-Identifier: MIT */
/*
 * The inside of the VNC server, shared by its files only.
 *
 * vnc.c      open, close, the thread's loop
 * serve.c    accept, and what is read: requests, a viewer's messages
 * depart.c   what viewers are told once the guest has been migrated away
 * screen.c   the display, and libvncserver's copy of it
 * place.c    finds a place for a new connection
 * conn.c     connections: send, end
 * buffer.c   the buffers between a viewer and libvncserver
 * message.c  the bounds of a viewer's messages
 * guess.c    the delay after wrong passwords
 * web.c      HTTP requests; the page
 * library.c  libvncserver's functions
 *
 * Each file calls only those below it in this list.
 *
 * Only the thread uses fields without a lock.
 */
#ifndef VM_VNC_INTERNAL_H
#define VM_VNC_INTERNAL_H

#include "common/accept.h"
#include "vnc/vnc.h"
#include "vnc/guess.h"
#include "vnc/library.h"
#include "vnc/options.h"

#include <pthread.h>

#include <smudge/display.h>

#define VNC_WHERE "vnc"
#define VNC_NS_MS INT64_C(1000000)
#define VNC_NEVER INT64_MAX

enum vnc_stage {
	VNC_NEW,    /* nothing shows yet what it is */
	VNC_PAGE,   /* gets `answer`, then ends */
	VNC_VIEWER, /* served by libvncserver, through `buffer` */
};

struct vnc_buffer;

/* A connection; fd -1: not in use. */
struct vnc_conn {
	int fd;		       /* under lock */
	enum vnc_stage stage;  /* under lock */
	bool is_websocket;     /* under lock */
	bool is_authenticated; /* under lock: the handshake is over */
	bool is_partial; /* of a new one: it sent something, but not enough */
	unsigned int nsilent_looks;    /* of a new one: they met nothing */
	struct vnc_report_viewer name; /* under lock */
	bool wants_refresh; /* its update waits for the next refresh */
	struct vnc_address
		address;	   /* wrong passwords are counted per address */
	rfbClientPtr client;	   /* of a viewer */
	struct vnc_buffer *buffer; /* of a viewer */
	size_t poll_at;		   /* its index in the array for poll */
	uint16_t known_width;	   /* the size the viewer knows */
	uint16_t known_height;
	int64_t connected_at_ns;
	int64_t deadline_ns; /* end of a stage of limited time */
	int64_t retry_at_ns; /* do not read before; 0: no wait */
	const char *answer;  /* of a page: borrowed */
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

	bool is_away;	       /* the guest is: viewers are refused */
	int64_t away_since_ns; /* since then, if so */
	bool has_dropped;      /* viewers, since then */

	rfbScreenInfoPtr screen;
	struct smudge_display *display; /* NULL while there is no viewer */
	uint64_t generation;		/* of the mode shown */
	int64_t refreshed_ns;		/* time of the last refresh */
	unsigned int nfailures;		/* failed refreshes in a row */
	int64_t refresh_at_ns;
	int64_t interval_ns;
	int64_t complain_ns; /* no complaint before this time */

	pthread_mutex_t lock;
	bool is_ending; /* under lock */
	struct vnc_conn conns[VNC_MAX_CONNS];
	bool is_open;			   /* under lock */
	struct smudge_display_stats stats; /* under lock */
};

/* conn.c */
void vnc_conn_end(struct vnc *vnc, struct vnc_conn *conn);
/* Send what the viewer takes. One that takes nothing for long is ended. */
void vnc_conn_send(struct vnc *vnc, struct vnc_conn *conn);
/* libvncserver closed it: it must be ended. */
bool vnc_conn_is_over(const struct vnc_conn *conn);
/*
 * Note that the viewer knows the screen's present size, or will with its next
 * update.
 */
void vnc_conn_note_size(struct vnc_conn *conn);

/*
 * place.c: one that is not in use, or NULL. May end an unauthenticated
 * connection for it.
 */
struct vnc_conn *vnc_place_find(struct vnc *vnc);

/* Called by libvncserver: is the viewer's password right? */
rfbBool vnc_conn_check_password(rfbClientPtr client, const char *response,
				int len);

/* web.c */
int vnc_page_load(struct vnc *vnc, int end_fd, struct smudge_error *err);

enum vnc_request {
	VNC_REQUEST_PARTIAL, /* read on */
	VNC_REQUEST_VNC,     /* not HTTP */
	VNC_REQUEST_WEBSOCKET,
	VNC_REQUEST_PAGE,
	VNC_REQUEST_OTHER,  /* an unknown path */
	VNC_REQUEST_METHOD, /* neither GET nor HEAD */
	VNC_REQUEST_BAD,    /* not HTTP either */
};

#define VNC_REQUEST_BYTES 8192

/* The kind of a request, from its first bytes. @text ends with NUL. */
enum vnc_request vnc_request_parse(const char *text, size_t len,
				   const struct vnc_options *options);
/*
 * vnc_request_answer - the answer to a request that opens no viewer
 * @request: from vnc_request_parse: PAGE, OTHER or METHOD; while the guest is
 *           away the first two have one answer
 * @text: the request, ended by NUL; HEAD gets no body
 * @ret_bytes: receives the answer's length
 *
 * Return: the answer, borrowed from @vnc or constant.
 */
const char *vnc_request_answer(const struct vnc *vnc, enum vnc_request request,
			       const char *text, size_t *ret_bytes);

/* serve.c */
void vnc_conn_accept(struct vnc *vnc);
/*
 * Handle what poll(2) reported for the connection: @events are its revents.
 */
void vnc_conn_serve(struct vnc *vnc, struct vnc_conn *conn, short events);

/* depart.c */
/* Is the guest away? Disconnect the viewers that have its last picture. */
void vnc_depart_follow(struct vnc *vnc);
/* What a viewer is sent that comes when the guest is away. */
const char *vnc_depart_refusal(size_t *ret_bytes);

/* screen.c */
int vnc_screen_create(struct vnc *vnc, struct smudge_error *err);
void vnc_screen_destroy(struct vnc *vnc);
/*
 * Open, close or change the display, as viewers and the guest's mode require.
 */
void vnc_screen_follow(struct vnc *vnc);
/* The viewer wants the present content: refresh as soon as allowed. */
void vnc_screen_refresh_now(struct vnc *vnc, struct vnc_conn *conn);
/*
 * Does the viewer have the picture as it was at that time, or later? It asks
 * for the next one, and there is none.
 */
bool vnc_screen_is_last(const struct vnc *vnc, const struct vnc_conn *conn,
			int64_t since_ns);
/* When the next refresh is due, or VNC_NEVER. */
int64_t vnc_screen_due_ns(const struct vnc *vnc);
/* Refresh if it is due, and send the updates that viewers asked for. */
void vnc_screen_send(struct vnc *vnc);

#endif
