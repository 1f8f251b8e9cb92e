/* SPDX-License-Identifier: MIT */
/*
 * HTTP, as far as a page of one file needs it: the page itself (noVNC and a
 * few lines around it, made by web/make-page.py), and the request that opens a
 * WebSocket of libvncserver.
 *
 * libvncserver's own HTTP server is not used: it serves one connection at a
 * time, drops it when the next one comes, and makes viewers wait meanwhile.
 *
 * A browser reports which page opens a WebSocket (Origin). Only this server's
 * own page may, or any web page could see the screen of a user that visits it.
 * A web page can also make its own name resolve to this server's address after
 * it was loaded (DNS rebinding); then it looks like this server's page. So a
 * name with dots, which a stranger can register, is accepted only if it is the
 * one that --vnc gave, or if there is a password, which such a page does not
 * know.
 */
#include "vnc/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/file.h"

#define MAX_PAGE_BYTES	 (UINT64_C(64) << 20)
#define MAX_METHOD_BYTES 16

#define NO_SNIFF                              \
	"X-Content-Type-Options: nosniff\r\n" \
	"Referrer-Policy: no-referrer\r\n"

/*
 * The page is one file, whose scripts and modules are in it. make-page.py
 * narrows script-src to the hashes of its own scripts with a second policy in
 * the page; a page given with web=FILE has only this one.
 */
#define PAGE_POLICY                                                         \
	"Content-Security-Policy: default-src 'none'; "                     \
	"script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; "     \
	"img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'\r\n"

#define TEXT_HEAD                                                  \
	NO_SNIFF "Content-Security-Policy: default-src 'none'\r\n" \
		 "Content-Type: text/plain\r\n"                    \
		 "Connection: close\r\n"

static const char not_found[] =
	"HTTP/1.1 404 Not Found\r\n" TEXT_HEAD "Content-Length: 10\r\n\r\n"
	"not here.\n";

static const char not_allowed[] =
	"HTTP/1.1 405 Method Not Allowed\r\n"
	"Allow: GET, HEAD\r\n" TEXT_HEAD "Content-Length: 19\r\n\r\n"
	"GET and HEAD only.\n";

static const char gone[] =
	"HTTP/1.1 410 Gone\r\n"
	"Cache-Control: no-store\r\n" TEXT_HEAD "Content-Length: 33\r\n\r\n"
	"the guest has been migrated away\n";

/* Copies a header's value. False: the request has no such header. */
static bool header(const char *text, const char *name, char *buf, size_t size)
{
	size_t name_len = strlen(name);

	for (const char *line = strstr(text, "\r\n"); line;
	     line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, name_len) != 0 ||
		    line[name_len] != ':')
			continue;
		line += name_len + 1;
		line += strspn(line, " \t");
		snprintf(buf, size, "%.*s", (int)strcspn(line, "\r\n"), line);
		return true;
	}
	return false;
}

/*
 * True for an address (in brackets if IPv6), a name without dots, HOST of
 * --vnc, and with a password for any name.
 */
static bool is_own_name(char *host, const struct vnc_options *options)
{
	unsigned char address[sizeof(struct in6_addr)];
	bool is_ipv6 = host[0] == '[';
	char *end = host + strcspn(host, is_ipv6 ? "]" : ":");
	bool is_own;

	if (is_ipv6) {
		*end = '\0';
		return inet_pton(AF_INET6, host + 1, address) == 1;
	}
	*end = '\0';
	is_own = *options->password || !strchr(host, '.') ||
		 inet_pton(AF_INET, host, address) == 1;
	return is_own || !strcasecmp(host, options->host);
}

static bool is_own_page(const char *text, const struct vnc_options *options)
{
	char origin[512];
	char host[512];
	const char *slashes;

	if (!header(text, "Origin", origin, sizeof(origin)) ||
	    !header(text, "Host", host, sizeof(host)))
		return false;
	slashes = strstr(origin, "://");
	return slashes && !strcasecmp(slashes + 3, host) &&
	       is_own_name(host, options);
}

/* A method in letters and a space, or the part of it that has arrived. */
static bool may_be_http(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return n && n <= MAX_METHOD_BYTES && (text[n] == ' ' || !text[n]);
}

static bool is_head(const char *text)
{
	return !strncmp(text, "HEAD ", 5);
}

static bool is_upgrade(const char *text)
{
	char upgrade[64];

	return header(text, "Upgrade", upgrade, sizeof(upgrade)) &&
	       !strcasecmp(upgrade, "websocket");
}

