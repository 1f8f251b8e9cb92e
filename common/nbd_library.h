/* SPDX-License-Identifier: MIT */
/*
 * libnbd, loaded when a store is first opened.
 *
 * It brings TLS and a parser of XML with it, which take milliseconds to load.
 * A machine that starts, and most commands, need none of them.
 */
#ifndef COMMON_NBD_LIBRARY_H
#define COMMON_NBD_LIBRARY_H

#include <libnbd.h>

struct smudge_error;

#define NBD_LIBRARY_CALLS(CALL)      \
	CALL(aio_connect_uri)        \
	CALL(aio_flush)              \
	CALL(aio_get_direction)      \
	CALL(aio_get_fd)             \
	CALL(aio_is_closed)          \
	CALL(aio_is_dead)            \
	CALL(aio_is_ready)           \
	CALL(aio_notify_read)        \
	CALL(aio_notify_write)       \
	CALL(aio_pread)              \
	CALL(aio_pwrite)             \
	CALL(aio_zero)               \
	CALL(can_flush)              \
	CALL(can_multi_conn)         \
	CALL(can_zero)               \
	CALL(close)                  \
	CALL(create)                 \
	CALL(get_block_size)         \
	CALL(get_errno)              \
	CALL(get_error)              \
	CALL(get_size)               \
	CALL(is_read_only)           \
	CALL(set_request_block_size) \
	CALL(set_uri_allow_local_file)

struct nbd_library {
#define NBD_LIBRARY_FIELD(name) __typeof__(nbd_##name) *name;
	NBD_LIBRARY_CALLS(NBD_LIBRARY_FIELD)
#undef NBD_LIBRARY_FIELD
};

/*
 * nbd_library_get - load it, once for the process
 * @ret: receives its calls, which stay loaded
 *
 * Blocks: on the file system, the first time. Threads: any.
 * Return: 0, -EOPNOTSUPP (it is not installed, or too old) with one sentence.
 */
int nbd_library_get(const struct nbd_library **ret, struct smudge_error *err);

#endif
