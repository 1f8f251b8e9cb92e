/* SPDX-License-Identifier: MIT */
/*
 * The first bytes of a connection: what is VNC, what is the page, who may
 * open a WebSocket, and what is refused; also cut at every byte.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "vnc/internal.h"

#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static enum vnc_request parse_bytes(const char *text, size_t len, bool web)
{
	const struct vnc_options options = {.host = "vm.example", .web = web};

	return vnc_request_parse(text, len, &options);
}

static enum vnc_request parse(const char *text, bool web)
{
	return parse_bytes(text, strlen(text), web);
}

static void test_vnc_is_not_http(void **state)
{
	assert_int_equal(parse("RFB 003.008\n", true), VNC_REQUEST_VNC);
	assert_int_equal(parse("R", false), VNC_REQUEST_VNC);
	assert_int_equal(parse("RFX", false), VNC_REQUEST_BAD);
	assert_int_equal(parse("\x16\x03\x01", true), VNC_REQUEST_BAD);
}

static void test_the_page_and_nothing_else(void **state)
{
	assert_int_equal(parse("GET / HTTP/1.1\r\n\r\n", true),
			 VNC_REQUEST_PAGE);
	assert_int_equal(parse("GET / HTTP/1.1\r\n\r\n", false),
			 VNC_REQUEST_BAD);
	assert_int_equal(parse("GET /?a=b HTTP/1.1\r\n\r\n", true),
			 VNC_REQUEST_PAGE);
	assert_int_equal(parse("GET //etc/passwd HTTP/1.1\r\n\r\n", true),
			 VNC_REQUEST_OTHER);
	assert_int_equal(parse("GET /x\r\n\r\n", true), VNC_REQUEST_OTHER);
	assert_int_equal(parse("GET http://a/ HTTP/1.1\r\n\r\n", true),
			 VNC_REQUEST_OTHER);
	assert_int_equal(parse("HEAD / HTTP/1.1\r\n\r\n", true),
			 VNC_REQUEST_PAGE);
	assert_int_equal(parse("HEAD /x HTTP/1.1\r\n\r\n", true),
			 VNC_REQUEST_OTHER);
	/* no viewer is opened by anything but GET */
	assert_int_equal(parse("HEAD / HTTP/1.1\r\nHost: a\r\nOrigin: "
			       "http://a\r\n" UPGRADE "\r\n",
			       true),
			 VNC_REQUEST_PAGE);
}

static void test_other_methods(void **state)
{
	static const char *const methods[] = {"POST",	 "PUT",	  "DELETE",
					      "OPTIONS", "TRACE", "CONNECT",
					      "PATCH",	 "GETS",  "REPORT"};
	char text[64];

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n\r\n",
			 methods[i]);
		assert_int_equal(parse(text, true), VNC_REQUEST_METHOD);
		assert_int_equal(parse(text, false), VNC_REQUEST_BAD);
	}
	assert_int_equal(parse("get / HTTP/1.1\r\n\r\n", true),
			 VNC_REQUEST_BAD);
	assert_int_equal(parse("GET\t/ HTTP/1.1\r\n\r\n", true),
			 VNC_REQUEST_BAD);
	assert_int_equal(parse("ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n\r\n", true),
			 VNC_REQUEST_BAD);
}

static void test_every_cut_is_partial(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
	char cut[sizeof(text)];

	for (size_t len = 1; len < sizeof(text) - 1; len++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)len, text);
		assert_int_equal(parse_bytes(cut, len, true),
				 VNC_REQUEST_PARTIAL);
	}
}

static void test_never_ending_requests(void **state)
{
	static char text[VNC_REQUEST_BYTES + 1];

	memset(text, 'a', VNC_REQUEST_BYTES);
	memcpy(text, "GET /", 5);
	assert_int_equal(parse_bytes(text, VNC_REQUEST_BYTES, true),
			 VNC_REQUEST_BAD);
	/* nothing behind a NUL is looked at */
	assert_int_equal(parse_bytes("GET /\0\r\n\r\n", 10, true),
			 VNC_REQUEST_BAD);
}

struct origin {
	const char *headers;
	enum vnc_request expected;
};

static void test_only_its_own_page_opens_a_websocket(void **state)
{
	static const struct origin origins[] = {
		{"Host: a:1\r\nOrigin: http://a:1\r\n", VNC_REQUEST_WEBSOCKET},
		{"host:a:1\r\nORIGIN: https://A:1\r\n", VNC_REQUEST_WEBSOCKET},
		{"Host: a:1\r\nOrigin: http://a:2\r\n", VNC_REQUEST_BAD},
		{"Host: a:1\r\nOrigin: http://a\r\n", VNC_REQUEST_BAD},
		{"Host: a:1\r\nOrigin: http://evil/a:1\r\n", VNC_REQUEST_BAD},
		{"Host: a:1\r\nOrigin: a:1\r\n", VNC_REQUEST_BAD},
		{"Host: a:1\r\nOrigin: null\r\n", VNC_REQUEST_BAD},
		{"Host: a:1\r\n", VNC_REQUEST_BAD},
		{"Origin: http://a:1\r\n", VNC_REQUEST_BAD},
		{"", VNC_REQUEST_BAD},
	};
	char text[512];

	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		snprintf(text, sizeof(text),
			 "GET / HTTP/1.1\r\n%s" UPGRADE "\r\n",
			 origins[i].headers);
		if (parse(text, true) != origins[i].expected)
			fail_msg("%s", origins[i].headers);
		assert_int_equal(parse(text, false), VNC_REQUEST_BAD);
	}
}

/* A page of the world whose name means this host: DNS rebinding. */
static void test_names_that_anybody_may_have(void **state)
{
	static const struct {
		const char *host;
		bool is_own; /* without a password */
	} hosts[] = {
		{"evil.example:5901", false},
		{"evil.example", false},
		{"1.evil.example:5901", false},
		{"127.0.0.1.evil.example:5901", false},
		{"127.0.0.1.:5901", false},
		{"[evil.example]:5901", false},
		{"vm.example.evil:5901", false},
		{"vm.example:5901", true}, /* of --vnc */
		{"VM.example:5901", true},
		{"127.0.0.1:5901", true},
		{"192.0.2.7", true},
		{"[::1]:5901", true},
		{"localhost:5901", true},
		{"desk:5901", true},
	};
	struct vnc_options options = {.host = "vm.example", .web = true};
	char text[512];

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		snprintf(text, sizeof(text),
			 "GET / HTTP/1.1\r\nHost: %s\r\nOrigin: "
			 "http://%s\r\n" UPGRADE "\r\n",
			 hosts[i].host, hosts[i].host);
		options.password[0] = '\0';
		if ((vnc_request_parse(text, strlen(text), &options) ==
		     VNC_REQUEST_WEBSOCKET) != hosts[i].is_own)
			fail_msg("%s", hosts[i].host);
		options.password[0] = 'x';
		if (hosts[i].host[0] != '[')
			assert_int_equal(
				vnc_request_parse(text, strlen(text), &options),
				VNC_REQUEST_WEBSOCKET);
	}
}

TEST_MAIN(test_vnc_is_not_http, test_the_page_and_nothing_else,
	  test_other_methods, test_every_cut_is_partial,
	  test_never_ending_requests, test_only_its_own_page_opens_a_websocket,
	  test_names_that_anybody_may_have)
