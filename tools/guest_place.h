/* SPDX-License-Identifier: MIT */
/*
 * Where a guest is after a migration that did not complete. The source is
 * asked; nothing is guessed.
 */
#ifndef TOOLS_GUEST_PLACE_H
#define TOOLS_GUEST_PLACE_H

#include <stddef.h>

/*
 * guest_place_say - the end of a sentence, ": the guest runs at the source"
 * @socket: the source's control socket
 * @buf, @size: receive it; always ended by a zero byte
 *
 * Asks over a connection of its own, since the other connection may be what
 * failed. If there is no answer, the sentence says that the place is unknown.
 */
void guest_place_say(const char *socket, char *buf, size_t size);

#endif
