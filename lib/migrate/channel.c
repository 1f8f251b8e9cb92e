/* SPDX-License-Identifier: MIT */
/*
 * Bytes over a stream socket.
 *
 * Each call to the socket carries MSG_DONTWAIT, so the descriptor's flags stay
 * the caller's; its options are ours for the time (socket_setup.c). All waiting
 * is done in poll(), together with the descriptor that becomes readable on
 * cancel. The time limit begins anew with each byte given or taken.
 *
 * The bandwidth limit is a token bucket kept as a date: next_send_ns moves
 * forward by the time that each slice is worth, and may lag behind the clock by
 * BURST_NS at most.
 */
#include "migrate/channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "migrate/handle.h"

#define NS_PER_S	   UINT64_C(1000000000)
#define NS_PER_MS	   UINT64_C(1000000)
#define DEFAULT_TIMEOUT_NS (30 * NS_PER_S)
#define BURST_NS	   (50 * NS_PER_MS)
/* What is saved up for a burst: less than the bucket holds. */
#define SAVED_NS (40 * NS_PER_MS)
/* A paced wait is cut here to look at the limit again. */
#define NAP_NS		(100 * NS_PER_MS)
#define SLICES_PER_S	50
#define MAX_SLICE_BYTES (UINT64_C(256) << 10)

int smi_channel_open(struct smi_channel *channel, int fd,
		     struct smudge_migration *migration, uint64_t timeout_ns,
		     struct smudge_error *err)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_STREAM)
		return smudge_error_set(err, -ENOTSOCK, "channel",
					"descriptor %d is not a stream socket, "
					"which a migration needs",
					fd);
	*channel = (struct smi_channel){
		.fd = fd,
		.migration = migration,
		.timeout_ns = timeout_ns ? timeout_ns : DEFAULT_TIMEOUT_NS,
		.heeds_cancel = true,
		.is_open = true,
	};
	smi_socket_setup(fd, &channel->setup);
	return 0;
}

void smi_channel_close(struct smi_channel *channel)
{
	if (channel->is_open)
		smi_socket_restore(channel->fd, &channel->setup);
	channel->is_open = false;
}

static int cancelled(struct smi_channel *channel, struct smudge_error *err)
{
	channel->is_cancelled = true;
	return smudge_error_set(err, -ECANCELED, "channel",
				"the migration was cancelled");
}

static int broken(struct smi_channel *channel, int error,
		  struct smudge_error *err)
{
	errno = -error;
	return smudge_error_set(err, error, "channel",
				"the connection to the peer failed after %llu "
				"bytes sent and %llu received: %m",
				(unsigned long long)channel->sent_bytes,
				(unsigned long long)channel->received_bytes);
}

/* A wait ended by its date: the whole limit's, or that of silence. */
static int late(const struct smi_channel *channel, struct smudge_error *err)
{
	unsigned long long ms = channel->timeout_ns / NS_PER_MS;

	if (channel->end_ns && smi_sys_now_ns() >= channel->end_ns &&
	    channel->received_bytes != channel->limit_received_bytes)
		return smudge_error_set(err, -ETIMEDOUT, "channel",
					"the peer did not come to the point "
					"within its limit (%llu ms of silence)",
					ms);
	return smudge_error_set(err, -ETIMEDOUT, "channel",
				"the peer was silent for %llu ms, the "
				"connection is taken for dead",
				ms);
}

int smi_channel_commit(struct smi_channel *channel, struct smudge_error *err)
{
	if (!smi_migration_commit(channel->migration))
		return cancelled(channel, err);
	channel->heeds_cancel = false;
	return 0;
}

static bool is_cancelled(struct smi_channel *channel)
{
	return channel->heeds_cancel &&
	       smi_migration_is_cancelled(channel->migration);
}

/* Return: poll's revents of the socket, 0 at the date, -ECANCELED, -errno. */
static int poll_until(struct smi_channel *channel, short events,
		      uint64_t date_ns)
{
	struct pollfd fds[2] = {
		{.fd = channel->heeds_cancel
			       ? smi_migration_cancel_fd(channel->migration)
			       : -1,
		 .events = POLLIN},
		{.fd = events ? channel->fd : -1, .events = events},
	};

	for (;;) {
		uint64_t now = smi_sys_now_ns();
		uint64_t left = date_ns > now ? date_ns - now : 0;
		struct timespec wait = {.tv_sec = (time_t)(left / NS_PER_S),
					.tv_nsec = (long)(left % NS_PER_S)};
		int n = ppoll(fds, 2, &wait, NULL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[0].revents)
			return -ECANCELED;
		if (n > 0)
			return fds[1].revents;
		if (n == 0 && !left)
			return 0;
	}
}

/* The date at which so many time limits from now on have passed. */
static uint64_t limit_from_now(const struct smi_channel *channel,
			       uint64_t ntimes)
{
	uint64_t now = smi_sys_now_ns();

	return channel->timeout_ns > (UINT64_MAX - now) / ntimes
		       ? UINT64_MAX
		       : now + channel->timeout_ns * ntimes;
}

void smi_channel_limit(struct smi_channel *channel, uint64_t ntimes)
{
	channel->end_ns = limit_from_now(channel, ntimes);
	channel->limit_received_bytes = channel->received_bytes;
}

void smi_channel_unlimit(struct smi_channel *channel)
{
	channel->end_ns = 0;
}

/* Wait for the socket, for the time limit at most. Return: revents. */
static int wait_ready(struct smi_channel *channel, short events,
		      struct smudge_error *err)
{
	uint64_t date = limit_from_now(channel, 1);
	int ready;

