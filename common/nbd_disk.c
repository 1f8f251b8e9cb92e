/* SPDX-License-Identifier: MIT */
/*
 * A flush on one connection is for all of them: only servers that say so have
 * several.
 */
#include "common/nbd_disk.h"

#include <smudge/error.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/nbd_connection.h"
#include "common/range.h"

#define NAME		  "nbd"
#define MAX_CONNECTIONS	  16
#define USUAL_CONNECTIONS 4
#define MAX_BLOCK_BYTES	  4096 /* smudge/disk.h writes such pieces */
#define WRITE_PIECE_BYTES (UINT64_C(1) << 20)
#define ZERO_PIECE_BYTES  (UINT64_C(64) << 20)
/* More connections are a gain, and no need. */
#define OTHERS_TIMEOUT_NS UINT64_C(2000000000)

struct nbd_disk {
	struct nbd_disk_options options;
	char *uri;
	struct nbd_export export;
	atomic_uint next; /* relaxed: any order of connections will do */

	pthread_mutex_t lock; /* guards all below */
	struct nbd_connection *connections[MAX_CONNECTIONS];
	unsigned int nconnections;
	bool is_cancelled;
};

/* A page is read or written by one command. */
static int check_blocks(const struct nbd_disk *disk,
			const struct nbd_export *export,
			struct smudge_error *err)
{
	if (export->block_bytes > MAX_BLOCK_BYTES)
		return smudge_error_set(
			err, -EOPNOTSUPP, NAME,
			"the server of %.80s takes blocks of %ju bytes only, "
			"and pages have %d: let it take smaller ones (nbdkit "
			"--filter=blocksize)",
			disk->uri, (uintmax_t) export->block_bytes,
			MAX_BLOCK_BYTES);
	if (export->max_payload_bytes < MAX_BLOCK_BYTES)
		return smudge_error_set(
			err, -EOPNOTSUPP, NAME,
			"the server of %.80s takes %ju bytes at once at most, "
			"and pages have %d: let it take more (nbdkit "
			"--filter=blocksize)",
			disk->uri, (uintmax_t) export->max_payload_bytes,
			MAX_BLOCK_BYTES);
	return 0;
}

static int check_export(const struct nbd_disk *disk,
			const struct nbd_export *export,
			struct smudge_error *err)
{
	const struct nbd_disk_options *options = &disk->options;

	if (options->is_read_only)
		return check_blocks(disk, export, err);
	if (export->is_read_only)
		return smudge_error_set(err, -EROFS, NAME,
					"%.80s may only be read: have its "
					"server let it be written",
					disk->uri);
	if (!export->can_flush && !options->may_lack_flush)
		return smudge_error_set(
			err, -EOPNOTSUPP, NAME,
			"the server of %.80s cannot flush, so nothing says "
			"when a checkpoint is on stable storage: "
			"--store-without-flush takes it all the same",
			disk->uri);
	return check_blocks(disk, export, err);
}

/* It can be cancelled from now on. Return: 0 or -ECANCELED. */
static int publish(struct nbd_disk *disk, struct nbd_connection *connection)
{
	bool is_cancelled;

	pthread_mutex_lock(&disk->lock);
	is_cancelled = disk->is_cancelled;
	if (!is_cancelled)
		disk->connections[disk->nconnections++] = connection;
	pthread_mutex_unlock(&disk->lock);
	return is_cancelled ? -ECANCELED : 0;
}

static void withdraw(struct nbd_disk *disk)
{
	struct nbd_connection *connection;

	pthread_mutex_lock(&disk->lock);
	connection = disk->connections[--disk->nconnections];
	pthread_mutex_unlock(&disk->lock);
	nbd_connection_destroy(connection);
}

static int add_connection(struct nbd_disk *disk, uint64_t timeout_ns,
			  struct nbd_export *ret_export,
			  struct smudge_error *err)
{
	struct nbd_connection *connection;
	int ret = nbd_connection_create(disk->uri, disk->options.end_fd,
					&connection, err);

