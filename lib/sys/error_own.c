/* SPDX-License-Identifier: MIT */
/*
 * Errors that a part of the library has of its own, and what callbacks may
 * leave in them.
 */
#include "sys/error.h"

#include <errno.h>

/* The kernel's largest errno. */
#define MAX_ERRNO 4095

void smi_sys_error_keep(struct smudge_error *err,
			const struct smudge_error *own)
{
	if (err && !err->code)
		*err = *own;
}

/* The program's callback may have written into the struct directly. */
static void adopt(struct smudge_error *own, int code)
{
	own->where[sizeof(own->where) - 1] = '\0';
	own->message[sizeof(own->message) - 1] = '\0';
	smi_sys_error_filter(own->where);
	smi_sys_error_filter(own->message);
	if (own->message[0])
		own->code = code;
	else
		smudge_error_clear(own);
}

int smi_sys_callback_check(struct smudge_error *own, int value,
			   const char *where, const char *what)
{
	struct smudge_error theirs;

	if (value == 0) {
		smudge_error_clear(own);
		return 0;
	}
	adopt(own, value);
	if (value < 0 && value >= -MAX_ERRNO && value != -EOWNERDEAD)
		return value;
	theirs = *own;
	own->code = 0;
	smudge_error_set(own, -EIO, where,
			 "%s returned %d, which is neither 0 nor an errno that "
			 "it may return%s%s",
			 what, value, theirs.message[0] ? ": " : "",
			 theirs.message);
	return -EIO;
}
