/* SPDX-License-Identifier: MIT */
/*
 * One QMP conversation, without its socket: bytes in, bytes out.
 *
 * It negotiates, cuts input into commands, runs them through the handler and
 * appends the replies to its output. No input ends a session: bad input gets
 * an error reply. One thread uses a session.
 */
#ifndef VM_QMP_SESSION_H
#define VM_QMP_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "qmp/message.h"

struct qmp_session;

struct qmp_handler {
	void *opaque;
	/* A new reference, or NULL with @err set. @arguments may be NULL. */
	json_t *(*execute)(void *opaque, const char *command,
			   const json_t *arguments, struct qmp_error *err);
	/*
	 * Called before a reply is appended, to append the command's events.
	 */
	void (*before_reply)(void *opaque);
};

/* The greeting is in the output already. NULL without memory. */
struct qmp_session *qmp_session_create(const struct qmp_handler *handler);
void qmp_session_destroy(struct qmp_session *session);

void qmp_session_input(struct qmp_session *session, const char *bytes,
		       size_t len);

/* The client sends no more: an unfinished value gets an error reply. */
void qmp_session_end_input(struct qmp_session *session);

/* True once qmp_capabilities was run; events are sent from then on. */
bool qmp_session_negotiated(const struct qmp_session *session);

/* Append lines of events. */
void qmp_session_events(struct qmp_session *session, const char *lines,
			size_t len);

/* An event was lost for lack of memory: the session has failed. */
void qmp_session_lose_event(struct qmp_session *session);

/* Output not sent yet; qmp_session_sent removes its first @len bytes. */
const char *qmp_session_output(const struct qmp_session *session,
			       size_t *ret_len);
void qmp_session_sent(struct qmp_session *session, size_t len);

/* A reply or event was lost for lack of memory: close the connection. */
bool qmp_session_failed(const struct qmp_session *session);

#endif