	if (ret)
		return ret;
	if (publish(disk, connection)) {
		nbd_connection_destroy(connection);
		return smudge_error_set(err, -ECANCELED, NAME,
					"the use of %.80s was cancelled",
					disk->uri);
	}
	ret = nbd_connection_connect(connection, timeout_ns, ret_export, err);
	if (ret)
		withdraw(disk);
	return ret;
}

static void remove_connections(struct nbd_disk *disk)
{
	while (disk->nconnections)
		withdraw(disk);
}

/* A server may limit them to fewer. */
static void add_others(struct nbd_disk *disk)
{
	uint64_t timeout_ns =
		disk->options.timeout_ns
			? min_u64(disk->options.timeout_ns, OTHERS_TIMEOUT_NS)
			: OTHERS_TIMEOUT_NS;
	struct nbd_export export;
	int ret = 0;

	while (!ret && disk->nconnections < disk->options.max_connections)
		ret = add_connection(disk, timeout_ns, &export, NULL);
}

static int connect_all(struct nbd_disk *disk, struct smudge_error *err)
{
	struct nbd_export export;
	int ret = add_connection(disk, disk->options.timeout_ns, &export, err);

	if (ret)
		return ret;
	ret = check_export(disk, &export, err);
	if (!ret && disk->export.size_bytes &&
	    disk->export.size_bytes != export.size_bytes)
		ret = smudge_error_set(err, -ERANGE, NAME,
				       "%.80s had %ju bytes and has %ju now: "
				       "begin again",
				       disk->uri,
				       (uintmax_t)disk->export.size_bytes,
				       (uintmax_t) export.size_bytes);
	if (ret) {
		remove_connections(disk);
		return ret;
	}
	disk->export = export;
	if (export.can_multi_conn)
		add_others(disk);
	return 0;
}

int nbd_disk_open(const struct nbd_disk_options *options, struct nbd_disk **ret,
		  struct smudge_error *err)
{
	struct nbd_disk *disk = calloc(1, sizeof(*disk));
	int code;

	if (disk)
		disk->uri = strdup(options->uri);
	if (!disk || !disk->uri) {
		free(disk);
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	}
	disk->options = *options;
	disk->options.uri = disk->uri;
	if (!options->max_connections)
		disk->options.max_connections = USUAL_CONNECTIONS;
	if (disk->options.max_connections > MAX_CONNECTIONS)
		disk->options.max_connections = MAX_CONNECTIONS;
	pthread_mutex_init(&disk->lock, NULL);
	code = connect_all(disk, err);
	if (code)
		nbd_disk_close(disk);
	else
		*ret = disk;
	return code;
}

static bool is_whole(struct nbd_disk *disk)
{
	bool ret = disk->nconnections > 0;

	for (unsigned int i = 0; i < disk->nconnections; i++)
		ret = nbd_connection_is_alive(disk->connections[i]) && ret;
	return ret;
}

/* Earlier cancels are not of what follows. */
static void expect(struct nbd_disk *disk)
{
	pthread_mutex_lock(&disk->lock);
	disk->is_cancelled = false;
	for (unsigned int i = 0; i < disk->nconnections; i++)
		nbd_connection_expect(disk->connections[i]);
	pthread_mutex_unlock(&disk->lock);
}

/* A write of before that lands later would be over what is written then. */
static int settle(struct nbd_disk *disk, struct smudge_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < disk->nconnections; i++)
		ret = nbd_connection_settle(disk->connections[i],
					    disk->options.timeout_ns, err);
	return ret;
}

int nbd_disk_renew(struct nbd_disk *disk, bool *ret_is_new,
		   struct smudge_error *err)
{
	int ret;

	if (is_whole(disk)) {
		*ret_is_new = false;
		return 0;
	}
	expect(disk);
	ret = settle(disk, err);
	if (ret)
		return ret;
	remove_connections(disk);
	ret = connect_all(disk, err);
	if (!ret)
		*ret_is_new = true;
	return ret;
}

