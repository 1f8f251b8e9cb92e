/* SPDX-License-Identifier: MIT */
/*
 * The QMP commands for a QEMU that waits for its device state.
 */
#ifndef TOOLS_RESTORE_INCOMING_H
#define TOOLS_RESTORE_INCOMING_H

#include <stdbool.h>

#include <jansson.h>

struct qmp_client;
struct smudge_error;

/*
 * The arguments of migrate-set-capabilities: memory that is shared is there. It
 * is off again when the state is loaded: a later savevm or migration would
 * leave the memory out.
 */
json_t *incoming_capabilities(bool is_on);

/*
 * incoming_load - load the device state, and let the guest run
 * @client: of a QEMU with -incoming defer
 * @state_fd: of a file, read from its position on; borrowed
 * @was_running: false: the guest stays paused
 *
 * Blocks: until the guest runs, or QEMU has ended. A child process reads the
 * state meanwhile.
 * Return: 0, or -errno with one sentence.
 */
int incoming_load(struct qmp_client *client, int state_fd, bool was_running,
		  struct smudge_error *err);

#endif
