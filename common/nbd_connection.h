/* SPDX-License-Identifier: MIT */
/*
 * One connection to an NBD server, which several threads share.
 *
 * There is no thread that serves it. Of the threads that wait for a reply one
 * polls for all, and another one takes its place when it has its own.
 * Connecting alone is done by a thread of its own, since it looks up names,
 * which no descriptor ends: when it takes too long it is left to itself.
 *
 * What failed stays failed: a command that is late, or a connection that is
 * lost, ends all commands on it, and those that follow.
 */
#ifndef COMMON_NBD_CONNECTION_H
#define COMMON_NBD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

struct smudge_error;

struct nbd_connection;

enum nbd_request_kind {
	NBD_REQUEST_READ,
	NBD_REQUEST_WRITE,
	NBD_REQUEST_ZERO,
	NBD_REQUEST_FLUSH,
};

struct nbd_request {
	enum nbd_request_kind kind;
	uint64_t offset;       /* in bytes, of the export */
	uint64_t length_bytes; /* 0 for a flush */
	uint8_t *bytes;	       /* to write or to receive; else NULL */
	uint64_t piece_bytes;  /* one command has at most so many */
};

/* What the server said of the export when it was connected. */
struct nbd_export {
	uint64_t size_bytes;
	uint64_t block_bytes;	    /* offsets and lengths are multiples */
	uint64_t max_payload_bytes; /* of one read or write */
	bool can_flush;
	bool can_zero;
	bool can_multi_conn; /* a flush is for all connections */
	bool is_read_only;
};

/*
 * nbd_connection_create - before it is connected
 * @uri: copied
 * @end_fd: ends waits with -ECANCELED once it is readable; -1: none. Open
 *      until the process ends, since a thread that connects may be left
 * @ret: receives it, freed by nbd_connection_destroy
 *
 * Return: 0, -EOPNOTSUPP (no libnbd), -EMFILE, -ENFILE, -ENOMEM, with one
 * sentence.
 */
int nbd_connection_create(const char *uri, int end_fd,
			  struct nbd_connection **ret,
			  struct smudge_error *err);

/* NULL is fine. No other call may use it. Blocks: no. */
void nbd_connection_destroy(struct nbd_connection *connection);

/*
 * nbd_connection_connect - once
 * @timeout_ns: 0: none
 * @ret_export: receives what the server says
 *
 * Blocks: until it is connected, the timeout, or nbd_connection_end.
 * State after failure: all calls fail the same way.
 * Return: 0, -ETIMEDOUT, what nbd_connection_end was given, -EINVAL (the URI),
 * -ECONNREFUSED, -ENOENT (no such socket), -EACCES, -EAGAIN (no thread), or
 * another -errno of connecting (-ECONNRESET where there is none), with one
 * sentence that names the server.
 */
int nbd_connection_connect(struct nbd_connection *connection,
			   uint64_t timeout_ns, struct nbd_export *ret_export,
			   struct smudge_error *err);

/*
 * nbd_connection_run - carry out a request, as one command or several at once
 * @timeout_ns: without any reply to it; 0: none
 *
 * Blocks: until all of it is carried out, or nbd_connection_end. Threads: any.
 * State after failure: any part of it was carried out, or will be until
 * nbd_connection_settle; not after an error of the server, and the connection
 * stays then.
 * Return: 0, -ETIMEDOUT, what nbd_connection_end was given, -ECONNRESET (the
 * connection was lost), -ENOSPC, or another -errno of the server (-EIO, -EPERM,
 * -EINVAL, -ENOMEM, -EOPNOTSUPP, -ESHUTDOWN), with one sentence that names it.
 */
int nbd_connection_run(struct nbd_connection *connection,
		       const struct nbd_request *request, uint64_t timeout_ns,
		       struct smudge_error *err);

/*
 * nbd_connection_end - commands under way, and all that follow, fail
 * @code: the -errno they return
 *
 * Threads: any. Blocks: no.
 */
void nbd_connection_end(struct nbd_connection *connection, int code);

/*
 * nbd_connection_is_alive - is it connected still, as far as is known?
 *
 * Looks whether the server has closed it. Blocks: no. Threads: any.
 */
bool nbd_connection_is_alive(struct nbd_connection *connection);

/* From now on nbd_connection_end ends a settle. Threads: any. */
void nbd_connection_expect(struct nbd_connection *connection);

/*
 * nbd_connection_settle - wait until no write that was given up can be carried
 *	out any more: each was answered, or the connection is lost
 * @timeout_ns: 0: none
 *
 * It has failed, and no request is under way. Blocks: until the timeout, or
 * nbd_connection_end.
 * Return: 0, -ETIMEDOUT, -ECANCELED, with one sentence.
 */
int nbd_connection_settle(struct nbd_connection *connection,
			  uint64_t timeout_ns, struct smudge_error *err);

#endif
