/* SPDX-License-Identifier: MIT */
/*
 * A log of everything that the library says: log.h.
 */
#include <errno.h>

#include "support.h"

static int nmessages;

static void write_message(const struct smudge_log_message *message,
			  void *opaque)
{
	NEED(message->size >= sizeof(*message) && opaque == &nmessages);
	NEED(message->where[0] && message->text[0] && message->time_ns);
	NEED(message->level >= SMUDGE_LOG_WARNING);
	nmessages++;
}

int main(void)
{
	struct smudge_log_options options = {.size = sizeof(options),
					     .level = SMUDGE_LOG_DEBUG,
					     .write = write_message,
					     .opaque = &nmessages};
	struct smudge_client_options me = {.size = sizeof(me), .name = "me"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client;
	struct smudge_log *log;
	struct world world;

	NEED(smudge_log_open(&options, &log, &err) == 0);
	world_open(&world);
	NEED(smudge_client_open(world.memory, &me, &client, &err) == 0);
	NEED(smudge_client_close(client) == 0);
	world_close(&world);
	smudge_log_close(log);
	NEED(nmessages > 0);
	options.write = NULL;
	NEED(smudge_log_open(&options, &log, &err) == -EINVAL);
	return 0;
}
