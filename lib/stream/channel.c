/* SPDX-License-Identifier: MIT */
/*
 * Bytes over a transport. The transport's calls do not wait; all waiting is
 * done here, for the transport, the deadline and the cancel together.
 */
#include "stream/channel.h"

#include <errno.h>
#include <string.h>

#include "common/range.h"
#include "stream/wait.h"
#include "sys/clock.h"

#define NS_PER_S	   UINT64_C(1000000000)
#define NS_PER_MS	   UINT64_C(1000000)
#define DEFAULT_TIMEOUT_NS (30 * NS_PER_S)
/* A wait for the rate limit is cut here: the limit may have changed. */
#define NAP_NS (100 * NS_PER_MS)

void smi_channel_open(struct smi_channel *channel,
		      struct smi_transport *transport,
		      const struct smi_channel_options *options)
{
	*channel = (struct smi_channel){
		.transport = transport,
		.options = *options,
		.is_cancellable = true,
	};
	if (!channel->options.timeout_ns)
		channel->options.timeout_ns = DEFAULT_TIMEOUT_NS;
}

void smi_channel_close(struct smi_channel *channel)
{
	if (channel->transport)
		channel->transport->ops->close(channel->transport);
	channel->transport = NULL;
}

static int cancelled(struct smi_channel *channel, struct smudge_error *err)
{
	channel->was_cancelled = true;
	return smudge_error_set(err, -ECANCELED, "channel", "%s was cancelled",
				channel->options.activity);
}

static int broken(struct smi_channel *channel, int error,
		  struct smudge_error *err)
{
	errno = -error;
	return smudge_error_set(
		err, error, "channel",
		"%s failed after %llu bytes sent and %llu received: %m",
		channel->transport->ops->name,
		(unsigned long long)channel->sent_bytes,
		(unsigned long long)channel->received_bytes);
}

static int ended(struct smi_channel *channel, struct smudge_error *err)
{
	const struct smi_transport_ops *ops = channel->transport->ops;

	return smudge_error_set(err, ops->end_error, "channel",
				"%s after %llu bytes, before %s was complete",
				ops->ended,
				(unsigned long long)channel->received_bytes,
				channel->options.activity);
}

static bool has_deadline_passed(const struct smi_channel *channel)
{
	return channel->deadline_ns && smi_sys_now_ns() >= channel->deadline_ns;
}

/* A wait ended: by the deadline, or by a timeout. */
static int late(const struct smi_channel *channel, struct smudge_error *err)
{
	unsigned long long ms = channel->options.timeout_ns / NS_PER_MS;

	if (has_deadline_passed(channel) &&
	    channel->received_bytes != channel->deadline_received_bytes)
		return smudge_error_set(err, -ETIMEDOUT, "channel",
					"the peer did not come to the point "
					"within its limit (%llu ms of silence)",
					ms);
	return smudge_error_set(err, -ETIMEDOUT, "channel",
				"%s for %llu ms, the connection is taken for "
				"dead",
				channel->transport->ops->silent, ms);
}

int smi_channel_commit(struct smi_channel *channel, struct smudge_error *err)
{
	if (channel->options.cancel &&
	    !smi_cancel_commit(channel->options.cancel))
		return cancelled(channel, err);
	channel->is_cancellable = false;
	return 0;
}

static bool is_cancelled(const struct smi_channel *channel)
{
	return channel->is_cancellable && channel->options.cancel &&
	       smi_cancel_is_requested(channel->options.cancel);
}

static int cancel_fd(const struct smi_channel *channel)
{
	return channel->is_cancellable && channel->options.cancel
		       ? smi_cancel_fd(channel->options.cancel)
		       : -1;
}

static uint64_t after_timeouts(const struct smi_channel *channel,
			       uint64_t ntimeouts)
{
	uint64_t timeout_ns = channel->options.timeout_ns;
	uint64_t now_ns = smi_sys_now_ns();

	return timeout_ns > (UINT64_MAX - now_ns) / ntimeouts
		       ? UINT64_MAX
		       : now_ns + timeout_ns * ntimeouts;
}

void smi_channel_set_deadline(struct smi_channel *channel, uint64_t ntimeouts)
{
	channel->deadline_ns = after_timeouts(channel, ntimeouts);
	channel->deadline_received_bytes = channel->received_bytes;
}

void smi_channel_begin_final(struct smi_channel *channel, uint64_t timeout_ns)
{
	channel->is_cancellable = false;
	channel->is_interruptible = false;
	channel->is_rate_limited = false;
	channel->options.timeout_ns = timeout_ns;
	smi_channel_set_deadline(channel, 1);
}

/* Wait for the transport. Return: its events, or -errno noted in @err. */
static int wait_ready(struct smi_channel *channel, short events,
		      struct smudge_error *err)
{
	struct smi_transport *transport = channel->transport;
	uint64_t until_ns = after_timeouts(channel, 1);
	int ready;

	if (channel->deadline_ns)
		until_ns = min_u64(until_ns, channel->deadline_ns);
	ready = transport->ops->wait(transport, events, until_ns,
				     cancel_fd(channel));
	if (ready == -ECANCELED)
		return cancelled(channel, err);
	if (ready < 0)
		return broken(channel, ready, err);
	return ready ? ready : late(channel, err);
}

static uint64_t limit_bytes_ps(const struct smi_channel *channel)
{
	const struct smi_channel_options *options = &channel->options;

	return channel->is_rate_limited && options->rate_limit_bytes_ps
		       ? options->rate_limit_bytes_ps(options->opaque)
		       : 0;
}

