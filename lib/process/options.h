/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the options of a process.
 */
#ifndef LIB_PROCESS_OPTIONS_H
#define LIB_PROCESS_OPTIONS_H

#include <smudge/process.h>

/*
 * smi_process_options_copy - copy and check them; defaults are filled in
 * @from: NULL: the defaults
 *
 * Return: 0, -EINVAL, -E2BIG.
 */
int smi_process_options_copy(struct smudge_process_options *to,
			     const struct smudge_process_options *from,
			     struct smudge_error *err);

#endif
