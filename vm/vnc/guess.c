/* SPDX-License-Identifier: MIT */
/*
 * The table of wrong passwords, per address.
 */
#include "vnc/guess.h"

#include <stddef.h>
#include <string.h>

#include <netinet/in.h>

#define NS_PER_S     INT64_C(1000000000)
#define MAX_WRONG    7 /* counted: 64 s, cut to MAX_DELAY_NS */
#define MAX_DELAY_NS (60 * NS_PER_S)
#define FORGET_NS    (600 * NS_PER_S)

struct vnc_address vnc_address_of(const struct sockaddr_storage *conn)
{
	struct vnc_address address = {{0}};
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (conn->ss_family == AF_INET) {
		memcpy(&in, conn, sizeof(in));
		memcpy(address.bytes + 4, &in.sin_addr, 4);
		address.bytes[0] = 4; /* no subscriber has this IPv6 prefix */
	} else if (conn->ss_family == AF_INET6) {
		memcpy(&in6, conn, sizeof(in6));
		if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			memcpy(address.bytes, &in6.sin6_addr, 8);
			return address;
		}
		memcpy(address.bytes + 4, in6.sin6_addr.s6_addr + 12, 4);
		address.bytes[0] = 4;
	}
	return address;
}

static bool is_remembered(const struct vnc_guesser *guesser, int64_t now_ns)
{
	return guesser->nwrong && now_ns - guesser->wrong_ns < FORGET_NS;
}

/* The address's entry, else a free one, else the shared one. */
static size_t find(const struct vnc_guesses *guesses,
		   struct vnc_address address, int64_t now_ns)
{
	size_t found = VNC_GUESS_ADDRESSES;

	for (size_t i = 0; i < VNC_GUESS_ADDRESSES; i++) {
		const struct vnc_guesser *g = &guesses->list[i];

		if (!is_remembered(g, now_ns))
			found = i;
		else if (!memcmp(&g->address, &address, sizeof(address)))
			return i;
	}
	return found;
}

int64_t vnc_guess_due_ns(const struct vnc_guesses *guesses,
			 struct vnc_address address, int64_t now_ns)
{
	const struct vnc_guesser *g =
		&guesses->list[find(guesses, address, now_ns)];
	int64_t delay_ns;

	if (!is_remembered(g, now_ns))
		return now_ns;
	delay_ns = NS_PER_S << (g->nwrong - 1);
	return g->wrong_ns +
	       (delay_ns < MAX_DELAY_NS ? delay_ns : MAX_DELAY_NS);
}

void vnc_guess_note(struct vnc_guesses *guesses, struct vnc_address address,
		    bool was_right, int64_t now_ns)
{
	size_t i = find(guesses, address, now_ns);
	struct vnc_guesser *g = &guesses->list[i];

	if (was_right) {
		/*
		 * a right password of one address must not clear the others'
		 * delay
		 */
		if (i < VNC_GUESS_ADDRESSES)
			g->nwrong = 0;
		return;
	}
	if (!is_remembered(g, now_ns))
		*g = (struct vnc_guesser){.address = address};
	if (g->nwrong < MAX_WRONG)
		g->nwrong++;
	g->wrong_ns = now_ns;
}
