/* SPDX-License-Identifier: MIT */
/*
 * What viewers are told once the guest is at the destination of a migration.
 *
 * The picture does not change any more, and looks like that of a guest that
 * hangs. VNC has no message for that after the handshake: so each viewer is
 * disconnected as soon as it has the last picture. One that does not take it is
 * disconnected STAY_NS later. A viewer that connects again is refused with the
 * reason; web.c refuses browsers.
 */
#include "vnc/internal.h"

#include <string.h>

#include "base/host.h"
#include "base/say.h"
#include "machine/machine.h"
#include "machine/run_control.h"

#define STAY_NS (2000 * VNC_NS_MS)

#define GONE	   "the guest has been migrated away"
#define GONE_BYTES "\0\0\0\x20"

_Static_assert(sizeof(GONE) - 1 == 0x20, "the length in GONE_BYTES");

/* Version 3.3, which every viewer knows: no security type, and the reason. */
static const char refusal[] = "RFB 003.003\n"
			      "\0\0\0\0" GONE_BYTES GONE;

static bool is_away(struct vnc *vnc)
{
	return machine_run_state(vnc->machine) == MACHINE_POSTMIGRATE &&
	       !run_control_is_unconfirmed(vnc->machine);
}

static bool must_go(struct vnc *vnc, const struct vnc_conn *conn)
{
	if (!conn->client)
		return false;
	return host_now_ns() >= vnc->away_since_ns + STAY_NS ||
	       vnc_screen_is_last(vnc, conn, vnc->away_since_ns);
}

static void drop_viewers(struct vnc *vnc)
{
	for (size_t i = 0; i < VNC_MAX_CONNS; i++) {
		if (!must_go(vnc, &vnc->conns[i]))
			continue;
		vnc_conn_end(vnc, &vnc->conns[i]);
		if (!vnc->has_dropped)
			say("vnc: " GONE ": the viewers are disconnected");
		vnc->has_dropped = true;
	}
}

void vnc_depart_follow(struct vnc *vnc)
{
	bool was_away = vnc->is_away;

	vnc->is_away = is_away(vnc);
	if (!vnc->is_away)
		return;
	if (!was_away) {
		vnc->away_since_ns = host_now_ns();
		vnc->has_dropped = false;
	}
	drop_viewers(vnc);
}

const char *vnc_depart_refusal(size_t *ret_bytes)
{
	*ret_bytes = sizeof(refusal) - 1;
	return refusal;
}
