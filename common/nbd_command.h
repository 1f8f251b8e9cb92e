/* SPDX-License-Identifier: MIT */
/*
 * Commands that the server has not answered, and the requests that they are of.
 *
 * All with the connection's lock held.
 */
#ifndef COMMON_NBD_COMMAND_H
#define COMMON_NBD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/nbd_connection.h"

/* Of one request. Callbacks change it, with the lock held. */
struct nbd_progress {
	const struct nbd_request *request;
	uint64_t issued_bytes;
	bool is_issued; /* all of it */
	unsigned int nin_flight;
	unsigned int nreplies;
	int error; /* errno, of the first; 0: none */
};

struct nbd_command;

/*
 * nbd_command_add - of the request's next bytes
 * @length_bytes: so many
 * Return: NULL without memory.
 */
struct nbd_command *nbd_command_add(struct nbd_connection *connection,
				    struct nbd_progress *progress,
				    uint64_t length_bytes);

/* It will never be answered. Return: false: it was already. */
bool nbd_command_remove(struct nbd_connection *connection,
			struct nbd_command *command);

/* Return: negative, with libnbd's error, if it was not given to libnbd. */
int64_t nbd_command_issue(struct nbd_connection *connection,
			  struct nbd_command *command, uint64_t offset);

/* What is under way of the request stays so, without its caller. */
void nbd_commands_leave(struct nbd_command *first,
			const struct nbd_progress *progress);

/* Does one of them change the disk? */
bool nbd_commands_change(const struct nbd_command *first);

#endif
