/* SPDX-License-Identifier: MIT */
/*
 * Parses the URIs of migrations.
 *
 * tcp:HOST:PORT is split at the last colon; an IPv6 address may be in square
 * brackets.
 */
#include "migration/socket.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_port(const char *text, char ret[6], struct smudge_error *err)
{
	size_t len = strspn(text, "0123456789");

	if (!len || text[len] || len > 5 || atoi(text) > 65535)
		return smudge_error_set(err, -EINVAL, "migration",
					"a TCP port is 0 to 65535, not '%.64s'",
					text);
	strcpy(ret, text);
	return 0;
}

static int parse_tcp(const char *text, struct migration_uri *ret,
		     struct smudge_error *err)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!colon)
		return smudge_error_set(err, -EINVAL, "migration",
					"tcp: wants HOST:PORT, not '%.64s'",
					text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(ret->host))
		return smudge_error_set(err, -EINVAL, "migration",
					"the host name has more than %zu bytes",
					sizeof(ret->host) - 1);
	memcpy(ret->host, text, len);
	ret->is_tcp = true;
	return parse_port(colon + 1, ret->port, err);
}

int migration_uri_parse(const char *text, struct migration_uri *ret_uri,
			struct smudge_error *err)
{
	struct migration_uri uri = {0};
	int ret = 0;

	if (strncmp(text, "tcp:", 4) == 0) {
		ret = parse_tcp(text + 4, &uri, err);
	} else if (strncmp(text, "unix:", 5) == 0) {
		ret = socket_file_set(&uri.file, text + 5, strlen(text + 5),
				      "migration", err);
	} else {
		ret = smudge_error_set(
			err, -EINVAL, "migration",
			"a migration goes to tcp:HOST:PORT or unix:PATH, "
			"not '%.64s'",
			text);
	}
	if (!ret)
		*ret_uri = uri;
	return ret;
}