/* The kind of an HTTP request that has arrived whole. */
static enum vnc_request kind_of(const char *text,
				const struct vnc_options *options)
{
	bool is_get = !strncmp(text, "GET ", 4);
	const char *path;

	if (!is_get && !is_head(text))
		return VNC_REQUEST_METHOD;
	if (is_get && is_upgrade(text))
		return is_own_page(text, options) ? VNC_REQUEST_WEBSOCKET
						  : VNC_REQUEST_BAD;
	path = strchr(text, ' ') + 1;
	return *path == '/' && strcspn(path, " ?\r\n") == 1 ? VNC_REQUEST_PAGE
							    : VNC_REQUEST_OTHER;
}

enum vnc_request vnc_request_parse(const char *text, size_t len,
				   const struct vnc_options *options)
{
	if (!strncmp(text, "RFB ", len < 4 ? len : 4))
		return VNC_REQUEST_VNC;
	if (!options->web || !may_be_http(text))
		return VNC_REQUEST_BAD;
	if (strstr(text, "\r\n\r\n"))
		return kind_of(text, options);
	return strlen(text) < len || len == VNC_REQUEST_BYTES
		       ? VNC_REQUEST_BAD
		       : VNC_REQUEST_PARTIAL;
}

const char *vnc_request_answer(const struct vnc *vnc, enum vnc_request request,
			       const char *text, size_t *ret_bytes)
{
	const char *answer =
		request == VNC_REQUEST_METHOD ? not_allowed : not_found;

	*ret_bytes = strlen(answer);
	if (vnc->is_away && request != VNC_REQUEST_METHOD) {
		answer = gone;
		*ret_bytes = strlen(answer);
	} else if (request == VNC_REQUEST_PAGE) {
		answer = vnc->page;
		*ret_bytes = vnc->page_bytes;
	}
	/* every answer has a head; the page's body may have any bytes */
	if (is_head(text))
		*ret_bytes = (size_t)(strstr(answer, "\r\n\r\n") - answer) + 4;
	return answer;
}

/* The path of the page beside a smudge-vm that was built or installed. */
static bool find_page(char path[PATH_MAX])
{
	static const char *const places[] = {"../web/novnc.html",
					     "../share/smudge/novnc.html"};
	char folder[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	if (len <= 0)
		return false;
	folder[len] = '\0';
	*strrchr(folder, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(path, PATH_MAX, "%s/%s", folder, places[i]) <
			    PATH_MAX &&
		    access(path, R_OK) == 0)
			return true;
	return false;
}

/* An answer with @bytes as its body. */
static int make_answer(struct vnc *vnc, const uint8_t *bytes, size_t nbytes)
{
	char head[1024];
	int len = snprintf(head, sizeof(head),
			   "HTTP/1.1 200 OK\r\n" NO_SNIFF PAGE_POLICY
			   "Content-Type: text/html; charset=utf-8\r\n"
			   "Content-Length: %zu\r\n"
			   "Cache-Control: no-store\r\n"
			   "X-Frame-Options: DENY\r\n"
			   "Connection: close\r\n\r\n",
			   nbytes);

	vnc->page = malloc((size_t)len + nbytes);
	if (!vnc->page)
		return -ENOMEM;
	memcpy(vnc->page, head, (size_t)len);
	memcpy(vnc->page + len, bytes, nbytes);
	vnc->page_bytes = (size_t)len + nbytes;
	return 0;
}

/* Is this program where it was built, so that make can build the page? */
static bool is_in_build(void)
{
	static const char beside[] = "/../build.ninja";
	char path[PATH_MAX];
	ssize_t len =
		readlink("/proc/self/exe", path, sizeof(path) - sizeof(beside));

	if (len <= 0)
		return false;
	path[len] = '\0';
	strcpy(strrchr(path, '/'), beside);
	return access(path, F_OK) == 0;
}

int vnc_page_load(struct vnc *vnc, int end_fd, struct smudge_error *err)
{
	char *path = vnc->options.page;
	uint8_t *bytes = NULL;
	size_t nbytes = 0;
	int ret;

	if (!*path && !find_page(path))
		return smudge_error_set(err, -ENOENT, VNC_WHERE,
					"the page for browsers is not here: %s"
					"give its file with web=FILE",
					is_in_build() ? "run 'make web', "
							"which needs npm, or "
						      : "");
	ret = file_read(path, MAX_PAGE_BYTES, end_fd, &bytes, &nbytes);
	if (!ret)
		ret = make_answer(vnc, bytes, nbytes);
	free(bytes);
	if (ret)
		return smudge_error_set(err, ret, VNC_WHERE,
					"the page %.100s cannot be read: %s",
					path, file_reason(ret));
	return 0;
}