void nbd_disk_cancel(struct nbd_disk *disk)
{
	pthread_mutex_lock(&disk->lock);
	disk->is_cancelled = true;
	for (unsigned int i = 0; i < disk->nconnections; i++)
		nbd_connection_end(disk->connections[i], -ECANCELED);
	pthread_mutex_unlock(&disk->lock);
}

/* The lock is for who connects; none does while the library calls. */
static struct nbd_connection *choose(struct nbd_disk *disk)
{
	unsigned int i =
		atomic_fetch_add_explicit(&disk->next, 1, memory_order_relaxed);

	return disk->nconnections ? disk->connections[i % disk->nconnections]
				  : NULL;
}

static int run(struct nbd_disk *disk, struct nbd_request *request,
	       struct smudge_error *err)
{
	struct nbd_connection *connection = choose(disk);

	if (!connection)
		return smudge_error_set(err, -ENOTCONN, NAME,
					"%.80s is not connected", disk->uri);
	return nbd_connection_run(connection, request, disk->options.timeout_ns,
				  err);
}

static uint64_t payload_bytes(const struct nbd_disk *disk)
{
	uint64_t bytes =
		min_u64(disk->export.max_payload_bytes, WRITE_PIECE_BYTES);

	return bytes - bytes % MAX_BLOCK_BYTES;
}

static int read_disk(void *opaque, uint64_t offset, void *bytes,
		     size_t length_bytes, struct smudge_error *err)
{
	struct nbd_disk *disk = opaque;

	return run(disk,
		   &(struct nbd_request){
			   .kind = NBD_REQUEST_READ,
			   .offset = offset,
			   .bytes = bytes,
			   .length_bytes = length_bytes,
			   .piece_bytes = payload_bytes(disk),
		   },
		   err);
}

static int write_disk(void *opaque, uint64_t offset, const void *bytes,
		      size_t length_bytes, struct smudge_error *err)
{
	struct nbd_disk *disk = opaque;

	return run(disk,
		   &(struct nbd_request){
			   .kind = NBD_REQUEST_WRITE,
			   .offset = offset,
			   .bytes = (uint8_t *)bytes, /* only read */
			   .length_bytes = length_bytes,
			   .piece_bytes = payload_bytes(disk),
		   },
		   err);
}

static int zero_disk(void *opaque, uint64_t offset, uint64_t length_bytes,
		     struct smudge_error *err)
{
	struct nbd_disk *disk = opaque;

	if (!disk->export.can_zero)
		return smudge_error_set(err, -EOPNOTSUPP, NAME,
					"the server of %.80s cannot write "
					"zeros",
					disk->uri);
	return run(disk,
		   &(struct nbd_request){
			   .kind = NBD_REQUEST_ZERO,
			   .offset = offset,
			   .length_bytes = length_bytes,
			   .piece_bytes = ZERO_PIECE_BYTES,
		   },
		   err);
}

static int flush_disk(void *opaque, struct smudge_error *err)
{
	struct nbd_disk *disk = opaque;

	if (!disk->export.can_flush)
		return 0;
	return run(disk, &(struct nbd_request){.kind = NBD_REQUEST_FLUSH}, err);
}

/* What is lost stays lost until it is renewed. */
static void cancel_disk(void *opaque)
{
	nbd_disk_cancel(opaque);
}

struct smudge_disk nbd_disk_device(struct nbd_disk *disk)
{
	static const struct smudge_disk_ops ops = {
		.size = sizeof(ops),
		.read = read_disk,
		.write = write_disk,
		.zero = zero_disk,
		.flush = flush_disk,
		.cancel = cancel_disk,
	};

	return (struct smudge_disk){
		.ops = &ops,
		.disk = disk,
		.size_bytes = disk->export.size_bytes,
	};
}

void nbd_disk_close(struct nbd_disk *disk)
{
	if (!disk)
		return;
	remove_connections(disk);
	pthread_mutex_destroy(&disk->lock);
	free(disk->uri);
	free(disk);
}
