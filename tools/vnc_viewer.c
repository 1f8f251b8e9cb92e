/* SPDX-License-Identifier: MIT */
/*
 * A VNC viewer on a thread of its own.
 *
 * When a picture is wanted, the answer to an older request may be on its way,
 * and may cover the whole screen too: so the second such answer counts.
 */
#include "vnc_viewer.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <rfb/rfbclient.h>
#pragma GCC diagnostic pop

#include <smudge/error.h>

#include "clock.h"
#include "picture.h"
#include "vnc_connect.h"
#include "vnc_refusal.h"

#define WHERE		"viewer"
#define WAIT_US		20000
#define ANSWERS_NEEDED	2
#define PICTURE_TIMEOUT 30 /* seconds */
#define READ_TIMEOUT	10 /* seconds */
#define MS_PER_S	INT64_C(1000)
#define NS_PER_S	INT64_C(1000000000)
#define LOOK_NS		INT64_C(50000000)

struct vnc_viewer {
	rfbClient *client;
	char *password;
	pthread_t thread;
	bool has_thread;
	int fd; /* the connection; libvncclient has a duplicate */
	uint64_t covered_pixels; /* thread's: of the update being read */
	bool has_asked;		 /* thread's */

	/* thread's, until it is ready */
	struct vnc_refusal refusal;

	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool is_ready;		/* under lock: the handshake is over */
	bool is_ending;		/* under lock */
	bool has_failed;	/* under lock */
	unsigned int wanted;	/* under lock: answers to wait for */
	struct picture picture; /* under lock */
};

static int client_tag;

static struct vnc_viewer *viewer_of(rfbClient *client)
{
	return rfbClientGetClientData(client, &client_tag);
}

static char *tell_password(rfbClient *client)
{
	struct vnc_viewer *viewer = viewer_of(client);

	viewer->refusal.was_asked = true;
	/* libvncclient would not free an empty one */
	return viewer->password ? strdup(viewer->password) : NULL;
}

static void got_rectangle(rfbClient *client, int x, int y, int width,
			  int height)
{
	(void)x;
	(void)y;
	viewer_of(client)->covered_pixels += (uint64_t)width * (uint64_t)height;
}

static void finished_update(rfbClient *client)
{
	struct vnc_viewer *viewer = viewer_of(client);
	uint32_t width = (uint32_t)client->width;
	uint32_t height = (uint32_t)client->height;
	bool is_whole = viewer->covered_pixels >= (uint64_t)width * height;

	viewer->covered_pixels = 0;
	if (!is_whole || !viewer->has_asked)
		return;
	viewer->has_asked = false;
	pthread_mutex_lock(&viewer->lock);
	if (viewer->wanted && --viewer->wanted == 0) {
		if (picture_copy((const uint32_t *)client->frameBuffer, width,
				 height, &viewer->picture))
			viewer->has_failed = true;
		pthread_cond_signal(&viewer->answered);
	}
	pthread_mutex_unlock(&viewer->lock);
}

/* libvncclient 0.9.14 waits for its socket even if it has bytes read ahead. */
static int wait_for_message(rfbClient *client)
{
	return client->buffered ? 1 : WaitForMessage(client, WAIT_US);
}

static bool look(struct vnc_viewer *viewer, bool wanted)
{
	rfbClient *client = viewer->client;
	int n;

	if (wanted && !viewer->has_asked) {
		viewer->has_asked = true;
		if (!SendFramebufferUpdateRequest(client, 0, 0, client->width,
						  client->height, FALSE))
			return false;
	}
	n = wait_for_message(client);
	return n == 0 || (n > 0 && HandleRFBServerMessage(client));
}

/*
 * The handshake is read on this thread, so that the thread that opened the
 * viewer can end it by a shutdown of the socket. rfbInitClient frees a client
 * that fails.
 */
static void begin(struct vnc_viewer *viewer)
{
	int64_t end_ms = clock_now_ms() + READ_TIMEOUT * MS_PER_S;
	bool works;

	vnc_refusal_listen(&viewer->refusal);
	works = rfbInitClient(viewer->client, NULL, NULL);
	viewer->refusal.is_silent = clock_now_ms() >= end_ms;
	vnc_refusal_listen(NULL);
	pthread_mutex_lock(&viewer->lock);
	if (!works)
		viewer->client = NULL;
	viewer->has_failed = !works;
	viewer->is_ready = true;
	pthread_cond_signal(&viewer->answered);
	pthread_mutex_unlock(&viewer->lock);
}

static void *run(void *opaque)
{
	struct vnc_viewer *viewer = opaque;

	begin(viewer);
	pthread_mutex_lock(&viewer->lock);
	while (!viewer->is_ending && !viewer->has_failed) {
		bool wanted = viewer->wanted > 0;
		bool works;

		pthread_mutex_unlock(&viewer->lock);
		works = look(viewer, wanted);
		pthread_mutex_lock(&viewer->lock);
		viewer->has_failed = viewer->has_failed || !works;
	}
	pthread_cond_signal(&viewer->answered);
	pthread_mutex_unlock(&viewer->lock);
	return NULL;
}

static int make_client(struct vnc_viewer *viewer, struct smudge_error *err)
{
	rfbClient *client;

	vnc_refusal_listen(NULL);
	client = rfbGetClient(8, 3, 4);
	if (!client)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	/* 0x00rrggbb */
	client->format.redShift = 16;
	client->format.greenShift = 8;
	client->format.blueShift = 0;
	client->appData.encodingsString = "zrle raw";
	client->appData.enableJPEG = FALSE;
	client->GetPassword = tell_password;
	client->GotFrameBufferUpdate = got_rectangle;
	client->FinishedFrameBufferUpdate = finished_update;
	client->readTimeout = READ_TIMEOUT;
	/* it has its connection already, as if the server had connected */
	client->listenSpecified = TRUE;
	client->sock = dup(viewer->fd);
	rfbClientSetClientData(client, &client_tag, viewer);
	viewer->client = client;
	return 0;
}

