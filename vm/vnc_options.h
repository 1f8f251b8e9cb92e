/* SPDX-License-Identifier: MIT */
/*
 * The value of --vnc: [HOST]:N[,password=SECRET|,password-file=FILE]
 * [,web[=FILE]], as in QEMU where it means the same. HOST is 127.0.0.1 unless
 * given; an IPv6 address stands in brackets.
 */
#ifndef VM_VNC_OPTIONS_H
#define VM_VNC_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

struct smudge_error;

#define VNC_FIRST_PORT	   5900
#define VNC_PASSWORD_BYTES 8 /* VNC's authentication knows no more */

struct vnc_options {
	char host[256];
	unsigned int port;
	char password[VNC_PASSWORD_BYTES + 1]; /* "": none is asked for */
	bool web;
	char page[PATH_MAX]; /* the page for browsers; "": look for it */
};

/*
 * vnc_options_parse - take the value of --vnc apart
 * @spec: borrowed for the call; a password file is read
 * Return: 0, or -errno with one sentence.
 */
int vnc_options_parse(const char *spec, struct vnc_options *ret,
		      struct smudge_error *err);

#endif
