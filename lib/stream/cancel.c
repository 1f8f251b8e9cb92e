/* SPDX-License-Identifier: MIT */
/*
 * A cancel: a word that decides who was first, and a descriptor that ends
 * every wait.
 */
#include "stream/cancel.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum state {
	POSSIBLE,
	REQUESTED,
	TOO_LATE,
};

int smi_cancel_open(struct smi_cancel *cancel)
{
	cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (cancel->fd < 0)
		return -errno;
	atomic_init(&cancel->state, POSSIBLE);
	return 0;
}

void smi_cancel_close(struct smi_cancel *cancel)
{
	close(cancel->fd);
	cancel->fd = -1;
}

/* From POSSIBLE to @state, once. Return: the state before. */
static int leave_possible(struct smi_cancel *cancel, int state)
{
	int before = POSSIBLE;

	/*
	 * acq_rel: pairs with itself, and with the load in
	 * smi_cancel_is_requested: the later of request and commit sees the
	 * earlier one and what came before it.
	 */
	atomic_compare_exchange_strong_explicit(&cancel->state, &before, state,
						memory_order_acq_rel,
						memory_order_acquire);
	return before;
}

int smi_cancel_request(struct smi_cancel *cancel)
{
	int saved_errno = errno;
	uint64_t one = 1;
	ssize_t written;

	if (leave_possible(cancel, REQUESTED) == TOO_LATE)
		return -EALREADY;
	/* It fails only when the counter is full, and so readable already. */
	written = write(cancel->fd, &one, sizeof(one));
	(void)written;
	errno = saved_errno;
	return 0;
}

bool smi_cancel_commit(struct smi_cancel *cancel)
{
	return leave_possible(cancel, TOO_LATE) != REQUESTED;
}

bool smi_cancel_is_requested(const struct smi_cancel *cancel)
{
	/* acquire: pairs with the exchange in leave_possible */
	return atomic_load_explicit(&cancel->state, memory_order_acquire) ==
	       REQUESTED;
}

int smi_cancel_fd(const struct smi_cancel *cancel)
{
	return cancel->fd;
}
