/* SPDX-License-Identifier: MIT */
/*
 * smudge screenshot: what a VNC viewer sees, as a PNG file.
 */
#include "commands.h"

#include "common/file.h"
#include "number.h"
#include "options.h"
#include "picture.h"
#include "vnc_viewer.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MAX_PASSWORD 8 /* VNC ignores all bytes after these */
#define FIRST_PORT   5900
#define MAX_PORT     65535

static const char help_text[] =
	"usage: smudge screenshot --vnc [HOST]:N [OPTION]... FILE.png\n"
	"\n"
	"Connects to a VNC server as a viewer and saves its screen.\n"
	"\n"
	"  --vnc [HOST]:N        display N, at port 5900 + N, of HOST "
	"(127.0.0.1)\n"
	"  --password-file FILE  its first line is the password\n"
	"  --help                this text\n";

#define NAME "screenshot"

struct request {
	char host[256];
	int port; /* 0: not given */
	char password[64];
	const char *path;
};

static int take_address(const char *command, const struct tool_option *option,
			const char *text)
{
	struct request *request = option->request;
	const char *colon = strrchr(text, ':');
	uint64_t number;
	int len = colon ? (int)(colon - text) : 0;

	if (!colon ||
	    !number_parse(colon + 1, MAX_PORT - FIRST_PORT, &number) ||
	    (size_t)len >= sizeof(request->host))
		return tool_usage(command, "--vnc takes [HOST]:N, not '%.60s'",
				  text);
	snprintf(request->host, sizeof(request->host), "%.*s",
		 len ? len : (int)strlen("127.0.0.1"),
		 len ? text : "127.0.0.1");
	request->port = FIRST_PORT + (int)number;
	return TOOL_OK;
}

static int read_password(const char *path, struct request *request)
{
	struct smudge_error err = {0};
	ssize_t len = file_read_line(path, request->password,
				     sizeof(request->password), -1);

	if (len < 0)
		smudge_error_set(&err, (int)len, "screenshot",
				 "the password file %.100s cannot be read: %s",
				 path, file_reason((int)len));
	else if (!len || memchr(request->password, 0, (size_t)len) ||
		 len > MAX_PASSWORD)
		smudge_error_set(&err, -EINVAL, "screenshot",
				 "the first line of the password file %.100s "
				 "is no VNC password: 1 to %d bytes, none of "
				 "them NUL",
				 path, MAX_PASSWORD);
	return err.code ? tool_failed(&err) : TOOL_OK;
}

/* The folder that a file at @path is in. */
static void folder_of(const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/');
	int len = !slash || slash == path ? 1 : (int)(slash - path);

	snprintf(buf, size, "%.*s", len, slash ? path : ".");
}

/*
 * What would be found only when the picture is there. A name with the extension
 * of another kind of picture is a mistake.
 */
static int check_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');
	struct smudge_error err = {0};
	char folder[PATH_MAX];

	if (dot && strcasecmp(dot, ".png") != 0)
		return tool_usage(NAME,
				  "the picture is a PNG file, unlike "
				  "'%.60s'",
				  path);
	folder_of(path, folder, sizeof(folder));
	if (access(folder, X_OK) == 0)
		return TOOL_OK;
	smudge_error_set(&err, -errno, NAME, "%.100s cannot be written: %s",
			 path, strerror(errno));
	return tool_failed(&err);
}

static int run(const struct request *request)
{
	struct vnc_viewer *viewer = NULL;
	struct picture picture = {0};
	struct smudge_error err = {0};
	int ret = vnc_viewer_open(request->host, request->port,
				  *request->password ? request->password : NULL,
				  &viewer, &err);

	if (!ret)
		ret = vnc_viewer_picture(viewer, &picture, &err);
	vnc_viewer_close(viewer);
	if (!ret)
		ret = picture_write_png(&picture, request->path, &err);
	picture_free(&picture);
	return ret ? tool_failed(&err) : TOOL_OK;
}

static int take_words(int argc, char *argv[], struct request *request)
{
	if (!request->port)
		return tool_usage(NAME, "--vnc [HOST]:N is missing");
	if (optind == argc)
		return tool_usage(NAME, "FILE.png is missing");
	if (argc - optind > 1)
		return tool_usage(NAME, "'%s' is too much", argv[optind + 1]);
	request->path = argv[optind];
	return check_file(request->path);
}

int command_screenshot(int argc, char *argv[])
{
	struct request request = {.port = 0};
	const char *password_file = NULL;
	const struct tool_option options[] = {
		{"vnc", .take = take_address, .request = &request},
		{"password-file", .text = &password_file},
		{"help", .help = help_text},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, options);

	if (status == TOOL_OK)
		status = take_words(argc, argv, &request);
	if (status == TOOL_OK && password_file)
		status = read_password(password_file, &request);
	return status == TOOL_OK ? run(&request) : status;
}
