/* SPDX-License-Identifier: MIT */
/*
 * The display, and libvncserver's copy of it.
 *
 * libvncserver sends from the display's frame. The frame changes only in a
 * refresh, on this same thread, so no viewer gets half of one. The display is
 * refreshed only when a viewer has asked for changes, at most 60 times per
 * second, and less often while nothing changes.
 */
#include "vnc/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <smudge/error.h>

#include "common/wait.h"
#include "devices/framebuffer.h"
#include "base/host.h"
#include "machine/lost.h"
#include "machine/machine.h"
#include "base/say.h"

#define BYTES_PER_PIXEL 4
#define BITS_PER_SAMPLE 8
#define SAMPLES		3
#define RED_SHIFT	16
#define GREEN_SHIFT	8
#define BLUE_SHIFT	0
#define BUSY_NS		(16 * VNC_NS_MS)
#define IDLE_NS		(64 * VNC_NS_MS)
#define COMPLAIN_NS	(5000 * VNC_NS_MS)
#define MAX_RECTS	64
#define MAX_FAILURES	16 /* in a row: a second, while nothing changes */

static void press(rfbBool is_down, rfbKeySym keysym, rfbClientPtr client)
{
	struct vnc *vnc = client->screen->screenData;

	machine_framebuffer_key(vnc->machine, keysym, is_down);
}

static void ignore_pointer(int buttons, int x, int y, rfbClientPtr client)
{
}

/* 0x00rrggbb, whatever the host's byte order makes of it. */
static void set_format(rfbScreenInfoPtr screen)
{
	screen->serverFormat.redShift = RED_SHIFT;
	screen->serverFormat.greenShift = GREEN_SHIFT;
	screen->serverFormat.blueShift = BLUE_SHIFT;
}

int vnc_screen_create(struct vnc *vnc, struct smudge_error *err)
{
	rfbScreenInfoPtr screen;
	struct framebuffer_mode mode;

	if (!machine_framebuffer(vnc->machine, &mode, NULL))
		return smudge_error_set(err, -EINVAL, VNC_WHERE,
					"--vnc needs --display "
					"WIDTHxHEIGHT");
	rfbLogEnable(FALSE);
	screen = rfbGetScreen(NULL, NULL, mode.width, mode.height,
			      BITS_PER_SAMPLE, SAMPLES, BYTES_PER_PIXEL);
	if (!screen)
		return smudge_error_set(err, -ENOMEM, VNC_WHERE,
					"out of memory");
	set_format(screen);
	screen->screenData = vnc;
	screen->desktopName = "smudge-vm";
	screen->alwaysShared = TRUE;
	screen->deferUpdateTime = 0;
	screen->maxClientWait = 1; /* ms; it never waits for a buffer */
	screen->cursor = NULL;	   /* no pointer is drawn into the picture */
	screen->kbdAddEvent = press;
	screen->ptrAddEvent = ignore_pointer;
	if (*vnc->options.password) {
		vnc->passwords[0] = vnc->options.password;
		screen->authPasswdData = vnc->passwords;
		screen->passwordCheck = vnc_conn_check_password;
	}
	vnc->screen = screen;
	vnc->interval_ns = BUSY_NS;
	return 0;
}

void vnc_screen_destroy(struct vnc *vnc)
{
	smudge_display_close(vnc->display);
	vnc->display = NULL;
	if (vnc->screen)
		rfbScreenCleanup(vnc->screen);
	vnc->screen = NULL;
}

/* At most one line per COMPLAIN_NS: every refresh may fail in the same way. */
static void complain(struct vnc *vnc, const struct smudge_error *err)
{
	int64_t now_ns = host_now_ns();

	if (now_ns < vnc->complain_ns)
		return;
	vnc->complain_ns = now_ns + COMPLAIN_NS;
	say("vnc: %s", err->message);
}

static bool is_looking(const struct vnc_conn *conn)
{
	return conn->is_authenticated && !vnc_conn_is_over(conn);
}

