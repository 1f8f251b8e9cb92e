/* SPDX-License-Identifier: MIT */
/*
 * Bytes over a stream socket, with cancel, time limit and bandwidth limit.
 */
#ifndef SMI_MIGRATE_CHANNEL_H
#define SMI_MIGRATE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>
#include <smudge/migrate.h>

#include "migrate/socket_setup.h"
#include "sys/clock.h"

/* smi_channel_send gives it instead of 0: stopped, since the peer spoke. */
#define SMI_PEER_SPOKE 1

struct smi_channel {
	int fd;	      /* borrowed */
	bool is_open; /* the socket's options are ours */
	struct smi_socket_setup setup;
	struct smudge_migration *migration;
	uint64_t timeout_ns; /* silence that ends a wait */
	uint64_t end_ns;     /* date that ends all, silent or not; 0: none */
	uint64_t limit_received_bytes; /* received_bytes when it was set */
	uint64_t sent_bytes;	       /* accepted by the socket */
	uint64_t received_bytes;       /* taken from the socket */
	uint64_t next_send_ns; /* when the bandwidth limit allows more */
	bool is_paced;	       /* obey the bandwidth limit */
	bool heeds_peer;       /* a byte from the peer interrupts a send */
	bool heeds_cancel;
	bool is_cancelled; /* a send or receive ended since it was cancelled */
};

/*
 * smi_channel_open - make a channel of a connected socket
 * @fd: borrowed; its flags are not touched, its options are changed until
 *      smi_channel_close
 * @timeout_ns: 0 means 30 s
 *
 * Return: 0, -ENOTSOCK (no stream socket), or another socket error.
 */
int smi_channel_open(struct smi_channel *channel, int fd,
		     struct smudge_migration *migration, uint64_t timeout_ns,
		     struct smudge_error *err);

/* Put the socket's options back. Nothing happens unless it was opened. */
void smi_channel_close(struct smi_channel *channel);

/*
 * smi_channel_send - send all of @bytes
 *
 * channel->sent_bytes tells how far it came. Never raises SIGPIPE.
 * Return: 0, SMI_PEER_SPOKE, -ECANCELED, -ETIMEDOUT, or a socket error.
 */
int smi_channel_send(struct smi_channel *channel, const void *bytes,
		     size_t length, struct smudge_error *err);

/* Does the bandwidth limit hold, now? */
bool smi_channel_is_limited(struct smi_channel *channel);

/* What the bandwidth limit lets pass at once after a rest. 0: no limit. */
uint64_t smi_channel_burst_bytes(struct smi_channel *channel);

/*
 * smi_channel_save_up - rest until the limit lets @bytes pass at once
 * @bytes: at most smi_channel_burst_bytes() of them are waited for
 *
 * Return: 0, -ECANCELED.
 */
int smi_channel_save_up(struct smi_channel *channel, uint64_t bytes,
			struct smudge_error *err);

/*
 * smi_channel_receive - receive exactly @length bytes
 *
 * Return: 0, -ECANCELED, -ETIMEDOUT, -ECONNRESET (the peer closed), or a
 * socket error.
 */
int smi_channel_receive(struct smi_channel *channel, void *bytes, size_t length,
			struct smudge_error *err);

/*
 * smi_channel_commit - the peer gets the machine, or we do: cancels are refused
 *
 * Return: 0, -ECANCELED (a cancel was in time).
 */
int smi_channel_commit(struct smi_channel *channel, struct smudge_error *err);

/*
 * smi_channel_limit - end all that comes within @ntimes time limits from now
 *      on, whether the peer is silent or not
 * smi_channel_unlimit - from now on only silence ends a wait
 */
void smi_channel_limit(struct smi_channel *channel, uint64_t ntimes);
void smi_channel_unlimit(struct smi_channel *channel);

/* True when a receive would not wait: data, end of stream, or an error. */
bool smi_channel_has_input(struct smi_channel *channel);

/*
 * smi_channel_drain - end our direction; drop what comes until the peer
 *      closes, for at most @limit_ns
 */
void smi_channel_drain(struct smi_channel *channel, uint64_t limit_ns);

/* Nothing more in either direction. */
void smi_channel_shutdown(struct smi_channel *channel);

#endif
