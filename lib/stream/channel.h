/* SPDX-License-Identifier: MIT */
/*
 * Bytes over a transport, with deadlines, a cancel, a rate limit and counters.
 *
 * A wait ends with -ETIMEDOUT in two cases: no byte was moved for the timeout,
 * which starts again with each byte, or the deadline passed, if one is set.
 *
 * Only channel.c and the inlines below use the fields of struct smi_channel. A
 * channel that is all zeros is closed: smi_channel_close, _drain and _shutdown
 * do nothing with it, and its counters are 0.
 */
#ifndef LIB_STREAM_CHANNEL_H
#define LIB_STREAM_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "stream/cancel.h"
#include "stream/pace.h"
#include "stream/transport.h"

/* Returned instead of 0: the peer sent something, so the send was stopped. */
#define SMI_INTERRUPTED 1

struct smi_channel_options {
	const char *activity;	   /* "the migration", for error sentences */
	struct smi_cancel *cancel; /* borrowed; NULL: cannot be cancelled */
	uint64_t timeout_ns;	   /* 0: 30 s */
	/* Returns the rate limit, 0: none; called before each slice. May be
	 * NULL. */
	uint64_t (*rate_limit_bytes_ps)(void *opaque);
	void *opaque;
};

struct smi_channel {
	struct smi_transport *transport; /* borrowed, open; NULL: closed */
	struct smi_channel_options options;
	uint64_t deadline_ns;		  /* 0: none */
	uint64_t deadline_received_bytes; /* received_bytes when it was set */
	uint64_t sent_bytes;		  /* accepted by the transport */
	uint64_t received_bytes;	  /* taken from the transport */
	struct smi_pace pace;
	bool is_rate_limited; /* obeys options.rate_limit_bytes_ps */
	bool is_interruptible;
	bool is_cancellable;
	bool was_cancelled; /* a call has returned -ECANCELED */
};

/*
 * smi_channel_open - a channel over a transport
 * @transport: open; closed by smi_channel_close
 *
 * The channel is cancellable, not interruptible, not rate limited, and has no
 * deadline.
 */
void smi_channel_open(struct smi_channel *channel,
		      struct smi_transport *transport,
		      const struct smi_channel_options *options);
void smi_channel_close(struct smi_channel *channel);

/*
 * smi_channel_send - send all of @bytes
 *
 * After a failure smi_channel_sent_bytes() has the part that was sent. Raises
 * no signal. Return: 0, SMI_INTERRUPTED, -ECANCELED, -ETIMEDOUT, or an error of
 * the transport.
 */
int smi_channel_send(struct smi_channel *channel, const void *bytes,
		     size_t length, struct smudge_error *err);

/*
 * smi_channel_receive - receive exactly @length bytes
 *
 * Return: 0, -ECANCELED, -ETIMEDOUT, the transport's end_error (the stream
 * ended), or another error of the transport.
 */
int smi_channel_receive(struct smi_channel *channel, void *bytes, size_t length,
			struct smudge_error *err);

/* True when a receive would not wait: bytes, the end, or an error. */
bool smi_channel_has_input(struct smi_channel *channel);

/* Bytes that the transport has accepted, and bytes received from it. */
static inline uint64_t smi_channel_sent_bytes(const struct smi_channel *channel)
{
	return channel->sent_bytes;
}

static inline uint64_t
smi_channel_received_bytes(const struct smi_channel *channel)
{
	return channel->received_bytes;
}

/* If true, a send that has to wait returns SMI_INTERRUPTED on input. */
static inline void smi_channel_set_interruptible(struct smi_channel *channel,
						 bool value)
{
	channel->is_interruptible = value;
}

/* How long a wait may last in which no byte moves. */
static inline void smi_channel_set_timeout(struct smi_channel *channel,
					   uint64_t timeout_ns)
{
	channel->options.timeout_ns = timeout_ns;
}

static inline uint64_t smi_channel_timeout_ns(const struct smi_channel *channel)
{
	return channel->options.timeout_ns;
}

/*
 * smi_channel_set_deadline - end every call within @ntimeouts timeouts from
 *	now, whether or not bytes move
 * smi_channel_clear_deadline - only a timeout ends a wait
 */
void smi_channel_set_deadline(struct smi_channel *channel, uint64_t ntimeouts);
static inline void smi_channel_clear_deadline(struct smi_channel *channel)
{
	channel->deadline_ns = 0;
}

static inline bool smi_channel_has_deadline(const struct smi_channel *channel)
{
	return channel->deadline_ns != 0;
}

/*
 * The rate limit applies to sends while it is switched on and is not 0. After a
 * rest it allows a burst of smi_channel_burst_bytes at once (0: no limit).
 * smi_channel_rest waits until it allows @bytes at once, or one burst if that
 * is less. Return: 0, -ECANCELED.
 */
static inline void smi_channel_set_rate_limited(struct smi_channel *channel,
						bool value)
{
	channel->is_rate_limited = value;
}

bool smi_channel_is_rate_limited(const struct smi_channel *channel);
uint64_t smi_channel_burst_bytes(const struct smi_channel *channel);
int smi_channel_rest(struct smi_channel *channel, uint64_t bytes,
		     struct smudge_error *err);

/*
 * smi_channel_commit - refuse cancels from now on
 *
 * Return: 0, -ECANCELED (a cancel was in time).
 */
int smi_channel_commit(struct smi_channel *channel, struct smudge_error *err);

/* Has a call returned -ECANCELED because of a cancel? */
static inline bool smi_channel_was_cancelled(const struct smi_channel *channel)
{
	return channel->was_cancelled;
}

/*
 * smi_channel_begin_final - prepare for the last message
 *
 * It goes out whatever happened before: the channel is neither cancellable nor
 * interruptible nor rate limited any more, and everything ends within
 * @timeout_ns.
 */
void smi_channel_begin_final(struct smi_channel *channel, uint64_t timeout_ns);

/*
 * smi_channel_drain - end sending, then receive and drop what comes until the
 *	peer closes, for at most @limit_ns
 */
void smi_channel_drain(struct smi_channel *channel, uint64_t limit_ns);

/* Nothing more in either direction. */
void smi_channel_shutdown(struct smi_channel *channel);

#endif
