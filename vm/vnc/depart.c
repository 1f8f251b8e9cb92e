/* SPDX-License-Identifier: MIT */
/*
 * What viewers are told once the guest is at the destination of a migration.
 *
 * The picture does not change any more, and looks like that of a guest that
 * hangs. VNC has no message for that after the handshake: so viewers are
 * disconnected, STAY_NS later, in which they get the last picture. A viewer
 * that connects again is refused with the reason; web.c refuses browsers.
 */
#include "vnc/internal.h"

#include <string.h>

#include "base/host.h"
#include "base/say.h"
#include "machine/machine.h"
#include "machine/run_control.h"

#define STAY_NS (10000 * VNC_NS_MS)

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

static bool drop_viewers(struct vnc *vnc)
{
	bool has_dropped = false;

	for (size_t i = 0; i < VNC_MAX_CONNS; i++) {
		if (!vnc->conns[i].client)
			continue;
		vnc_conn_end(vnc, &vnc->conns[i]);
		has_dropped = true;
	}
	return has_dropped;
}

void vnc_depart_follow(struct vnc *vnc)
{
	int64_t now_ns = host_now_ns();

	if (!is_away(vnc))
		vnc->away_at_ns = 0;
	else if (!vnc->away_at_ns)
		vnc->away_at_ns = now_ns + STAY_NS;
	vnc->is_away = vnc->away_at_ns && now_ns >= vnc->away_at_ns;
	if (vnc->is_away && drop_viewers(vnc))
		say("vnc: " GONE ": the viewers are disconnected");
}

const char *vnc_depart_refusal(size_t *ret_bytes)
{
	*ret_bytes = sizeof(refusal) - 1;
	return refusal;
}
