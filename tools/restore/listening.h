/* SPDX-License-Identifier: MIT */
/*
 * Who listens on UNIX sockets, without connecting: a QMP server has one client
 * at a time, and a serial line's would notice it.
 */
#ifndef TOOLS_RESTORE_LISTENING_H
#define TOOLS_RESTORE_LISTENING_H

#include <stdbool.h>

/*
 * listening_on - is a path one that a socket listens on?
 * @path: as the listener has named it
 *
 * Sockets of other network namespaces are not seen.
 */
bool listening_on(const char *path);

#endif
