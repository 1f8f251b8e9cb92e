/* SPDX-License-Identifier: MIT */
/*
 * smudge screenshot: what a VNC viewer sees, as a PNG file.
 */
#include "commands.h"

#include "number.h"
#include "common/file.h"
#include "picture.h"
#include "vnc_viewer.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

struct request {
	char host[256];
	int port; /* 0: not given */
	char password[64];
	const char *path;
};

static int parse_address(const char *text, struct request *request)
{
	const char *colon = strrchr(text, ':');
	uint64_t number;
	int len = colon ? (int)(colon - text) : 0;

	if (!colon ||
	    !number_parse(colon + 1, MAX_PORT - FIRST_PORT, &number) ||
	    (size_t)len >= sizeof(request->host))
		return tool_usage("screenshot: --vnc takes [HOST]:N, not "
				  "'%.60s'",
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

/* A name with the extension of another kind of picture is a mistake. */
static int check_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');

	if (dot && strcasecmp(dot, ".png") != 0)
		return tool_usage("screenshot makes PNG files, not '%.60s'",
				  path);
	return TOOL_OK;
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

int command_screenshot(int argc, char *argv[])
{
	static const struct option options[] = {
		{"vnc", required_argument, NULL, 'v'},
		{"password-file", required_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct request request = {0};
	const char *password_file = NULL;
	int status = TOOL_OK;
	int c;

	opterr = 0;
	while (status == TOOL_OK &&
	       (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'v')
			status = parse_address(optarg, &request);
		else if (c == 'p')
			password_file = optarg;
		else if (c == 'h')
			return fputs(help_text, stdout), TOOL_OK;
		else
			return tool_usage("screenshot: wrong option '%s'",
					  argv[optind - 1]);
	}
	if (status != TOOL_OK)
		return status;
	if (!request.port)
		return tool_usage("screenshot: --vnc [HOST]:N is missing");
	if (argc - optind != 1)
		return tool_usage("screenshot wants one FILE.png");
	request.path = argv[optind];
	status = check_name(request.path);
	if (status == TOOL_OK && password_file)
		status = read_password(password_file, &request);
	return status == TOOL_OK ? run(&request) : status;
}