static void close_display(struct vnc *vnc)
{
	vnc->screen->frameBuffer = NULL;
	smudge_display_close(vnc->display);
	vnc->display = NULL;
	pthread_mutex_lock(&vnc->lock);
	vnc->is_open = false;
	vnc->stats = (struct smudge_display_stats){0};
	pthread_mutex_unlock(&vnc->lock);
}

/*
 * After libvncserver has the new size: set each viewer's format again, and
 * note which viewers it informs.
 */
static void announce_size(struct vnc *vnc)
{
	for (size_t i = 0; i < VNC_MAX_CONNS; i++) {
		struct vnc_conn *conn = &vnc->conns[i];

		if (!conn->client || vnc_conn_is_over(conn))
			continue;
		vnc->screen->setTranslateFunction(conn->client);
		if (conn->client->useNewFBSize)
			vnc_conn_note_size(conn);
		/* libvncserver does not resize a scaled copy: disconnect */
		if (conn->client->scaledScreen != vnc->screen)
			rfbCloseClient(conn->client);
	}
}

void vnc_screen_refresh_now(struct vnc *vnc, struct vnc_conn *conn)
{
	int64_t soonest_ns = vnc->refreshed_ns + BUSY_NS;

	conn->wants_refresh = true;
	if (vnc->refresh_at_ns > soonest_ns)
		vnc->refresh_at_ns = soonest_ns;
}

static void show_frame(struct vnc *vnc, const struct framebuffer_mode *mode)
{
	const uint32_t *frame = smudge_display_frame(vnc->display, NULL);

	rfbNewFramebuffer(vnc->screen, (char *)frame, mode->width, mode->height,
			  BITS_PER_SAMPLE, SAMPLES, BYTES_PER_PIXEL);
	set_format(vnc->screen);
	announce_size(vnc);
	/* the frame is empty before a refresh */
	for (size_t i = 0; i < VNC_MAX_CONNS; i++)
		vnc_screen_refresh_now(vnc, &vnc->conns[i]);
}

static int change_display(struct vnc *vnc, const struct ram_piece *vram,
			  const struct framebuffer_mode *shown,
			  struct smudge_error *err)
{
	const struct smudge_display_mode mode = {
		.size = sizeof(mode),
		.offset_bytes = framebuffer_first_byte(shown),
		.stride_bytes = (uint32_t)shown->virt_width * BYTES_PER_PIXEL,
		.width = shown->width,
		.height = shown->height,
	};
	int ret;

	if (vnc->display)
		return smudge_display_set_mode(vnc->display, &mode, err);
	ret = smudge_display_open(machine_memory(vnc->machine), vram->region,
				  &mode, &vnc->display, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&vnc->lock);
	vnc->is_open = true;
	pthread_mutex_unlock(&vnc->lock);
	return 0;
}

static void drop_viewers(struct vnc *vnc)
{
	for (size_t i = 0; i < VNC_MAX_CONNS; i++)
		if (vnc->conns[i].client && is_looking(&vnc->conns[i]))
			rfbCloseClient(vnc->conns[i].client);
}

void vnc_screen_follow(struct vnc *vnc)
{
	struct smudge_error err = {0};
	const struct ram_piece *vram;
	struct framebuffer_mode mode;
	uint64_t generation;
	bool wanted = false;

	for (size_t i = 0; i < VNC_MAX_CONNS; i++)
		wanted = wanted || is_looking(&vnc->conns[i]);
	if (!wanted && vnc->display)
		close_display(vnc);
	vram = machine_framebuffer(vnc->machine, &mode, &generation);
	if (!wanted) {
		/* the next viewer is greeted with this size */
		vnc->screen->width = mode.width;
		vnc->screen->height = mode.height;
		return;
	}
	if (vnc->display && generation == vnc->generation)
		return;
	if (change_display(vnc, vram, &mode, &err)) {
		complain(vnc, &err);
		drop_viewers(vnc);
		return;
	}
	vnc->generation = generation;
	show_frame(vnc, &mode);
}

/* It asked for an update, and has taken the last one. */
static bool is_waiting(const struct vnc_conn *conn)
{
	return is_looking(conn) && vnc_buffer_is_empty(conn->buffer) &&
	       !sraRgnEmpty(conn->client->requestedRegion);
}

