/* SPDX-License-Identifier: MIT */
/*
 * A command has bytes of its own: libnbd uses them until it is answered, also
 * when its caller has left.
 */
#include "common/nbd_command.h"

#include <stdlib.h>
#include <string.h>

#include "common/nbd_connection_state.h"

/* One that the server has not answered. */
struct nbd_command {
	struct nbd_command *next;
	struct nbd_connection *connection;
	struct nbd_progress *progress; /* NULL: its caller has left */
	enum nbd_request_kind kind;
	uint8_t *to; /* a read's: the caller's bytes */
	uint64_t length_bytes;
	uint8_t bytes[]; /* of a read or a write */
};

struct nbd_command *nbd_command_add(struct nbd_connection *connection,
				    struct nbd_progress *progress,
				    uint64_t length_bytes)
{
	const struct nbd_request *request = progress->request;
	uint8_t *bytes =
		request->bytes ? request->bytes + progress->issued_bytes : NULL;
	struct nbd_command *command =
		malloc(sizeof(*command) + (bytes ? length_bytes : 0));

	if (!command)
		return NULL;
	*command = (struct nbd_command){
		.next = connection->commands,
		.connection = connection,
		.progress = progress,
		.kind = request->kind,
		.to = bytes,
		.length_bytes = length_bytes,
	};
	if (request->kind == NBD_REQUEST_WRITE)
		memcpy(command->bytes, bytes, length_bytes);
	connection->commands = command;
	return command;
}

bool nbd_command_remove(struct nbd_connection *connection,
			struct nbd_command *command)
{
	struct nbd_command **at = &connection->commands;

	while (*at && *at != command)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = command->next;
	free(command);
	return true;
}

/* Called by libnbd, within a call with the lock held. */
static int completed(void *opaque, int *error)
{
	struct nbd_command *command = opaque;
	struct nbd_progress *progress = command->progress;

	if (progress) {
		progress->nin_flight--;
		progress->nreplies++;
		if (*error && !progress->error)
			progress->error = *error;
		if (!*error && command->kind == NBD_REQUEST_READ)
			memcpy(command->to, command->bytes,
			       command->length_bytes);
	}
	(void)nbd_command_remove(command->connection, command);
	return 1; /* it is retired */
}

int64_t nbd_command_issue(struct nbd_connection *connection,
			  struct nbd_command *command, uint64_t offset)
{
	const struct nbd_library *library = connection->library;
	const nbd_completion_callback callback = {.callback = completed,
						  .user_data = command};
	struct nbd_handle *nbd = connection->nbd;

	switch (command->kind) {
	case NBD_REQUEST_READ:
		return library->aio_pread(nbd, command->bytes,
					  command->length_bytes, offset,
					  callback, 0);
	case NBD_REQUEST_WRITE:
		return library->aio_pwrite(nbd, command->bytes,
					   command->length_bytes, offset,
					   callback, 0);
	case NBD_REQUEST_ZERO:
		return library->aio_zero(nbd, command->length_bytes, offset,
					 callback, 0);
	case NBD_REQUEST_FLUSH:
	default:
		return library->aio_flush(nbd, callback, 0);
	}
}

void nbd_commands_leave(struct nbd_command *first,
			const struct nbd_progress *progress)
{
	for (struct nbd_command *at = first; at; at = at->next)
		if (at->progress == progress)
			at->progress = NULL;
}

bool nbd_commands_change(const struct nbd_command *first)
{
	const struct nbd_command *at = first;

	while (at && at->kind != NBD_REQUEST_WRITE &&
	       at->kind != NBD_REQUEST_ZERO)
		at = at->next;
	return at;
}