	if (channel->end_ns && channel->end_ns < date)
		date = channel->end_ns;
	ready = poll_until(channel, events, date);
	if (ready == -ECANCELED)
		return cancelled(channel, err);
	if (ready < 0)
		return broken(channel, ready, err);
	return ready ? ready : late(channel, err);
}

/* Bytes that may go now; waits while the limit forbids any. 0: cancelled. */
static size_t pace(struct smi_channel *channel, size_t length)
{
	for (;;) {
		uint64_t limit = smudge_migration_limits(channel->migration)
					 .max_bandwidth_bytes_ps;
		uint64_t now = smi_sys_now_ns();
		uint64_t slice = limit / SLICES_PER_S;
		uint64_t date = channel->next_send_ns;

		if (!channel->is_paced || !limit) {
			channel->next_send_ns = 0;
			return length;
		}
		if (date <= now) {
			slice = slice < MAX_SLICE_BYTES ? slice
							: MAX_SLICE_BYTES;
			slice = slice ? slice : 1;
			slice = slice < length ? slice : length;
			if (date + BURST_NS < now)
				date = now - BURST_NS;
			channel->next_send_ns = date + slice * NS_PER_S / limit;
			return slice;
		}
		if (date - now > NAP_NS)
			date = now + NAP_NS;
		if (poll_until(channel, 0, date) < 0)
			return 0;
	}
}

static uint64_t limit_bytes_ps(struct smi_channel *channel)
{
	return channel->is_paced ? smudge_migration_limits(channel->migration)
					   .max_bandwidth_bytes_ps
				 : 0;
}

bool smi_channel_is_limited(struct smi_channel *channel)
{
	return limit_bytes_ps(channel) > 0;
}

uint64_t smi_channel_burst_bytes(struct smi_channel *channel)
{
	return limit_bytes_ps(channel) / (NS_PER_S / SAVED_NS);
}

int smi_channel_save_up(struct smi_channel *channel, uint64_t bytes,
			struct smudge_error *err)
{
	for (;;) {
		uint64_t limit = limit_bytes_ps(channel);
		uint64_t now = smi_sys_now_ns();
		double cost_ns =
			limit ? (double)bytes * NS_PER_S / (double)limit : 0;
		uint64_t date =
			channel->next_send_ns +
			(cost_ns < SAVED_NS ? (uint64_t)cost_ns : SAVED_NS);

		if (!limit || date <= now)
			return 0;
		if (date - now > NAP_NS)
			date = now + NAP_NS;
		if (poll_until(channel, 0, date) < 0)
			return cancelled(channel, err);
	}
}

/* Wait until the socket takes bytes. Return: 0, SMI_PEER_SPOKE, -errno. */
static int wait_writable(struct smi_channel *channel, struct smudge_error *err)
{
	short events = POLLOUT | (channel->heeds_peer ? POLLIN : 0);
	int ready = wait_ready(channel, events, err);

	if (ready < 0)
		return ready;
	return channel->heeds_peer && (ready & POLLIN) ? SMI_PEER_SPOKE : 0;
}

int smi_channel_send(struct smi_channel *channel, const void *bytes,
		     size_t length, struct smudge_error *err)
{
	const char *at = bytes;

	while (length) {
		size_t slice = pace(channel, length);
		ssize_t n;

		if (!slice || is_cancelled(channel))
			return cancelled(channel, err);
		while (slice) {
			int error;

			n = send(channel->fd, at, slice,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n > 0) {
				at += n;
				slice -= (size_t)n;
				length -= (size_t)n;
				channel->sent_bytes += (uint64_t)n;
				continue;
			}
			error = n < 0 ? -errno : -EPIPE;
			if (error == -EINTR)
				continue;
			if (error != -EAGAIN)
				return broken(channel, error, err);
			error = wait_writable(channel, err);
			if (error)
				return error;
		}
	}
	return 0;
}

int smi_channel_receive(struct smi_channel *channel, void *bytes, size_t length,
			struct smudge_error *err)
{
	char *at = bytes;

	while (length) {
		ssize_t n;
		int error;

		if (is_cancelled(channel))
			return cancelled(channel, err);
		if (channel->end_ns && smi_sys_now_ns() >= channel->end_ns)
			return late(channel, err);
		n = recv(channel->fd, at, length, MSG_DONTWAIT);
		if (n > 0) {
			at += n;
			length -= (size_t)n;
			channel->received_bytes += (uint64_t)n;
			continue;
		}
		error = n < 0 ? -errno : -ECONNRESET;
		if (n == 0)
			return smudge_error_set(
				err, error, "channel",
				"the peer closed the connection after %llu "
				"bytes, before the migration was complete",
				(unsigned long long)channel->received_bytes);
		if (error == -EINTR)
			continue;
		if (error != -EAGAIN)
			return broken(channel, error, err);
		error = wait_ready(channel, POLLIN, err);
		if (error < 0)
			return error;
	}
	return 0;
}

bool smi_channel_has_input(struct smi_channel *channel)
{
	char byte;
	ssize_t n = recv(channel->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

void smi_channel_drain(struct smi_channel *channel, uint64_t limit_ns)
{
	uint64_t date = smi_sys_now_ns() + limit_ns;
	char dropped[4096];
	ssize_t n = 1;

	if (!channel->is_open || shutdown(channel->fd, SHUT_WR) < 0)
		return;
	while (n != 0 && smi_sys_now_ns() < date) {
		n = recv(channel->fd, dropped, sizeof(dropped), MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (n < 0 && poll_until(channel, POLLIN, date) <= 0)
			return;
	}
}

void smi_channel_shutdown(struct smi_channel *channel)
{
	/* It fails when the connection is gone, which is what is wanted. */
	if (channel->is_open)
		(void)shutdown(channel->fd, SHUT_RDWR);
}
