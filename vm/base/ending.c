/* SPDX-License-Identifier: MIT */
/*
 * The thread that waits for a signal, and the end of the process when the
 * others are too slow.
 */
#include "base/ending.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <smudge/error.h>

#include "common/signals.h"
#include "common/wait.h"
#include "base/host.h"
#include "base/say.h"

#define WHERE		 "ending"
#define STATUS_OF_SIGNAL 128

/* The kernel needs the rest of the second to free the memory. */
#define PATIENCE_MS 850

struct ending {
	int signal_fd;
	int begun_fd; /* eventfd: a signal has come */
	int done_fd;  /* eventfd: the thread is to end, before a signal */
	pthread_t thread;
	bool has_thread;
	atomic_int number; /* of the signal, 0 before */

	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done; /* under lock: the thread is to end, after a signal */
	const char *(*describe)(void *opaque); /* under lock */
	void *opaque;			       /* under lock */
	const char *last;		       /* under lock: instead of it */
};

static void raise_flag(int fd)
{
	const uint64_t one = 1;

	/* it cannot be full: each flag is raised once */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

const char *ending_signal(const struct ending *ending)
{
	/* acquire: pairs with the release in watch */
	switch (atomic_load_explicit(&ending->number, memory_order_acquire)) {
	case SIGINT:
		return "SIGINT";
	case SIGHUP:
		return "SIGHUP";
	case SIGTERM:
		return "SIGTERM";
	default:
		return NULL;
	}
}

int ending_status(const struct ending *ending)
{
	/* acquire: pairs with the release in watch */
	int number =
		atomic_load_explicit(&ending->number, memory_order_acquire);

	return number ? STATUS_OF_SIGNAL + number : 0;
}

/* With the lock held. */
static void give_up(struct ending *ending)
{
	const char *guest = ending->last;

	if (ending->describe)
		guest = ending->describe(ending->opaque);
	say("ended by %s, without waiting for what did not stop; %s",
	    ending_signal(ending), guest);
	_exit(1);
}

/* No descriptor is needed here, whatever others have made of the limit. */
static void wait_until_done(struct ending *ending)
{
	struct timespec until;
	int code = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PATIENCE_MS * INT64_C(1000000);
	until.tv_sec += until.tv_nsec / INT64_C(1000000000);
	until.tv_nsec %= INT64_C(1000000000);
	pthread_mutex_lock(&ending->lock);
	while (!ending->is_done && code != ETIMEDOUT)
		code = pthread_cond_clockwait(&ending->done, &ending->lock,
					      CLOCK_MONOTONIC, &until);
	if (!ending->is_done)
		give_up(ending);
	pthread_mutex_unlock(&ending->lock);
}

static void *watch(void *opaque)
{
	struct ending *ending = opaque;
	struct signalfd_siginfo info;

	if (wait_ready(ending->signal_fd, POLLIN, ending->done_fd,
		       WAIT_FOR_EVER) != 0 ||
	    read(ending->signal_fd, &info, sizeof(info)) != sizeof(info))
		return NULL;
	/* release: pairs with the acquire in ending_signal */
	atomic_store_explicit(&ending->number, (int)info.ssi_signo,
			      memory_order_release);
	raise_flag(ending->begun_fd);
	wait_until_done(ending);
	return NULL;
}

static int open_all(struct ending *ending)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!signal_is_ignored(numbers[i]))
			sigaddset(&set, numbers[i]);
	}
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	ending->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	ending->begun_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ending->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ending->signal_fd < 0 || ending->begun_fd < 0 ||
	    ending->done_fd < 0)
		return -errno;
	return host_thread_start(&ending->thread, watch, ending, 0);
}

int ending_create(struct ending **ret, struct smudge_error *err)
{
	struct ending *ending = calloc(1, sizeof(*ending));
	int code;

	if (!ending)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	atomic_init(&ending->number, 0);
	ending->last = "the guest had not started";
	pthread_mutex_init(&ending->lock, NULL);
	pthread_cond_init(&ending->done, NULL);
	code = open_all(ending);
	ending->has_thread = code == 0;
	if (code < 0) {
		ending_destroy(ending);
		return smudge_error_set(err, code, WHERE,
					"signals cannot be watched for: %s",
					strerror(-code));
	}
	*ret = ending;
	return 0;
}

static void close_if_open(int fd)
{
	if (fd > 0)
		close(fd);
}

void ending_destroy(struct ending *ending)
{
	if (ending->has_thread) {
		pthread_mutex_lock(&ending->lock);
		ending->is_done = true;
		pthread_cond_signal(&ending->done);
		pthread_mutex_unlock(&ending->lock);
		raise_flag(ending->done_fd);
		pthread_join(ending->thread, NULL);
	}
	close_if_open(ending->signal_fd);
	close_if_open(ending->begun_fd);
	close_if_open(ending->done_fd);
	pthread_cond_destroy(&ending->done);
	pthread_mutex_destroy(&ending->lock);
	free(ending);
}

int ending_fd(const struct ending *ending)
{
	return ending->begun_fd;
}

void ending_set_guest(struct ending *ending,
		      const char *(*describe)(void *opaque), void *opaque)
{
	pthread_mutex_lock(&ending->lock);
	ending->describe = describe;
	ending->opaque = opaque;
	pthread_mutex_unlock(&ending->lock);
}

void ending_forget_guest(struct ending *ending, const char *last)
{
	pthread_mutex_lock(&ending->lock);
	ending->describe = NULL;
	ending->last = last;
	pthread_mutex_unlock(&ending->lock);
}
