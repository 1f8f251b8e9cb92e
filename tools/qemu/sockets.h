/* SPDX-License-Identifier: MIT */
/*
 * The UNIX sockets that a QEMU's command line listens on.
 */
#ifndef TOOLS_QEMU_SOCKETS_H
#define TOOLS_QEMU_SOCKETS_H

/*
 * qemu_each_listened - each of them
 * @words: NULL-terminated; the first one is the program
 * @found: called with each path, as it is written. Another value than 0 ends
 *      the call
 * Return: 0, or what @found returned.
 */
int qemu_each_listened(char *const words[],
		       int (*found)(void *opaque, const char *path),
		       void *opaque);

/*
 * qemu_find_monitor - the UNIX socket where a command line has QMP
 * Return: its path, freed by the caller; NULL: it has none.
 */
char *qemu_find_monitor(char *const words[]);

#endif
