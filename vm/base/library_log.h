/* SPDX-License-Identifier: MIT */
/*
 * What libsmudge says beside failures, on standard error.
 */
#ifndef VM_BASE_LIBRARY_LOG_H
#define VM_BASE_LIBRARY_LOG_H

#include <smudge/log.h>

/*
 * library_log_open - print the library's messages by say()
 * @level: the last one wanted
 * @ret_log: to be closed with smudge_log_close()
 *
 * Return: 0, or as smudge_log_open, with a sentence.
 */
int library_log_open(enum smudge_log_level level, struct smudge_log **ret_log,
		     struct smudge_error *err);

#endif
