/* SPDX-License-Identifier: MIT */
/*
 * The measurement's thread, and what others may ask of it.
 *
 * The thread has the windows; under `lock` it leaves copies of them for
 * reports. It waits for the end of a window, or for cancel_fd.
 */
#include "rate/rate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "common/wait.h"
#include "machine/machine.h"
#include "rate/windows.h"

#define WHERE	  "rate"
#define NS_PER_MS INT64_C(1000000)

struct rate {
	struct machine *machine;
	int cancel_fd; /* eventfd: readable once the rate is destroyed */
	pthread_t thread;
	bool has_thread;	/* of rate_start's callers and rate_destroy */
	struct windows windows; /* the thread's */

	pthread_mutex_t lock;
	struct rate_report report; /* under lock */
};

const char *rate_status_name(enum rate_status status)
{
	static const char *const names[] = {
		[RATE_UNSTARTED] = "unstarted",
		[RATE_MEASURING] = "measuring",
		[RATE_MEASURED] = "measured",
	};

	return names[status];
}

int rate_create(struct machine *machine, struct rate **ret,
		struct smudge_error *err)
{
	struct rate *rate = calloc(1, sizeof(*rate));
	int code;

	if (!rate)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	rate->machine = machine;
	rate->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rate->cancel_fd < 0) {
		code = -errno;
		free(rate);
		return smudge_error_set(err, code, WHERE,
					"cannot make an eventfd: %s",
					strerror(-code));
	}
	pthread_mutex_init(&rate->lock, NULL);
	*ret = rate;
	return 0;
}

static void join_thread(struct rate *rate)
{
	if (rate->has_thread)
		pthread_join(rate->thread, NULL);
	rate->has_thread = false;
}

void rate_destroy(struct rate *rate)
{
	const uint64_t one = 1;

	if (!rate)
		return;
	/* it cannot be full: it is written once */
	(void)!write(rate->cancel_fd, &one, sizeof(one));
	join_thread(rate);
	close(rate->cancel_fd);
	pthread_mutex_destroy(&rate->lock);
	free(rate);
}

void rate_report(struct rate *rate, struct rate_report *ret)
{
	pthread_mutex_lock(&rate->lock);
	*ret = rate->report;
	pthread_mutex_unlock(&rate->lock);
}

static void publish(struct rate *rate)
{
	pthread_mutex_lock(&rate->lock);
	for (size_t i = 0; i < rate->windows.n; i++)
		rate->report.windows[i] = rate->windows.all[i].so_far;
	rate->report.cost_ns = rate->windows.cost_ns;
	pthread_mutex_unlock(&rate->lock);
}

static void publish_content(struct rate *rate)
{
	uint64_t total, content;

	windows_content(&rate->windows, &total, &content);
	pthread_mutex_lock(&rate->lock);
	rate->report.total_pages = total;
	rate->report.content_pages = content;
	pthread_mutex_unlock(&rate->lock);
}

static void publish_end(struct rate *rate, int result,
			const struct smudge_error *err)
{
	pthread_mutex_lock(&rate->lock);
	rate->report.status = result < 0 ? RATE_UNSTARTED : RATE_MEASURED;
	rate->report.error = *err;
	pthread_mutex_unlock(&rate->lock);
}

/* Return: 0 when the first window is over, or -errno; -ECANCELED: destroyed. */
static int measure(struct rate *rate, struct smudge_error *err)
{
	struct windows *windows = &rate->windows;
	int ret = 0;

	while (ret == 0 && !windows->all[0].so_far.nmeasured) {
		int64_t left_ns = windows_next_ns(windows) - host_now_ns();
		int64_t left_ms = (left_ns + NS_PER_MS - 1) / NS_PER_MS;

		ret = wait_ready(-1, 0, rate->cancel_fd,
				 left_ms > 0 ? left_ms : 0);
		/* the wait counts in whole milliseconds */
		if (ret == -ETIMEDOUT)
			ret = windows_turn(windows, err);
		publish(rate);
	}
	return ret;
}

static void *run(void *opaque)
{
	struct smudge_error err = {0};
	struct rate *rate = opaque;
	int ret;

	publish_content(rate);
	ret = windows_open(&rate->windows, &err);
	if (ret == 0) {
		ret = measure(rate, &err);
		windows_close(&rate->windows);
	}
	publish_end(rate, ret, &err);
	return NULL;
}

static int check_startable(struct rate *rate, struct smudge_error *err)
{
	struct rate_report report;

	rate_report(rate, &report);
	if (report.status == RATE_MEASURING)
		return smudge_error_set(err, -EBUSY, WHERE,
					"the dirty rate is being measured "
					"already");
	if (machine_run_state(rate->machine) == MACHINE_INMIGRATE)
		return smudge_error_set(err, -EBUSY, WHERE,
					"the guest has not arrived yet");
	return 0;
}

static int start_thread(struct rate *rate, struct smudge_error *err)
{
	int ret = host_thread_start(&rate->thread, run, rate, 0);

	if (ret < 0) {
		smudge_error_set(err, ret, WHERE, "cannot start a thread: %s",
				 strerror(-ret));
		publish_end(rate, ret, err);
		return ret;
	}
	rate->has_thread = true;
	return 0;
}

int rate_start(struct rate *rate, const uint64_t *windows_ms, size_t nwindows,
	       struct smudge_error *err)
{
	struct rate_report report = {.status = RATE_MEASURING,
				     .start_s = time(NULL),
				     .nwindows = nwindows};
	int ret = check_startable(rate, err);

	if (ret)
		return ret;
	join_thread(rate);
	rate->windows =
		(struct windows){.machine = rate->machine, .n = nwindows};
	for (size_t i = 0; i < nwindows; i++) {
		report.windows[i].asked_ms = windows_ms[i];
		rate->windows.all[i].so_far = report.windows[i];
	}
	pthread_mutex_lock(&rate->lock);
	rate->report = report;
	pthread_mutex_unlock(&rate->lock);
	return start_thread(rate, err);
}
