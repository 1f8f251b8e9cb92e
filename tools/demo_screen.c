/* SPDX-License-Identifier: MIT */
/*
 * The demonstration's screens: a viewer at the source until that disconnects
 * it, since the guest has left, one at the destination, and their pictures as
 * files.
 *
 * Both pictures are of a guest that is stopped: for good at the source, not yet
 * started at the destination. So they must be equal.
 */
#include "demo.h"

#include "clock.h"
#include "picture.h"
#include "qmp_client.h"
#include "vnc_viewer.h"

#include <smudge/error.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST		 "127.0.0.1"
#define FIRST_PORT	 5900
#define PORT_TRIES	 100
#define CLOSE_TIMEOUT_MS 10000

/* A port that is free now; if it is not any more, the VM reports it. */
int demo_screen_choose(struct demo_vm *vm, struct smudge_error *err)
{
	for (int tries = 0; tries < PORT_TRIES; tries++) {
		struct sockaddr_in address = {.sin_family = AF_INET,
					      .sin_addr.s_addr =
						      htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof(address);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool works =
			fd >= 0 &&
			!bind(fd, (struct sockaddr *)&address, len) &&
			!getsockname(fd, (struct sockaddr *)&address, &len);

		if (fd >= 0)
			close(fd);
		vm->vnc_port = works ? ntohs(address.sin_port) : 0;
		if (vm->vnc_port >= FIRST_PORT)
			return 0;
	}
	return smudge_error_set(err, -EADDRINUSE, "demo",
				"no port is free for the screen of the %s",
				vm->name);
}

void demo_screen_option(const struct demo_vm *vm, char *buf, size_t size)
{
	snprintf(buf, size, HOST ":%d", vm->vnc_port - FIRST_PORT);
}

int demo_screen_look(struct demo_vm *vm, struct smudge_error *err)
{
	return vnc_viewer_open(HOST, vm->vnc_port, NULL, &vm->viewer, err);
}

void demo_screen_look_away(struct demo_vm *vm)
{
	vnc_viewer_close(vm->viewer);
	vm->viewer = NULL;
}

static int save(const struct demo *demo, const struct picture *picture,
		const char *name, struct smudge_error *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", demo->options.screen, name) >=
	    (int)sizeof(path))
		return smudge_error_set(err, -ENAMETOOLONG, "demo",
					"the folder's name is too long");
	return picture_write_png(picture, path, err);
}

static int save_all(const struct demo *demo, const struct picture *source,
		    const struct picture *destination, struct smudge_error *err)
{
	struct picture both = {0};
	int ret = save(demo, source, DEMO_SCREEN_SOURCE, err);

	if (!ret)
		ret = save(demo, destination, DEMO_SCREEN_DESTINATION, err);
	if (!ret && picture_beside(source, destination, &both))
		ret = smudge_error_set(err, -ENOMEM, "demo", "out of memory");
	if (!ret)
		ret = save(demo, &both, DEMO_SCREEN_BOTH, err);
	picture_free(&both);
	return ret;
}

int demo_screen_compare(struct demo *demo, struct smudge_error *err)
{
	struct picture source = {0};
	struct picture destination = {0};
	int ret = vnc_viewer_last_picture(demo->source.viewer, &source, err);

	if (!ret)
		ret = demo_screen_look(&demo->destination, err);
	if (!ret)
		ret = vnc_viewer_picture(demo->destination.viewer, &destination,
					 err);
	if (!ret)
		ret = save_all(demo, &source, &destination, err);
	if (!ret && !picture_equal(&source, &destination))
		ret = smudge_error_set(err, -EIO, "demo",
				       "the screens differ: see %.100s",
				       demo->options.screen);
	picture_free(&source);
	picture_free(&destination);
	return ret;
}

/* Wait until the source has noticed that its viewer is gone. */
int demo_screen_wait_closed(struct demo *demo, struct smudge_error *err)
{
	int64_t end_ms = clock_now_ms() + CLOSE_TIMEOUT_MS;
	int ret = 0;

	demo_screen_look_away(&demo->source);
	do {
		json_decref(demo->stats);
		demo->stats = NULL;
		ret = qmp_client_run(demo->source.qmp, "x-smudge-memory-stats",
				     NULL, &demo->stats, err);
		clock_sleep_ms(20);
	} while (!ret && demo_beside_code(demo, "clients") > 0 &&
		 clock_now_ms() < end_ms && !interrupted());
	return ret;
}
