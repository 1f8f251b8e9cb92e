/* SPDX-License-Identifier: MIT */
/*
 * Options of the caller's socket that a stream needs set differently: changed
 * when the transport is opened, put back when it is closed.
 */
#ifndef LIB_STREAM_SOCKET_SETUP_H
#define LIB_STREAM_SOCKET_SETUP_H

#include <stdbool.h>

#define SMI_SOCKET_OPTIONS 4

struct smi_socket_setup {
	bool is_changed[SMI_SOCKET_OPTIONS];
	int callers[SMI_SOCKET_OPTIONS]; /* value of a changed option */
};

/*
 * smi_socket_setup - set what a stream needs
 * @fd: stream socket (borrowed)
 * @ret_setup: receives what smi_socket_restore needs
 *
 * An option that this kind of socket does not have, or that cannot be set, is
 * left alone.
 */
void smi_socket_setup(int fd, struct smi_socket_setup *ret_setup);

/* Put the caller's values back; also after a shutdown. */
void smi_socket_restore(int fd, const struct smi_socket_setup *setup);

#endif
