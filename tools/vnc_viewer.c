/* SPDX-License-Identifier: MIT */
/*
 * The viewer's thread; vnc_viewer.h.
 *
 * An answer to an older question may be on its way when a picture is wanted,
 * and may cover all of the screen too: the second such answer counts.
 */
#include "vnc_viewer.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <rfb/rfbclient.h>
#pragma GCC diagnostic pop

#include <smudge/error.h>

#include "picture.h"

#define WHERE		"viewer"
#define WAIT_US		20000
#define ANSWERS_NEEDED	2
#define PICTURE_TIMEOUT 30 /* seconds */
#define READ_TIMEOUT	10 /* seconds */

struct vnc_viewer {
	rfbClient *client;
	char *password;
	pthread_t thread;
	bool has_thread;
	uint64_t covered_pixels; /* thread's: by the update being read */
	bool has_asked;		 /* thread's */

	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool is_ending;		/* under lock */
	bool has_failed;	/* under lock */
	unsigned int wanted;	/* under lock: answers until the picture */
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

/* libvncclient 0.9.14 waits for its socket and forgets what it read ahead. */
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

static void *run(void *opaque)
{
	struct vnc_viewer *viewer = opaque;

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

static int connect_to(struct vnc_viewer *viewer, const char *host, int port,
		      struct smudge_error *err)
{
	rfbClient *client;

	rfbEnableClientLogging = FALSE;
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
	client->connectTimeout = READ_TIMEOUT;
	client->readTimeout = READ_TIMEOUT;
	free(client->serverHost);
	client->serverHost = strdup(host);
	client->serverPort = port;
	rfbClientSetClientData(client, &client_tag, viewer);
	/* frees the client when it fails */
	if (!rfbInitClient(client, NULL, NULL))
		return smudge_error_set(err, -ECONNREFUSED, WHERE,
					"no VNC server at %.60s port %d lets "
					"a viewer in%s",
					host, port,
					viewer->password
						? ", perhaps for its password"
						: ", or it wants a password");
	viewer->client = client;
	return 0;
}

int vnc_viewer_open(const char *host, int port, const char *password,
		    struct vnc_viewer **ret, struct smudge_error *err)
{
	struct vnc_viewer *viewer = calloc(1, sizeof(*viewer));
	int rc;

	if (!viewer)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	pthread_mutex_init(&viewer->lock, NULL);
	pthread_cond_init(&viewer->answered, NULL);
	viewer->password = password ? strdup(password) : NULL;
	rc = connect_to(viewer, host, port, err);
	if (!rc) {
		rc = -pthread_create(&viewer->thread, NULL, run, viewer);
		viewer->has_thread = !rc;
		if (rc)
			smudge_error_set(err, rc, WHERE,
					 "no thread for the viewer: %s",
					 strerror(-rc));
	}
	if (rc) {
		vnc_viewer_close(viewer);
		return rc;
	}
	*ret = viewer;
	return 0;
}

void vnc_viewer_close(struct vnc_viewer *viewer)
{
	if (!viewer)
		return;
	pthread_mutex_lock(&viewer->lock);
	viewer->is_ending = true;
	pthread_mutex_unlock(&viewer->lock);
	if (viewer->has_thread)
		pthread_join(viewer->thread, NULL);
	if (viewer->client) {
		free(viewer->client->frameBuffer);
		rfbClientCleanup(viewer->client);
	}
	pthread_cond_destroy(&viewer->answered);
	pthread_mutex_destroy(&viewer->lock);
	picture_free(&viewer->picture);
	free(viewer->password);
	free(viewer);
}

int vnc_viewer_picture(struct vnc_viewer *viewer, struct picture *ret,
		       struct smudge_error *err)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PICTURE_TIMEOUT;
	pthread_mutex_lock(&viewer->lock);
	viewer->wanted = ANSWERS_NEEDED;
	while (viewer->wanted && !viewer->has_failed && !rc)
		rc = pthread_cond_timedwait(&viewer->answered, &viewer->lock,
					    &until);
	if (viewer->has_failed || viewer->wanted) {
		rc = smudge_error_set(
			err, viewer->has_failed ? -EIO : -ETIMEDOUT, WHERE,
			"the VNC server %s before it had sent "
			"its screen",
			viewer->has_failed ? "closed the "
					     "connection"
					   : "fell silent");
	} else {
		rc = 0;
		picture_free(ret);
		*ret = viewer->picture;
		viewer->picture = (struct picture){0};
	}
	pthread_mutex_unlock(&viewer->lock);
	return rc;
}
