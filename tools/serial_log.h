/* SPDX-License-Identifier: MIT */
/*
 * What scribble or paint wrote to its serial port, read from a file.
 */
#ifndef TOOLS_SERIAL_LOG_H
#define TOOLS_SERIAL_LOG_H

#include <stdint.h>

struct serial_log {
	uint64_t passes; /* lines in this file that report a pass or loop */
	uint64_t last_pass;
	uint64_t errors; /* as the guest counts them, or 1 */
};

/* Does not count a line cut at the start or end of the file. 0 or -errno. */
int serial_log_read(const char *path, struct serial_log *ret_log);

#endif
