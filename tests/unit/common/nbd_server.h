/* SPDX-License-Identifier: MIT */
/*
 * An nbdkit behind a socket in the test's folder. Tests skip where there is no
 * nbdkit or no libnbd.
 */
#ifndef TESTS_UNIT_COMMON_NBD_SERVER_H
#define TESTS_UNIT_COMMON_NBD_SERVER_H

#include <sys/types.h>

#include <smudge/error.h>

#include "common/nbd_disk.h"

#define NBD_SERVER_URI "nbd+unix:///?socket=server.sock"

/*
 * Begin one with these arguments, words with blanks between them. It is killed
 * by nbd_server_kill, or when the test ends.
 */
pid_t nbd_server_start(const char *arguments);
void nbd_server_kill(pid_t pid);

/* When it returns, no thread of it runs. SIGCONT continues it. */
void nbd_server_stop(pid_t pid);

/*
 * Connected; the test fails if it cannot be. It is tried again while a busy
 * machine lets the timeout pass.
 */
struct nbd_disk *nbd_server_open(uint64_t timeout_ns);

#endif
