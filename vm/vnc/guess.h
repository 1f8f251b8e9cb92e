/* SPDX-License-Identifier: MIT */
/*
 * What a wrong password costs: time, per address, however many connections.
 *
 * A VNC password has at most 8 characters, so a program that tries thousands
 * per second finds it. After each wrong one, the next answer from the same
 * address is checked only after a delay, which doubles from a second to a
 * minute. A right one ends the delay. An address without a wrong one for ten
 * minutes is forgotten.
 *
 * The table has a fixed size. When it is full of addresses that are still
 * delayed, all others share one entry, so using many addresses gains nothing.
 * Pure: the caller passes the time. One thread uses it.
 */
#ifndef VM_VNC_GUESS_H
#define VM_VNC_GUESS_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/socket.h>

#define VNC_GUESS_ADDRESSES 64

/* An IPv4 address, or the first 64 bits of an IPv6 one: one subscriber's. */
struct vnc_address {
	uint8_t bytes[8];
};

struct vnc_guesser {
	struct vnc_address address;
	unsigned int nwrong; /* in a row; 0: a free entry */
	int64_t wrong_ns;    /* when the last one was */
};

/* Zeroed to begin with. The last entry is the shared one. */
struct vnc_guesses {
	struct vnc_guesser list[VNC_GUESS_ADDRESSES + 1];
};

/* Other families than IPv4 and IPv6 are all one address. */
struct vnc_address vnc_address_of(const struct sockaddr_storage *conn);

/* When the next password from @address may be checked; perhaps in the past. */
int64_t vnc_guess_due_ns(const struct vnc_guesses *guesses,
			 struct vnc_address address, int64_t now_ns);

/* A password from @address was checked at @now_ns. */
void vnc_guess_note(struct vnc_guesses *guesses, struct vnc_address address,
		    bool was_right, int64_t now_ns);

#endif
