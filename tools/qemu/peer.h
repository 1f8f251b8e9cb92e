/* SPDX-License-Identifier: MIT */
/*
 * The QEMU behind a QMP socket: its process, and what it says while its machine
 * stops and runs.
 */
#ifndef TOOLS_QEMU_PEER_H
#define TOOLS_QEMU_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include <jansson.h>

struct qmp_client;
struct smudge_error;
struct qemu_machine;

struct qemu_peer {
	struct qmp_client *client;
	pid_t pid;
	char version[64];
	char status[32]; /* of the machine, as of qemu_peer_status */
	bool is_running;
	/* By the clock of its events, of which the last is kept. */
	bool has_resumed; /* since qemu_peer_forget */
	int64_t stopped_ns, resumed_ns;
};

/*
 * qemu_peer_open - connect
 * @pid: whose memory it is; 0: of the process that listens on the socket
 * @peer: receives the connection, ended by qemu_peer_close; it stays where it
 * is
 *
 * Return: 0, -EBUSY (another client has the socket), -ESRCH (the process cannot
 * be found, or is another one), or another -errno with one sentence.
 */
int qemu_peer_open(struct qemu_peer *peer, const char *path, pid_t pid,
		   struct smudge_error *err);
void qemu_peer_close(struct qemu_peer *peer);

/* Forget the stops that it reported. */
void qemu_peer_forget(struct qemu_peer *peer);
/* How long the last stop took, by its own events; 0: not known. */
uint64_t qemu_peer_stopped_ns(const struct qemu_peer *peer);

/*
 * qemu_peer_run - a command, and a member of the value that it returns
 * @arguments: stolen; NULL for none
 * @ret_value: receives a new reference; may be NULL
 */
int qemu_peer_run(struct qemu_peer *peer, const char *command,
		  json_t *arguments, json_t **ret_value,
		  struct smudge_error *err);

/*
 * qemu_peer_ask - a line of its monitor for people
 * Return: the answer, freed by the caller; or NULL.
 */
char *qemu_peer_ask(struct qemu_peer *peer, const char *line);

/* Read the machine's status. */
int qemu_peer_status(struct qemu_peer *peer, struct smudge_error *err);

/* A property of an object, if it is text: freed by the caller; or NULL. */
char *qemu_peer_property(struct qemu_peer *peer, const char *object,
			 const char *property);

/*
 * qemu_peer_describe - what is known of its process and its machine type
 * @machine: empty; receives it, and is the caller's to free also after failure
 */
int qemu_peer_describe(struct qemu_peer *peer, struct qemu_machine *machine,
		       struct smudge_error *err);

#endif
