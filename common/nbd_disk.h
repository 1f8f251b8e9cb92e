/* SPDX-License-Identifier: MIT */
/*
 * A block device behind an NBD server (smudge/disk.h), by libnbd.
 *
 * Where the server lets several connections see each other's writes
 * (multi-conn) there are several, and threads share them; else there is one.
 * Each has up to eight commands in flight per call. Nothing here waits without
 * an end: names are looked up, servers connected to, and replies awaited until
 * the timeout, or a cancel.
 *
 * A connection that is lost stays lost until nbd_disk_renew: what a server had
 * not flushed may be gone with it, so that no checkpoint may continue over
 * another one.
 */
#ifndef COMMON_NBD_DISK_H
#define COMMON_NBD_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/disk.h>

struct nbd_disk;

struct nbd_disk_options {
	/*
	 * nbd://HOST[:PORT]/EXPORT, nbd+unix:///EXPORT?socket=PATH, and nbds in
	 * place of nbd for TLS, with tls-certificates=FOLDER or
	 * tls-psk-file=PATH as in nbd_connect_uri(3)
	 */
	const char *uri;
	/* Connecting, and each wait for a reply; 0: none. */
	uint64_t timeout_ns;
	int end_fd;	   /* ends all waits once it is readable; -1: none */
	bool is_read_only; /* writes and flushes are not called */
	/*
	 * Without flush nothing says when a write is on stable storage. Such a
	 * server is refused, unless this is set: then flushing does nothing.
	 */
	bool may_lack_flush;
	unsigned int max_connections; /* 0: 4 */
};

/*
 * nbd_disk_open - connect to a server
 * @options: copied
 * @ret: receives it, closed by nbd_disk_close
 *
 * Blocks: until the timeout at most. Threads: any.
 * Return: 0, -EOPNOTSUPP (no libnbd; a server without flush, or whose
 * commands cannot have 4096 bytes), -EROFS (it may not be written), -EINVAL
 * (the URI), -ETIMEDOUT, -ECONNREFUSED, -ENOENT (no such socket), -EACCES,
 * another -errno of connecting, -EMFILE, -ENFILE, -EAGAIN, -ENOMEM, with one
 * sentence.
 */
int nbd_disk_open(const struct nbd_disk_options *options, struct nbd_disk **ret,
		  struct smudge_error *err);

/*
 * nbd_disk_renew - connect again, if a connection was lost or cancelled
 * @ret_is_new: receives whether it was: then the server may have forgotten
 *      what it did not flush, and what it holds must not be relied on
 *
 * No other call is under way, but nbd_disk_cancel may be. Writes that were
 * given up are waited for: the server may carry them out late, over others.
 * Blocks: until the timeout of these, and that of connecting, at most.
 * State after failure: it can be tried again; all calls fail until then.
 * Return: 0, -ERANGE (its size is another one now), or as nbd_disk_open, with
 * one sentence.
 */
int nbd_disk_renew(struct nbd_disk *disk, bool *ret_is_new,
		   struct smudge_error *err);

/*
 * nbd_disk_cancel - end what is under way, connecting included
 *
 * Calls that follow fail too, until nbd_disk_renew. Blocks: no. Threads: any.
 */
void nbd_disk_cancel(struct nbd_disk *disk);

/* It as the library takes it; valid until nbd_disk_close. */
struct smudge_disk nbd_disk_device(struct nbd_disk *disk);

/* NULL is fine. No other call is under way. Blocks: no. */
void nbd_disk_close(struct nbd_disk *disk);

#endif
