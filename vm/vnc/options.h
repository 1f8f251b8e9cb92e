/* SPDX-License-Identifier: MIT */
/*
 * The value of --vnc:
 * [HOST]:N[,password=SECRET|,password-file=FILE][,web[=FILE]], as in QEMU
 * where it means the same. HOST is 127.0.0.1 unless given; an IPv6 address is
 * in brackets.
 */
#ifndef VM_VNC_OPTIONS_H
#define VM_VNC_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

struct smudge_error;

#define VNC_FIRST_PORT	   5900
#define VNC_PASSWORD_BYTES 8 /* VNC's authentication uses no more */

struct vnc_options {
	char host[256];
	unsigned int port;
	char password[VNC_PASSWORD_BYTES + 1]; /* "": no password is needed */
	char password_file[PATH_MAX];	       /* "": none */
	bool web;
	char page[PATH_MAX]; /* the page for browsers; "": look for it */
};

/*
 * vnc_options_parse - parse the value of --vnc
 * @spec: borrowed for the call
 *
 * Return: 0, or -EINVAL with one sentence.
 */
int vnc_options_parse(const char *spec, struct vnc_options *ret_options,
		      struct smudge_error *err);

/*
 * vnc_options_read - read the password file, if one is given
 * @end_fd: ends the wait for a writer, if the file is a FIFO
 *
 * Return: 0, -ECANCELED, or another -errno with one sentence.
 */
int vnc_options_read(struct vnc_options *options, int end_fd,
		     struct smudge_error *err);

#endif