bool smi_channel_is_rate_limited(const struct smi_channel *channel)
{
	return limit_bytes_ps(channel) > 0;
}

uint64_t smi_channel_burst_bytes(const struct smi_channel *channel)
{
	return smi_pace_burst_bytes(limit_bytes_ps(channel));
}

/* Sleep until @until_ns, or shorter. Return: false on a cancel. */
static bool nap(const struct smi_channel *channel, uint64_t until_ns)
{
	struct pollfd cancel = {.fd = cancel_fd(channel), .events = POLLIN};
	uint64_t now_ns = smi_sys_now_ns();

	until_ns = min_u64(until_ns, now_ns + NAP_NS);
	return smi_wait(&cancel, 1, until_ns) >= 0;
}

int smi_channel_rest(struct smi_channel *channel, uint64_t bytes,
		     struct smudge_error *err)
{
	for (;;) {
		uint64_t limit = limit_bytes_ps(channel);
		uint64_t until_ns;

		if (!limit)
			return 0;
		until_ns = smi_pace_burst_ns(&channel->pace, limit, bytes);
		if (until_ns <= smi_sys_now_ns())
			return 0;
		if (!nap(channel, until_ns))
			return cancelled(channel, err);
	}
}

/* Bytes that may go now; waits while the limit allows none. 0: cancelled. */
static size_t next_slice(struct smi_channel *channel, size_t length)
{
	size_t slice;

	do {
		slice = smi_pace_take(&channel->pace, limit_bytes_ps(channel),
				      smi_sys_now_ns(), length);
	} while (!slice && nap(channel, channel->pace.next_ns));
	return is_cancelled(channel) ? 0 : slice;
}

/* Nothing could be sent. Return: 0 (try again), or why not. */
static int retry_send(struct smi_channel *channel, int error,
		      struct smudge_error *err)
{
	short events = POLLOUT | (channel->is_interruptible ? POLLIN : 0);
	int ready;

	if (error == -EINTR)
		return 0;
	if (error != -EAGAIN)
		return broken(channel, error, err);
	ready = wait_ready(channel, events, err);
	if (ready < 0)
		return ready;
	return channel->is_interruptible && (ready & POLLIN) ? SMI_INTERRUPTED
							     : 0;
}

/* Send a slice that the limit has allowed. */
static int send_slice(struct smi_channel *channel, const char *at,
		      size_t length, struct smudge_error *err)
{
	struct smi_transport *transport = channel->transport;

	while (length) {
		ssize_t n = transport->ops->send_some(transport, at, length);

		if (n > 0) {
			at += n;
			length -= (size_t)n;
			channel->sent_bytes += (uint64_t)n;
		} else {
			int ret = retry_send(channel, (int)n, err);

			if (ret)
				return ret;
		}
	}
	return 0;
}

int smi_channel_send(struct smi_channel *channel, const void *bytes,
		     size_t length, struct smudge_error *err)
{
	const char *at = bytes;

	while (length) {
		size_t slice = next_slice(channel, length);
		int ret;

		if (!slice)
			return cancelled(channel, err);
		ret = send_slice(channel, at, slice, err);
		if (ret)
			return ret;
		at += slice;
		length -= slice;
	}
	return 0;
}

/* Nothing could be received. Return: 0 (try again), or why not. */
static int retry_receive(struct smi_channel *channel, int error,
			 struct smudge_error *err)
{
	int ready;

	if (error == 0)
		return ended(channel, err);
	if (error == -EINTR)
		return 0;
	if (error != -EAGAIN)
		return broken(channel, error, err);
	ready = wait_ready(channel, POLLIN, err);
	return ready < 0 ? ready : 0;
}

int smi_channel_receive(struct smi_channel *channel, void *bytes, size_t length,
			struct smudge_error *err)
{
	struct smi_transport *transport = channel->transport;
	char *at = bytes;

	while (length) {
		ssize_t n;
		int ret = 0;

		if (is_cancelled(channel))
			return cancelled(channel, err);
		if (has_deadline_passed(channel))
			return late(channel, err);
		n = transport->ops->receive_some(transport, at, length);
		if (n > 0) {
			at += n;
			length -= (size_t)n;
			channel->received_bytes += (uint64_t)n;
		} else {
			ret = retry_receive(channel, (int)n, err);
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

bool smi_channel_has_input(struct smi_channel *channel)
{
	return channel->transport->ops->has_input(channel->transport);
}

/* Receive and drop what is there. Return: false when nothing more will be. */
static bool drop_input(struct smi_channel *channel, uint64_t until_ns)
{
	struct smi_transport *transport = channel->transport;
	char dropped[4096];
	ssize_t n = transport->ops->receive_some(transport, dropped,
						 sizeof(dropped));

	if (n >= 0)
		return n > 0;
	if (n != -EAGAIN && n != -EINTR)
		return false;
	return transport->ops->wait(transport, POLLIN, until_ns,
				    cancel_fd(channel)) > 0;
}

void smi_channel_drain(struct smi_channel *channel, uint64_t limit_ns)
{
	uint64_t until_ns = smi_sys_now_ns() + limit_ns;
	struct smi_transport *transport = channel->transport;

	if (!transport || transport->ops->end_sending(transport) < 0)
		return;
	while (smi_sys_now_ns() < until_ns && drop_input(channel, until_ns))
		continue;
}

void smi_channel_shutdown(struct smi_channel *channel)
{
	if (channel->transport)
		channel->transport->ops->shutdown(channel->transport);
}
