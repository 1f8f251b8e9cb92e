/* SPDX-License-Identifier: MIT */
/*
 * A conversation with a QMP session for tests: text in, parsed replies out.
 *
 * The handler knows two commands: "echo" returns its arguments, "fail" refuses.
 * `runs` counts what reached it.
 */
#ifndef TESTS_VM_QMP_QMP_TALK_H
#define TESTS_VM_QMP_QMP_TALK_H

#include "support.h"

#include "qmp/session.h"

struct qmp_talk {
	struct qmp_session *session;
	unsigned int runs;
};

/* Past the greeting, and past qmp_capabilities when @negotiated. */
void qmp_talk_start(struct qmp_talk *talk, bool negotiated);
void qmp_talk_end(struct qmp_talk *talk);

void qmp_talk_say(struct qmp_talk *talk, const char *text);

/* The next reply; fails the test when there is none. Caller's reference. */
json_t *qmp_talk_receive(struct qmp_talk *talk);

/* The next reply as it went over the socket, without its line end. */
void qmp_talk_receive_text(struct qmp_talk *talk, char *text, size_t size);

/* The next reply is an error of @class whose text holds @part. */
void qmp_talk_expect_error(struct qmp_talk *talk, const char *class,
			   const char *part);
/* The next reply is {"return": ..., "id": @id}. */
void qmp_talk_expect_return(struct qmp_talk *talk, const char *id);
/* Nothing waits. */
void qmp_talk_expect_silence(struct qmp_talk *talk);

#endif
