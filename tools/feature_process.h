/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says about this process that may deny it something.
 */
#ifndef TOOLS_FEATURE_PROCESS_H
#define TOOLS_FEATURE_PROCESS_H

/* "unknown" where /proc does not tell. */
struct feature_process {
	char release[65];	 /* of the kernel */
	unsigned int uid;	 /* effective */
	char capabilities[24];	 /* effective: hexadecimal, or "none" */
	char seccomp[24];	 /* "none", "strict" or "filter" */
	char user_namespace[24]; /* "initial" or "another" */
};

void feature_process_read(struct feature_process *process);

#endif
