/* SPDX-License-Identifier: MIT */
/*
 * Errors inside the library.
 *
 * CLEARING. Every public call with an @err clears it first. So a part of the
 * library that continues after a failure passes an error of its own to the next
 * public call, and keeps the first one with smi_sys_error_keep.
 *
 * WHAT CALLBACKS RETURN. 0, or a negative errno. Any other value is a failure
 * too; only smi_sys_callback_check decides that. A callback that takes an error
 * always gets one, cleared, whether or not the caller of the library wants the
 * sentence.
 */
#ifndef LIB_SYS_ERROR_H
#define LIB_SYS_ERROR_H

#include <smudge/error.h>

/* Copy @own to @err, unless @err is NULL or holds a failure already. */
void smi_sys_error_keep(struct smudge_error *err,
			const struct smudge_error *own);

/* Newlines, escapes and the bytes of a cut character become '?'. */
void smi_sys_error_filter(char *text);

/*
 * smi_sys_callback_check - check what a callback of the program returned
 * @own: the error that the callback was given; cleared before the call
 * @value: what it returned
 * @where, @what: the object and the operation, for the sentence
 *
 * 0 and negative errnos are allowed, except -EOWNERDEAD: a migration returns it
 * when the machine may run elsewhere.
 * Return: 0, with @own cleared; or @value; or -EIO when it is not allowed. @own
 * has the failure's code with the callback's sentence. If the callback left no
 * sentence, @own is clear and the caller sets one.
 */
int smi_sys_callback_check(struct smudge_error *own, int value,
			   const char *where, const char *what);

#endif