/* The caller holds the lock. 0, -ETIMEDOUT, or -EINTR after a signal. */
static int wait_for_thread(struct vnc_viewer *viewer, int64_t end_ms)
{
	struct timespec until;

	if (interrupted())
		return -EINTR;
	if (clock_now_ms() >= end_ms)
		return -ETIMEDOUT;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_NS;
	until.tv_sec += until.tv_nsec / NS_PER_S;
	until.tv_nsec %= NS_PER_S;
	pthread_cond_clockwait(&viewer->answered, &viewer->lock,
			       CLOCK_MONOTONIC, &until);
	return 0;
}

static int start(struct vnc_viewer *viewer, const char *host, int port,
		 struct smudge_error *err)
{
	int64_t end_ms = clock_now_ms() + PICTURE_TIMEOUT * MS_PER_S;
	struct vnc_refusal refusal = {.is_silent = true};
	int ret = -pthread_create(&viewer->thread, NULL, run, viewer);

	if (ret)
		return smudge_error_set(err, ret, WHERE,
					"no thread for the viewer: %s",
					strerror(-ret));
	viewer->has_thread = true;
	pthread_mutex_lock(&viewer->lock);
	while (!viewer->is_ready && !ret)
		ret = wait_for_thread(viewer, end_ms);
	if (viewer->is_ready)
		refusal = viewer->refusal;
	if (!ret && viewer->has_failed)
		ret = -ECONNREFUSED;
	pthread_mutex_unlock(&viewer->lock);
	if (ret == -EINTR)
		smudge_error_set(err, ret, WHERE, "interrupted");
	else if (ret)
		vnc_refusal_say(&refusal, host, port, viewer->password, ret,
				err);
	return ret;
}

int vnc_viewer_open(const char *host, int port, const char *password,
		    struct vnc_viewer **ret_viewer, struct smudge_error *err)
{
	struct vnc_viewer *viewer = calloc(1, sizeof(*viewer));
	int ret;

	if (!viewer)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	viewer->fd = -1;
	pthread_mutex_init(&viewer->lock, NULL);
	pthread_cond_init(&viewer->answered, NULL);
	viewer->password = password ? strdup(password) : NULL;
	ret = vnc_connect(host, port, &viewer->fd, err);
	if (!ret)
		ret = make_client(viewer, err);
	if (!ret)
		ret = start(viewer, host, port, err);
	if (ret) {
		vnc_viewer_close(viewer);
		return ret;
	}
	*ret_viewer = viewer;
	return 0;
}

void vnc_viewer_close(struct vnc_viewer *viewer)
{
	if (!viewer)
		return;
	pthread_mutex_lock(&viewer->lock);
	viewer->is_ending = true;
	pthread_mutex_unlock(&viewer->lock);
	/* ends what the thread reads */
	if (viewer->fd >= 0)
		shutdown(viewer->fd, SHUT_RDWR);
	if (viewer->has_thread)
		pthread_join(viewer->thread, NULL);
	if (viewer->client) {
		free(viewer->client->frameBuffer);
		rfbClientCleanup(viewer->client);
	}
	if (viewer->fd >= 0)
		close(viewer->fd);
	pthread_cond_destroy(&viewer->answered);
	pthread_mutex_destroy(&viewer->lock);
	picture_free(&viewer->picture);
	free(viewer->password);
	free(viewer);
}

static const char *how_it_failed(int ret)
{
	switch (ret) {
	case -EINTR:
		return "was left, by a signal,";
	case -ETIMEDOUT:
		return "fell silent";
	default:
		return "closed the connection";
	}
}

int vnc_viewer_picture(struct vnc_viewer *viewer, struct picture *ret_picture,
		       struct smudge_error *err)
{
	int64_t end_ms = clock_now_ms() + PICTURE_TIMEOUT * MS_PER_S;
	int ret = 0;

	pthread_mutex_lock(&viewer->lock);
	viewer->wanted = ANSWERS_NEEDED;
	while (viewer->wanted && !viewer->has_failed && !ret)
		ret = wait_for_thread(viewer, end_ms);
	if (viewer->has_failed)
		ret = -EIO;
	if (ret) {
		smudge_error_set(err, ret, WHERE,
				 "the VNC server %s before it had sent its "
				 "screen",
				 how_it_failed(ret));
	} else {
		picture_free(ret_picture);
		*ret_picture = viewer->picture;
		viewer->picture = (struct picture){0};
	}
	pthread_mutex_unlock(&viewer->lock);
	return ret;
}

int vnc_viewer_last_picture(struct vnc_viewer *viewer,
			    struct picture *ret_picture,
			    struct smudge_error *err)
{
	int64_t end_ms = clock_now_ms() + PICTURE_TIMEOUT * MS_PER_S;
	const rfbClient *client = viewer->client;
	int ret = 0;

	pthread_mutex_lock(&viewer->lock);
	while (!viewer->has_failed && !ret)
		ret = wait_for_thread(viewer, end_ms);
	pthread_mutex_unlock(&viewer->lock);
	if (ret)
		return smudge_error_set(err, ret, WHERE,
					"the VNC server %s before it had "
					"disconnected its viewer",
					how_it_failed(ret));
	/* the thread has left it alone since it failed */
	ret = picture_copy((const uint32_t *)client->frameBuffer,
			   (uint32_t)client->width, (uint32_t)client->height,
			   ret_picture);
	return ret ? smudge_error_set(err, ret, WHERE, "out of memory") : 0;
}