bool vnc_screen_is_last(const struct vnc *vnc, const struct vnc_conn *conn,
			int64_t since_ns)
{
	return is_waiting(conn) && !conn->wants_refresh && !vnc->nfailures &&
	       vnc->refreshed_ns >= since_ns &&
	       !conn->client->newFBSizePending &&
	       sraRgnEmpty(conn->client->modifiedRegion) &&
	       sraRgnEmpty(conn->client->copyRegion);
}

int64_t vnc_screen_due_ns(const struct vnc *vnc)
{
	for (size_t i = 0; i < VNC_MAX_CONNS; i++)
		if (is_waiting(&vnc->conns[i]))
			return vnc->refresh_at_ns;
	return VNC_NEVER;
}

/*
 * After some failures disconnect the viewers: a picture that silently stays
 * old is worse than none.
 */
static void fail_to_refresh(struct vnc *vnc, struct smudge_error *err)
{
	if (++vnc->nfailures < MAX_FAILURES) {
		complain(vnc, err);
		return;
	}
	say("vnc: %s: the viewers are disconnected", err->message);
	vnc->nfailures = 0;
	drop_viewers(vnc);
}

/* The frame may have got what the guest never drew. */
static void lose_picture(struct vnc *vnc, const struct smudge_error *err)
{
	complain(vnc, err);
	drop_viewers(vnc);
}

static void mark_changes(struct vnc *vnc, const struct smudge_rect *rects,
			 size_t nrects)
{
	for (size_t i = 0; i < nrects; i++)
		rfbMarkRectAsModified(vnc->screen, (int)rects[i].x,
				      (int)rects[i].y,
				      (int)(rects[i].x + rects[i].width),
				      (int)(rects[i].y + rects[i].height));
	for (size_t i = 0; i < VNC_MAX_CONNS; i++)
		vnc->conns[i].wants_refresh = false;
	vnc->nfailures = 0;
}

static void refresh(struct vnc *vnc)
{
	struct smudge_rect rects[MAX_RECTS];
	struct smudge_display_stats stats = {.size = sizeof(stats)};
	struct smudge_error err = {0};
	size_t nrects = 0;

	if (smudge_display_refresh(vnc->display, rects, MAX_RECTS, &nrects,
				   &err))
		fail_to_refresh(vnc, &err);
	else if (machine_check_memory(vnc->machine, &err))
		lose_picture(vnc, &err);
	else
		mark_changes(vnc, rects, nrects);
	vnc->interval_ns *= 2;
	if (nrects)
		vnc->interval_ns = BUSY_NS;
	if (vnc->interval_ns > IDLE_NS)
		vnc->interval_ns = IDLE_NS;
	vnc->refreshed_ns = host_now_ns();
	vnc->refresh_at_ns = vnc->refreshed_ns + vnc->interval_ns;
	smudge_display_stats(vnc->display, &stats);
	pthread_mutex_lock(&vnc->lock);
	vnc->stats = stats;
	pthread_mutex_unlock(&vnc->lock);
}

static void send_to(struct vnc *vnc, struct vnc_conn *conn)
{
	/* lossless, whatever quality the viewer would accept */
	conn->client->turboQualityLevel = -1;
	conn->client->tightQualityLevel = -1;
	if (vnc_buffer_update(conn->buffer, conn->client) < 0)
		vnc_conn_end(vnc, conn);
	else
		vnc_conn_send(vnc, conn);
}

void vnc_screen_send(struct vnc *vnc)
{
	vnc_screen_follow(vnc);
	if (!vnc->display)
		return;
	if (host_now_ns() >= vnc_screen_due_ns(vnc))
		refresh(vnc);
	for (size_t i = 0; i < VNC_MAX_CONNS && !wait_is_over(vnc->quit_fd);
	     i++)
		if (is_waiting(&vnc->conns[i]) && !vnc->conns[i].wants_refresh)
			send_to(vnc, &vnc->conns[i]);
}
