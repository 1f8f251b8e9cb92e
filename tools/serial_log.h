/* SPDX-License-Identifier: MIT */
/*
 * What scribble or paint wrote on its serial port, read from a file.
 */
#ifndef TOOLS_SERIAL_LOG_H
#define TOOLS_SERIAL_LOG_H

#include <stdint.h>

struct serial_log {
	uint64_t passes; /* lines of passes or loops in this file */
	uint64_t last_pass;
	uint64_t errors; /* as the guest counts, or lines of errors */
};

/* A line that is cut at the file's begin or end is not counted. 0 or -errno. */
int serial_log_read(const char *path, struct serial_log *ret);

#endif
