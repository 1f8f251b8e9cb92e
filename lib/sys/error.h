/* SPDX-License-Identifier: MIT */
/*
 * Errors inside the library.
 *
 * WHO CLEARS: every public call with an @err clears it first. So a part of the
 * library that goes on after a failure gives the next public call an error of
 * its own, and keeps the first with smi_sys_error_keep.
 *
 * WHAT CALLBACKS RETURN: 0, or a negative errno. Whatever else comes back is
 * a failure too; smi_sys_callback_check is the one place that says so. A
 * callback that takes an error always gets one, cleared, whether or not the
 * caller of the library wants the sentence.
 */
#ifndef LIB_SYS_ERROR_H
#define LIB_SYS_ERROR_H

#include <smudge/error.h>

/* Note what @own holds in @err, unless that is NULL or holds something. */
void smi_sys_error_keep(struct smudge_error *err,
			const struct smudge_error *own);

/*
 * smi_sys_callback_check - what did a callback of the program return?
 * @own: the error that was given to it, or for it: cleared before the call
 * @value: what it returned
 * @where, @what: who was asked, and for what, for the sentence
 *
 * Documented are 0 and a negative errno, but not -EOWNERDEAD: that is how a
 * migration says that the machine may run elsewhere.
 * Return: 0, with @own cleared; or @value; or -EIO when it is not documented.
 * A failure's code is in @own with the callback's sentence; if the callback
 * left none, @own is clear, and the caller sets one.
 */
int smi_sys_callback_check(struct smudge_error *own, int value,
			   const char *where, const char *what);

#endif
