/* SPDX-License-Identifier: MIT */
/*
 * Places of the VNC server's connections. Viewers keep theirs; a stranger, who
 * has not shown yet that it may see the screen, may lose its place to a new
 * connection. The address that most strangers come from loses one, so that a
 * person at another address has the time to type a password.
 */
#include "vnc/internal.h"

#include <string.h>

static bool is_stranger(const struct vnc_peer *peer)
{
	return peer->fd >= 0 && !peer->may_see;
}

/* How many strangers come from there. */
static unsigned int count_strangers(const struct vnc *vnc,
				    struct vnc_address address)
{
	unsigned int count = 0;

	for (const struct vnc_peer *peer = vnc->peers;
	     peer < vnc->peers + VNC_MAX_PEERS; peer++) {
		if (is_stranger(peer) &&
		    !memcmp(&peer->address, &address, sizeof(address)))
			count++;
	}
	return count;
}

struct vnc_peer *vnc_place_find(struct vnc *vnc)
{
	struct vnc_peer *worst = NULL;
	unsigned int most = 0;

	for (struct vnc_peer *peer = vnc->peers;
	     peer < vnc->peers + VNC_MAX_PEERS; peer++) {
		unsigned int count;

		if (peer->fd < 0)
			return peer;
		if (!is_stranger(peer))
			continue;
		count = count_strangers(vnc, peer->address);
		if (count > most ||
		    (count == most && peer->came_ns < worst->came_ns)) {
			worst = peer;
			most = count;
		}
	}
	if (worst)
		vnc_peer_end(vnc, worst);
	return worst;
}
