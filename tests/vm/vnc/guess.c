/* SPDX-License-Identifier: MIT */
/*
 * The delays after wrong VNC passwords, with a clock of the test's own.
 */
#include "support.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "vnc/guess.h"

#define S INT64_C(1000000000)

static struct vnc_address ipv4(uint32_t number)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_storage storage = {0};

	in.sin_addr.s_addr = htonl(number);
	memcpy(&storage, &in, sizeof(in));
	return vnc_address_of(&storage);
}

static struct vnc_address ipv6(const char *text)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_storage storage = {0};

	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	memcpy(&storage, &in6, sizeof(in6));
	return vnc_address_of(&storage);
}

/* How long an address has to wait. */
static int64_t wait_ns(const struct vnc_guesses *g, struct vnc_address address,
		       int64_t now_ns)
{
	int64_t due_ns = vnc_guess_due_ns(g, address, now_ns);

	return due_ns > now_ns ? due_ns - now_ns : 0;
}

static void delays_double_up_to_a_minute(void **state)
{
	static const int64_t delays_s[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
	struct vnc_guesses g = {0};
	int64_t now_ns = 5 * S;

	assert_int_equal(wait_ns(&g, ipv4(1), now_ns), 0);
	for (size_t i = 0; i < sizeof(delays_s) / sizeof(delays_s[0]); i++) {
		vnc_guess_note(&g, ipv4(1), false, now_ns);
		assert_int_equal(wait_ns(&g, ipv4(1), now_ns), delays_s[i] * S);
		assert_int_equal(wait_ns(&g, ipv4(2), now_ns), 0);
		now_ns += delays_s[i] * S;
		assert_int_equal(wait_ns(&g, ipv4(1), now_ns), 0);
	}
}

static void a_right_one_ends_it(void **state)
{
	struct vnc_guesses g = {0};

	vnc_guess_note(&g, ipv4(1), false, S);
	vnc_guess_note(&g, ipv4(1), false, S);
	vnc_guess_note(&g, ipv4(2), true, S);
	assert_int_equal(wait_ns(&g, ipv4(1), S), 2 * S);
	vnc_guess_note(&g, ipv4(1), true, 3 * S);
	assert_int_equal(wait_ns(&g, ipv4(1), 3 * S), 0);
	vnc_guess_note(&g, ipv4(1), false, 3 * S);
	assert_int_equal(wait_ns(&g, ipv4(1), 3 * S), S);
}

static void ten_quiet_minutes_end_it(void **state)
{
	struct vnc_guesses g = {0};

	for (int i = 0; i < 20; i++)
		vnc_guess_note(&g, ipv4(1), false, S);
	vnc_guess_note(&g, ipv4(1), false, 600 * S);
	assert_int_equal(wait_ns(&g, ipv4(1), 600 * S), 60 * S);
	vnc_guess_note(&g, ipv4(1), false, 1201 * S);
	assert_int_equal(wait_ns(&g, ipv4(1), 1201 * S), S);
}

static void many_addresses_gain_nothing(void **state)
{
	struct vnc_guesses g = {0};

	for (uint32_t i = 0; i < VNC_GUESS_ADDRESSES; i++)
		vnc_guess_note(&g, ipv4(i), false, S);
	assert_int_equal(wait_ns(&g, ipv4(1000), S), 0);
	for (uint32_t i = 0; i < 10; i++)
		vnc_guess_note(&g, ipv4(1000 + i), false, S);
	assert_int_equal(wait_ns(&g, ipv4(5000), S), 60 * S);
	/* nor does a right one of theirs */
	vnc_guess_note(&g, ipv4(1000), true, S);
	assert_int_equal(wait_ns(&g, ipv4(5000), S), 60 * S);
	/* those that are known keep their own */
	assert_int_equal(wait_ns(&g, ipv4(3), S), S);
	vnc_guess_note(&g, ipv4(3), false, S);
	assert_int_equal(wait_ns(&g, ipv4(3), S), 2 * S);
}

static void which_addresses_are_one(void **state)
{
	struct vnc_guesses g = {0};

	vnc_guess_note(&g, ipv6("2001:db8:1:2::7"), false, S);
	assert_int_equal(wait_ns(&g, ipv6("2001:db8:1:2:ffff::9"), S), S);
	assert_int_equal(wait_ns(&g, ipv6("2001:db8:1:3::7"), S), 0);
	vnc_guess_note(&g, ipv6("::ffff:192.0.2.1"), false, S);
	assert_int_equal(wait_ns(&g, ipv4(0xc0000201), S), S);
	assert_int_equal(wait_ns(&g, ipv4(0xc0000202), S), 0);
}

TEST_MAIN(delays_double_up_to_a_minute, a_right_one_ends_it,
	  ten_quiet_minutes_end_it, many_addresses_gain_nothing,
	  which_addresses_are_one)
