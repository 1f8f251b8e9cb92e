/* SPDX-License-Identifier: MIT */
/*
 * Finds a place for a new connection.
 *
 * Viewers keep their places. An unauthenticated connection may lose its place
 * to a new one. The address with the most of them loses one, so that a person
 * at another address has time to type a password.
 */
#include "vnc/internal.h"

#include <string.h>

static bool is_unauthenticated(const struct vnc_conn *conn)
{
	return conn->fd >= 0 && !conn->is_authenticated;
}

/* The number of unauthenticated connections from @address. */
static unsigned int count_unauthenticated(const struct vnc *vnc,
					  struct vnc_address address)
{
	unsigned int count = 0;

	for (const struct vnc_conn *conn = vnc->conns;
	     conn < vnc->conns + VNC_MAX_CONNS; conn++) {
		if (is_unauthenticated(conn) &&
		    !memcmp(&conn->address, &address, sizeof(address)))
			count++;
	}
	return count;
}

struct vnc_conn *vnc_place_find(struct vnc *vnc)
{
	struct vnc_conn *worst = NULL;
	unsigned int most = 0;

	for (struct vnc_conn *conn = vnc->conns;
	     conn < vnc->conns + VNC_MAX_CONNS; conn++) {
		unsigned int count;

		if (conn->fd < 0)
			return conn;
		if (!is_unauthenticated(conn))
			continue;
		count = count_unauthenticated(vnc, conn->address);
		if (count > most ||
		    (count == most &&
		     conn->connected_at_ns < worst->connected_at_ns)) {
			worst = conn;
			most = count;
		}
	}
	if (worst)
		vnc_conn_end(vnc, worst);
	return worst;
}
