/* SPDX-License-Identifier: MIT */
/*
 * The life of a connection, and how it is connected.
 *
 * The thread that connects owns the handle until it is ready. When it is given
 * up meanwhile, the thread closes it, and frees the connection if its owner has
 * left.
 */
#include "common/nbd_connection_state.h"

#include <smudge/error.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/range.h"
#include "common/thread.h"

/* What servers may be sent that say nothing of a limit. */
#define USUAL_PAYLOAD_BYTES (UINT64_C(32) << 20)

static void init(struct nbd_connection *connection)
{
	pthread_mutex_init(&connection->lock, NULL);
	thread_cond_init(&connection->changed);
	connection->nrefs = 1;
}

int nbd_connection_create(const char *uri, int end_fd,
			  struct nbd_connection **ret, struct smudge_error *err)
{
	struct nbd_connection *connection;
	const struct nbd_library *library;
	int code = nbd_library_get(&library, err);

	if (code)
		return code;
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return smudge_error_set(err, -ENOMEM, NBD_NAME,
					"out of memory");
	connection->library = library;
	connection->end_fd = end_fd;
	connection->uri = strdup(uri);
	connection->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	code = connection->wake_fd < 0 ? -errno : 0;
	init(connection);
	if (code || !connection->uri) {
		nbd_connection_release(connection);
		code = code ? code : -ENOMEM;
		return smudge_error_set(err, code, NBD_NAME, "%s",
					strerror(-code));
	}
	*ret = connection;
	return 0;
}

void nbd_connection_release(struct nbd_connection *connection)
{
	bool is_last;

	pthread_mutex_lock(&connection->lock);
	is_last = --connection->nrefs == 0;
	pthread_mutex_unlock(&connection->lock);
	if (!is_last)
		return;
	nbd_connection_close(connection);
	if (connection->wake_fd >= 0)
		close(connection->wake_fd);
	pthread_cond_destroy(&connection->changed);
	pthread_mutex_destroy(&connection->lock);
	free(connection->uri);
	free(connection);
}

void nbd_connection_destroy(struct nbd_connection *connection)
{
	if (!connection)
		return;
	nbd_connection_end(connection, -ECANCELED);
	nbd_connection_release(connection);
}

static bool is_given_up(struct nbd_connection *connection)
{
	bool ret;

	pthread_mutex_lock(&connection->lock);
	ret = connection->failure != 0;
	pthread_mutex_unlock(&connection->lock);
	return ret;
}

/* One step of the handshake. Return: 0, or -1 with libnbd's error. */
static int shake(struct nbd_connection *connection, struct nbd_handle *nbd)
{
	const struct nbd_library *library = connection->library;
	unsigned int direction = library->aio_get_direction(nbd);
	bool reads = direction & LIBNBD_AIO_DIRECTION_READ;
	bool writes = direction & LIBNBD_AIO_DIRECTION_WRITE;
	struct pollfd polls[] = {
		{connection->wake_fd, POLLIN, 0},
		{library->aio_get_fd(nbd),
		 (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0},
		{connection->end_fd, POLLIN, 0},
	};
	short broken = POLLHUP | POLLERR;

	if (poll(polls, 3, -1) <= 0 || polls[0].revents)
		return 0;
	if (polls[2].revents) {
		nbd_connection_end(connection, -ECANCELED);
		return 0;
	}
	if (reads && polls[1].revents & (POLLIN | broken))
		return library->aio_notify_read(nbd);
	if (writes && polls[1].revents & (POLLOUT | broken))
		return library->aio_notify_write(nbd);
	return 0;
}

/* Return: 0, or -errno, whose sentence is libnbd's if @ret_has_text. */
static int reach(struct nbd_connection *connection, struct nbd_handle *nbd)
{
	const struct nbd_library *library = connection->library;

	if (library->set_request_block_size(nbd, true) ||
	    library->set_uri_allow_local_file(nbd, true) ||
	    library->aio_connect_uri(nbd, connection->uri))
		return -1;
	while (!library->aio_is_ready(nbd)) {
		if (is_given_up(connection))
			return 0;
		if (shake(connection, nbd) || library->aio_is_dead(nbd) ||
		    library->aio_is_closed(nbd))
			return -1;
	}
	return 0;
}

static uint64_t block_size(const struct nbd_library *library,
			   struct nbd_handle *nbd, int which, uint64_t usual)
{
	int64_t bytes = library->get_block_size(nbd, which);

	return bytes > 0 ? (uint64_t)bytes : usual;
}

static void describe(const struct nbd_library *library, struct nbd_handle *nbd,
		     struct nbd_export *export)
{
	int64_t size_bytes = library->get_size(nbd);

	*export = (struct nbd_export){
		.size_bytes = size_bytes > 0 ? (uint64_t)size_bytes : 0,
		.block_bytes = block_size(library, nbd, LIBNBD_SIZE_MINIMUM, 1),
		.max_payload_bytes = block_size(
			library, nbd, LIBNBD_SIZE_MAXIMUM, USUAL_PAYLOAD_BYTES),
		.can_flush = library->can_flush(nbd) == 1,
		.can_zero = library->can_zero(nbd) == 1,
		.can_multi_conn = library->can_multi_conn(nbd) == 1,
		.is_read_only = library->is_read_only(nbd) == 1,
	};
}

/* Of the error that libnbd noted last on this thread. */
static void note_unreached(struct nbd_connection *connection)
{
	int code = connection->library->get_errno();
	const char *text = connection->library->get_error();

	/* what the call's name adds is not for users */
	if (text && strncmp(text, "nbd_", 4) == 0 && strchr(text, ' '))
		text = strchr(text, ' ') + 1;
	nbd_connection_fail(connection, code ? -code : -ECONNRESET,
			    text ? text : "it cannot be reached");
}

static void *run(void *opaque)
{
	struct nbd_connection *connection = opaque;
	const struct nbd_library *library = connection->library;
	struct nbd_handle *nbd = library->create();
	int ret = nbd ? reach(connection, nbd) : -1;

	pthread_mutex_lock(&connection->lock);
	if (ret)
		note_unreached(connection);
	if (!connection->failure) {
		describe(library, nbd, &connection->export);
		connection->nbd = nbd;
		nbd = NULL;
	}
	connection->is_connecting = false;
	pthread_cond_broadcast(&connection->changed);
	pthread_mutex_unlock(&connection->lock);
	if (nbd)
		library->close(nbd);
	nbd_connection_release(connection);
	return NULL;
}

/* Signals are for others. With the lock held. */
static int start(struct nbd_connection *connection)
{
	pthread_t thread;
	int ret = thread_start(&thread, run, connection);

	if (ret)
		return ret;
	pthread_detach(thread);
	connection->nrefs++;
	connection->is_connecting = true;
	return 0;
}

int nbd_connection_connect(struct nbd_connection *connection,
			   uint64_t timeout_ns, struct nbd_export *ret_export,
			   struct smudge_error *err)
{
	int64_t deadline_ns = nbd_connection_deadline_ns(timeout_ns);
	int ret = 0;

	pthread_mutex_lock(&connection->lock);
	if (!connection->failure && start(connection))
		nbd_connection_fail(connection, -EAGAIN,
				    "no thread could be created");
	while (connection->is_connecting && !connection->failure)
		if (!nbd_connection_wait(connection, deadline_ns))
			nbd_connection_fail(connection, -ETIMEDOUT,
					    "the server did not answer in "
					    "time");
	if (connection->failure)
		ret = nbd_connection_say(connection, err);
	else
		*ret_export = connection->export;
	pthread_mutex_unlock(&connection->lock);
	return ret;
}
