/* SPDX-License-Identifier: MIT */
/*
 * One line per message. say() may wait for a stuck reader, once and for a fifth
 * of a second; the library's locks are not held meanwhile.
 */
#include "base/library_log.h"

#include "base/say.h"

static void say_message(const struct smudge_log_message *message, void *opaque)
{
	if (message->left_out)
		say("%s: %s (%llu like it were left out before)",
		    message->where, message->text,
		    (unsigned long long)message->left_out);
	else
		say("%s: %s", message->where, message->text);
}

int library_log_open(enum smudge_log_level level, struct smudge_log **ret_log,
		     struct smudge_error *err)
{
	const struct smudge_log_options options = {
		.size = sizeof(options), .level = level, .write = say_message};

	return smudge_log_open(&options, ret_log, err);
}
