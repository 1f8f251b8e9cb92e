/* SPDX-License-Identifier: MIT */
/*
 * Parses the value of --vnc.
 *
 * A password longer than VNC can check is refused: cut short, it would be
 * weaker than its owner expects.
 */
#include "vnc/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <smudge/error.h>

#include "common/file.h"

#define WHERE	 "vnc"
#define MAX_PORT 65535u

static int refuse(struct smudge_error *err, const char *why)
{
	return smudge_error_set(err, -EINVAL, WHERE,
				"--vnc takes [HOST]:N[,password=SECRET|,"
				"password-file=FILE][,web[=FILE]]: %s",
				why);
}

static int parse_address(const char *text, size_t len, struct vnc_options *ret,
			 struct smudge_error *err)
{
	size_t colon = len;
	unsigned int number = 0;

	while (colon && text[colon - 1] != ':')
		colon--;
	if (!colon || colon == len)
		return refuse(err, "the display number N is missing");
	for (size_t i = colon; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return refuse(err, "N is no number");
		number = number > MAX_PORT
				 ? number
				 : number * 10 + (unsigned int)(text[i] - '0');
	}
	if (number > MAX_PORT - VNC_FIRST_PORT)
		return refuse(err, "N is at most 59635");
	ret->port = VNC_FIRST_PORT + number;
	len = colon - 1;
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(ret->host))
		return refuse(err, "HOST is too long");
	if (len)
		snprintf(ret->host, sizeof(ret->host), "%.*s", (int)len, text);
	return 0;
}

static int take_password(const char *text, size_t len, struct vnc_options *ret,
			 struct smudge_error *err)
{
	if (!len)
		return refuse(err, "the password is empty");
	if (len > VNC_PASSWORD_BYTES)
		return refuse(err, "VNC passwords have at most 8 characters");
	memcpy(ret->password, text, len);
	ret->password[len] = '\0';
	return 0;
}

static int take_password_file(const char *text, size_t len,
			      struct vnc_options *ret, struct smudge_error *err)
{
	if (!len || len >= sizeof(ret->password_file))
		return refuse(err, "the password file's name is empty or too "
				   "long");
	memcpy(ret->password_file, text, len);
	ret->password_file[len] = '\0';
	return 0;
}

int vnc_options_read(struct vnc_options *options, int end_fd,
		     struct smudge_error *err)
{
	char line[64];
	ssize_t len;
	int ret;

	if (!*options->password_file)
		return 0;
	len = file_read_line(options->password_file, line, sizeof(line),
			     end_fd);
	if (len < 0)
		return smudge_error_set(err, (int)len, WHERE,
					"the password file %.100s cannot be "
					"read: %s",
					options->password_file,
					file_reason((int)len));
	/* a NUL would end the password early */
	if (strlen(line) < (size_t)len)
		ret = refuse(err, "the password file's first line holds a "
				  "NUL byte");
	else
		ret = take_password(line, (size_t)len, options, err);
	explicit_bzero(line, sizeof(line));
	return ret;
}

static bool is(const char *text, size_t len, const char *name)
{
	return strlen(name) == len && !strncmp(text, name, len);
}

static int take_word(const char *word, size_t len, struct vnc_options *ret,
		     struct smudge_error *err)
{
	const char *equals = memchr(word, '=', len);
	size_t name_len = equals ? (size_t)(equals - word) : len;
	const char *value = equals ? equals + 1 : word + len;
	size_t value_len = len - (size_t)(value - word);

	if (is(word, name_len, "web")) {
		ret->web = true;
		if (value_len >= sizeof(ret->page))
			return refuse(err, "the page's name is too long");
		snprintf(ret->page, sizeof(ret->page), "%.*s", (int)value_len,
			 value);
		return 0;
	}
	if (is(word, name_len, "password") ||
	    is(word, name_len, "password-file")) {
		if (*ret->password || *ret->password_file)
			return refuse(err, "there are two passwords");
		if (name_len == strlen("password"))
			return take_password(value, value_len, ret, err);
		return take_password_file(value, value_len, ret, err);
	}
	return refuse(err, "there is a word it does not know");
}

int vnc_options_parse(const char *spec, struct vnc_options *ret_options,
		      struct smudge_error *err)
{
	struct vnc_options options = {.host = "127.0.0.1"};
	size_t len = strcspn(spec, ",");
	int ret = parse_address(spec, len, &options, err);

	for (spec += len; ret == 0 && *spec == ','; spec += len) {
		spec++;
		len = strcspn(spec, ",");
		ret = take_word(spec, len, &options, err);
	}
	if (ret == 0)
		*ret_options = options;
	return ret;
}
