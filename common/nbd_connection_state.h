/* SPDX-License-Identifier: MIT */
/*
 * The inside of a connection, shared by its life and by what connects it.
 */
#ifndef COMMON_NBD_CONNECTION_STATE_H
#define COMMON_NBD_CONNECTION_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/nbd_connection.h"
#include "common/nbd_library.h"

#define NBD_NAME "nbd"

struct nbd_command;

struct nbd_connection {
	const struct nbd_library *library;
	char *uri;
	int wake_fd; /* ends a poll; an eventfd */
	int end_fd;  /* the caller's; -1: none */

	pthread_mutex_t lock; /* guards all below, and each call of libnbd */
	pthread_cond_t changed;
	struct nbd_handle *nbd; /* NULL: not connected */
	struct nbd_export export;
	unsigned int nrefs; /* its owner, and the thread that connects */
	struct nbd_command *commands; /* those without an answer */
	bool is_connecting;
	bool is_polled; /* by one of the users, without the lock */
	int failure;	/* -errno, of the first; 0: none */
	char reason[100];
};

/* With the lock held. The first failure stays, and ends all waits. */
void nbd_connection_fail(struct nbd_connection *connection, int code,
			 const char *reason);

/* Note the failure as a sentence. With the lock held. Return: its code. */
int nbd_connection_say(const struct nbd_connection *connection,
		       struct smudge_error *err);

/* Close what is connected, if anything is. No call is under way. */
void nbd_connection_close(struct nbd_connection *connection);

/* Give up a reference. Without the lock. */
void nbd_connection_release(struct nbd_connection *connection);

/* What is left until then; -1: for ever. */
int nbd_connection_left_ms(int64_t deadline_ns);

/* Wait for a change. With the lock held. False: it is late. */
bool nbd_connection_wait(struct nbd_connection *connection,
			 int64_t deadline_ns);

/* The end of a wait that begins now. */
int64_t nbd_connection_deadline_ns(uint64_t timeout_ns);

#endif
